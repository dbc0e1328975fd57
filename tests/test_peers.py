"""docs/peers.md promises tests: they exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TEXT = (TESTS.parent / "docs" / "peers.md").read_text()
NAMED = sorted(set(re.findall(r"`([a-z_/]+\.py)(?:::(test_[a-z0-9_]+))?`", TEXT)))


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_what_the_comparison_names_is_there(file: str, test: str) -> None:
    text = ((TESTS.parent if file.startswith("vmtests/") else TESTS) / file).read_text()
    assert (f"def {test}(" if test else "def test_") in text


def test_every_row_names_a_test() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith(("| ---", "| Guix |"))]
    rows = [line for line in rows if not line.startswith("| nixpkgs |")]
    assert len(rows) > 30
    assert [row for row in rows if not re.search(r"`[a-z_/]+\.py(::test_[a-z0-9_]+)?` \|$", row)] == []
