"""What a spec says of npm packages is looked at before anything is fetched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.spec import read_spec


@pytest.mark.parametrize(
    ("node", "fault"),
    [
        ({"lock": "none.json"}, "/node/lock: there is no file none.json beside the spec"),
        ({"lock": "dir.json"}, "/node/lock: is not a file"),
        ({"lock": "yarn.lock"}, "npm install --package-lock-only writes it from a package.json"),
        ({"lock": "package.json"}, "npm install --package-lock-only writes it from a package.json"),
        ({"lock": "lock.txt"}, "must be a package-lock.json or npm-shrinkwrap.json, not 'lock.txt'"),
        ({"lock": "../package-lock.json"}, "/node/lock: must be a path inside the spec's own directory"),
        ({"tarballs": "none"}, "/node/tarballs: there is no directory none beside the spec"),
        ({"tarballs": "package-lock.json"}, "/node/tarballs: is not a directory"),
        ({"at": "/"}, "/node/at: is the root; name the application's directory"),
        ({"at": "/tmp/app"}, "/node/at: the directory is empty when a container starts"),
        ({"at": "/proc/app"}, "/node/at: "),
        ({"at": "srv/app"}, "/node/at: "),
    ],
)
def test_a_fault_is_at_its_key(tmp_path: Path, node: dict[str, Any], fault: str) -> None:
    (tmp_path / "dir.json").mkdir()
    (tmp_path / "package-lock.json").touch()
    path = tmp_path / "web.json"
    said = {"lock": "package-lock.json", "at": "/srv/app", **node}
    path.write_text(json.dumps({"name": "web", "packages": ["nodejs"], "node": said}))
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    (found,) = [f"{issue.where}: {issue.message}" for issue in caught.value.issues]
    assert fault in found
