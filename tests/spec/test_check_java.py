"""What a spec says of jars is looked at before any is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.spec import read_spec
from tests.support.jars import make_jar


def written(top: Path, java: dict[str, Any], **said: Any) -> Path:
    make_jar(top / "lib/a.jar")
    (top / "shop.war").touch()
    (top / "shop.tar").touch()
    path = top / "web.json"
    whole = {"jars": ["lib"], "at": "/srv/shop/lib", **java}
    path.write_text(json.dumps({"name": "web", "packages": ["default-jre-headless"], "java": whole, **said}))
    return path


@pytest.mark.parametrize(
    ("java", "fault"),
    [
        ({"jars": []}, "/java/jars: "),
        ({"jars": ["none"]}, "/java/jars/0: there is no directory or jar none beside the spec"),
        ({"jars": ["lib", "shop.war"]}, "/java/jars/1: is an archive for an application server, and no jar"),
        ({"jars": ["shop.tar"]}, "/java/jars/0: is neither a jar nor a directory with jars"),
        ({"jars": ["../lib"]}, "/java/jars/0: must be a path inside the spec's own directory"),
        ({"at": "/"}, "/java/at: "),
        ({"at": "/tmp/lib"}, "/java/at: the directory is empty when a container starts"),
        ({"at": "/proc/lib"}, "/java/at: "),
        ({"at": "/lib/shop"}, "/java/at: is /usr/lib/shop by a link of the system's"),
        ({"at": "srv/lib"}, "/java/at: "),
    ],
)
def test_a_fault_is_at_its_key(tmp_path: Path, java: dict[str, Any], fault: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_spec(written(tmp_path, java))
    (found,) = [f"{issue.where}: {issue.message}" for issue in caught.value.issues]
    assert fault in found


def test_a_tree_may_hold_the_rest_of_what_jars_are_in(tmp_path: Path) -> None:
    path = written(tmp_path, {"at": "/srv/shop"}, trees={"/srv/shop": {"source": "lib", "exclude": ["*.jar"]}})
    assert read_spec(path).java is not None


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="/srv/shop is declared as something else than a directory"):
        read_spec(written(tmp_path, {}, symlinks={"/srv/shop": "elsewhere"}))
