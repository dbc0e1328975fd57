"""A small system that a store holds, in the working directory, and the verbs that read its spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sysimage.cli import main
from tests.support.builds import small_spec
from tests.support.documents import read_document


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the spec of a small system."""
    small_spec(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYSIMAGE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def say(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a verb on the spec and return the document that it prints."""

    def run(verb: str, *words: str, status: int = 0) -> Any:
        assert main([verb, "--json", "--progress", "quiet", *words, "small.json"]) == status
        return read_document(capsys.readouterr().out)

    return run
