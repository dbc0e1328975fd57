"""What was found out once is believed only where it is exactly that; everything else is found out again."""

from __future__ import annotations

import os
from pathlib import Path

from sysimage.kept import KeptTexts, code_digest


def test_a_text_is_found_under_its_own_key_alone(tmp_path: Path) -> None:
    kept = KeptTexts(tmp_path / "kept")
    assert kept.find("one") is None
    kept.keep("one", "text\n")
    kept.keep("two", "other")
    assert (kept.find("one"), kept.find("two"), kept.find("three")) == ("text\n", "other", None)


def test_a_damaged_text_is_dropped_and_so_is_one_in_the_place_of_another(tmp_path: Path) -> None:
    kept = KeptTexts(tmp_path)
    kept.keep("one", "text")
    (path,) = tmp_path.iterdir()
    for damaged in (path.read_bytes()[:-1], path.read_bytes() + b"x", b"", b"\xff\xfe"):
        kept.keep("one", "text")
        path.write_bytes(damaged)
        assert kept.find("one") is None
        assert not path.exists()
    kept.keep("two", "other")
    (other,) = tmp_path.iterdir()
    other.rename(path)
    assert kept.find("one") is None


def test_what_was_used_longest_ago_is_forgotten(tmp_path: Path) -> None:
    kept = KeptTexts(tmp_path, most=2)
    for age, key in ((300, "old"), (200, "used"), (100, "new")):
        before = set(tmp_path.iterdir())
        kept.keep(key, key)
        for path in set(tmp_path.iterdir()) - before:
            os.utime(path, (1_000_000 - age, 1_000_000 - age))
        if key == "used":
            assert kept.find("old") == "old"  # and is younger now than all others
    assert [kept.find(key) for key in ("old", "used", "new")] == ["old", None, "new"]


def test_other_code_has_another_digest(tmp_path: Path) -> None:
    digests = set()
    for number, (code, beside) in enumerate([("a = 1\n", "("), ("a = 2\n", "("), ("a = 1\n", ")")]):
        place = tmp_path / str(number)
        (place / "__pycache__").mkdir(parents=True)
        (place / "code.py").write_text(code)
        (place / "boot.scm").write_text(beside)
        (place / "__pycache__" / "code.pyc").write_text(str(number))
        digests.add(code_digest(place))
    assert len(digests) == 3
    (place / "__pycache__" / "code.pyc").write_text("compiled anew")
    code_digest.cache_clear()
    assert code_digest(place) in digests
