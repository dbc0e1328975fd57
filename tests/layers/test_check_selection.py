"""Which proofs are asked for."""

from __future__ import annotations

from pathlib import Path

from sysimage.layers import Check, selected_check
from tests.support.store_builder import StoreBuilder, small_system


def test_references_are_proven_with_contents_and_nothing_by_itself(tmp_path: Path) -> None:
    closure = small_system(StoreBuilder(tmp_path))
    assert selected_check(closure, contents=False, references=False) is None
    assert selected_check(closure, contents=True, references=False) == Check()
    for contents in (False, True):
        asked = selected_check(closure, contents=contents, references=True)
        assert asked is not None
        assert asked.candidates is not None
