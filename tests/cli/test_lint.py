"""Checking specs without fetching anything."""

from __future__ import annotations

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
