"""A first system.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sysimage.cli import main


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Web Shop").mkdir()
    monkeypatch.chdir(tmp_path / "Web Shop")


def test_a_first_spec_has_no_fault_and_is_not_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    assert json.loads(Path("system.json").read_text()) == {"name": "web-shop", "packages": []}
    assert main(["lint"]) == 0
    Path("system.json").write_text("mine")
    assert main(["init"]) == 2
    assert "cannot write system.json: it is there already" in capsys.readouterr().err
    assert Path("system.json").read_text() == "mine"


def test_a_dockerfile_is_translated_and_what_is_missing_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("Dockerfile").write_text("FROM debian:trixie\nRUN apt-get install -y nginx && make\n")
    assert main(["init", "--from", "Dockerfile", "web.json"]) == 0
    assert main(["lint", "web.json"]) == 0
    assert json.loads(Path("web.json").read_text()) == {"name": "web-shop", "packages": ["nginx"]}
    assert "\n  line 2: RUN make: " in capsys.readouterr().err


def test_a_file_that_cannot_be_translated_leaves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Path("Dockerfile").write_text("hello\n")
    assert main(["init", "--from", "Dockerfile"]) == 2
    assert main(["init", "--from", "nothing"]) == 2
    assert main(["init", "no/where.json"]) == 2
    assert main(["init", "system.txt"]) == 2
    assert not Path("system.json").exists()
    assert main(["init", "--json", "--from", "Dockerfile"]) == 2
