"""docs/python.md does what it says: its blocks run in their order, with packages of the real archive."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.examples import ROOT, default_cache

PAGE = ROOT / "docs" / "python.md"


def blocks() -> list[tuple[int, str]]:
    """Line and text of each block of Python."""
    text = PAGE.read_text()
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [(text.count("\n", 0, match.start(1)), match[1]) for match in found]


def test_every_block_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    (tmp_path / "system.json").write_text('{"name": "web", "packages": []}')
    (tmp_path / "cache").symlink_to(default_cache())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(default_cache().parent))
    names: dict[str, Any] = {"__name__": "page"}
    for line, text in blocks():
        # With the page's own lines, so that a traceback leads there.
        exec(compile("\n" * line + text, str(PAGE), "exec"), names)
    said = capsys.readouterr().out
    assert "/servces is not a key that is known here services" in said
    assert len(blocks()) >= 8
    assert {"web.tar", "greeter.tar", "greeter.lock.json", "a.tar", "b"} <= {path.name for path in tmp_path.iterdir()}


def test_every_function_and_value_of_the_page_is_public() -> None:
    from sysimage import api

    named = set(re.findall(r"\bapi\.(\w+)", PAGE.read_text())) - {"api"}
    assert named <= set(api.__all__)
