"""Checking specs without fetching anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sysimage.cli import main
from tests.support.documents import read_document


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("system.json").write_text('{"name": "web", "packages": ["nginx"]}')
    Path("wrong.json").write_text('{\n "name": "Web",\n "packages": []}')
    Path("other.json").write_text('{"name": "web", "packages": [],\n "pakages": []}')


def test_a_spec_without_fault_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint"]) == 0
    assert capsys.readouterr().out == "system.json: no fault\n"
    assert main(["lint", "--json"]) == 0
    assert read_document(capsys.readouterr().out) == {"kind": "lint", "format_version": 1, "specs": ["system.json"]}


def test_faults_of_all_specs_are_named_with_their_places(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "wrong.json", "system.json", "other.json"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("sysimage: cannot read 2 specs: 2 faults\n")
    assert "\n  wrong.json:2:2: /name: must be" in told
    assert "\n  other.json:2:2: /pakages: is not a key" in told
    assert list(Path().iterdir()) != []
    assert not Path("cache").exists()


LOCKS = {
    "package-lock.json": (
        '{"lockfileVersion": 1}',
        {"node": {"lock": "package-lock.json", "at": "/srv/x"}},
        "has version 1",
    ),
    "requirements.txt": ("flask==3.1.0\n", {"python": {"lock": "requirements.txt"}}, "flask has no --hash=sha256"),
    "pylock.toml": ("lock-version = 1\n", {"python": {"lock": "pylock.toml"}}, "is not a lock file of PEP 751"),
}


@pytest.mark.parametrize("verb", ["lint", "build", "plan", "lock"])
@pytest.mark.parametrize(("name", "text", "keys", "fault"), [(name, *rest) for name, rest in LOCKS.items()], ids=LOCKS)
def test_a_lock_file_that_cannot_be_used_is_refused_before_anything_is_fetched(
    name: str, text: str, keys: dict[str, object], fault: str, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(name).write_text(text)
    Path("system.json").write_text(json.dumps({"name": "web", "packages": ["nginx"], **keys}))
    words = [] if verb == "lint" else ["--cache-dir", "cache", "--archive", "http://127.0.0.1:1/debian"]
    assert main([verb, *words]) == 2
    told = capsys.readouterr().err
    assert f"sysimage: cannot use {name}" in told
    assert fault in told
    assert "127.0.0.1" not in told


def test_lines_for_other_machines_are_left_to_the_build(capsys: pytest.CaptureFixture[str]) -> None:
    Path("requirements.txt").write_text('pywin32==310; sys_platform == "win32"\n')
    Path("system.json").write_text('{"name": "web", "packages": [], "python": {"lock": "requirements.txt"}}')
    assert main(["lint"]) == 0
    assert capsys.readouterr().out == "system.json: no fault\n"
