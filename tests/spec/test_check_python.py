"""What a spec says of Python packages is looked at before anything is fetched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.spec import read_spec


def faults(tmp_path: Path, python: dict[str, Any], **other: Any) -> list[str]:
    path = tmp_path / "web.json"
    path.write_text(json.dumps({"name": "web", "packages": ["python3"], "python": python, **other}))
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    return [f"{issue.where}: {issue.message}" for issue in caught.value.issues]


@pytest.mark.parametrize(
    ("python", "fault"),
    [
        ({"lock": "none.txt"}, "/python/lock: there is no file none.txt beside the spec"),
        ({"lock": "dir.txt"}, "/python/lock: is not a file"),
        ({}, 'must have "lock", "source" or both'),
        ({"source": "none"}, "/python/source: there is no directory none beside the spec"),
        ({"source": "../src"}, "/python/source: must be a path inside the spec's own directory"),
        ({"source": "dir.txt", "wheels": "dir.txt"}, "/python/wheels: belongs to a"),
        ({"lock": "uv.lock"}, "say uv export --format pylock.toml -o pylock.toml"),
        ({"lock": "poetry.lock"}, "say poetry export"),
        ({"lock": "lock.toml"}, "must be called pylock.toml, pylock.NAME.toml or end with .txt"),
        ({"lock": "../pylock.toml"}, "/python/lock: must be a path inside the spec's own directory"),
        ({"lock": "r.txt", "wheels": "none"}, "/python/wheels: there is no directory none beside the spec"),
        ({"lock": "r.txt", "wheels": "r.txt"}, "/python/wheels: is not a directory"),
        ({"lock": "r.txt", "extras": ["x"]}, "/python/extras: belongs to a pylock.toml"),
    ],
)
def test_a_fault_is_at_its_key(tmp_path: Path, python: dict[str, Any], fault: str) -> None:
    (tmp_path / "dir.txt").mkdir()
    (tmp_path / "r.txt").touch()
    (found,) = faults(tmp_path, python)
    assert fault in found


def test_a_system_of_a_store_has_its_own_python(tmp_path: Path) -> None:
    (tmp_path / "r.txt").touch()
    path = tmp_path / "web.json"
    store = {"paths": ["/gnu/store/" + "0" * 32 + "-x"]}
    path.write_text(json.dumps({"name": "web", "from-store": store, "python": {"lock": "r.txt"}}))
    with pytest.raises(SpecError, match='"from-store" has its own'):
        read_spec(path)
