"""What was found out once is believed only where it is exactly that; everything else is found out again."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sysimage.files.memo import Memo, forget, texts
from sysimage.notices import listen_to_notices
from tests.support.refusing import refuse


def memo_in(directory: Path, made_by: str = "code", most: int | None = 64, *, private: bool = False) -> Memo:
    return Memo(directory, made_by=made_by, most=most, private=private)


def test_a_text_is_found_under_its_own_key_and_by_the_code_that_made_it(tmp_path: Path) -> None:
    memo = memo_in(tmp_path / "memo")
    assert memo.find("one") is None
    memo.keep("one", "text\n")
    memo.keep("two", "other")
    assert (memo.find("one"), memo.find("two"), memo.find("three")) == ("text\n", "other", None)
    assert memo_in(tmp_path / "memo", "other code").find("one") is None
    memo.drop("one")
    assert (memo.find("one"), memo.find("two")) == (None, "other")


def test_texts_of_two_versions_of_the_code_live_side_by_side(tmp_path: Path) -> None:
    versions = [memo_in(tmp_path, "old"), memo_in(tmp_path, "new")]
    for number, memo in enumerate(versions):
        memo.keep("key", str(number))
    assert [memo.find("key") for memo in versions] == ["0", "1"]
    assert sorted(text or "" for _, text in texts(tmp_path)) == ["0", "1"]


def test_a_damaged_text_is_dropped_and_so_is_one_in_the_place_of_another(tmp_path: Path) -> None:
    memo = memo_in(tmp_path)
    memo.keep("one", "text")
    path = memo.path("one")
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole + b"x", b"", b"\xff\xfe", whole.replace(b"3", b"4", 1), whole[66:]):
        path.write_bytes(damaged)
        assert [text for _, text in texts(tmp_path)] == [None]
        assert memo.find("one") is None
        assert not path.exists()
    memo.keep("two", "other")
    memo.path("two").rename(path)
    notices: list[str] = []
    with listen_to_notices(notices.append):
        assert memo.find("one") is None
    assert notices == [f"{path} was damaged: its content is computed again"]


def test_a_text_that_cannot_be_read_or_marked_as_used_stops_no_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memo = memo_in(tmp_path)
    memo.keep("key", "text")
    with monkeypatch.context() as patch:
        refuse(patch, ["utime"], errno.EPERM)
        assert memo.find("key") == "text"
    monkeypatch.setattr(Path, "read_bytes", lambda path: os.close(-1))
    assert memo.find("key") is None
    assert [text for _, text in texts(tmp_path)] == [None]


def test_what_killed_writers_left_is_removed_by_the_next_that_keeps_a_text(tmp_path: Path) -> None:
    left = tmp_path / ".x.memo.0123456789ab.part"
    left.touch()
    assert list(texts(tmp_path)) == []
    memo = memo_in(tmp_path)
    memo.keep("key", "text")
    assert list(tmp_path.iterdir()) == [memo.path("key")]
    left.touch()
    memo.sweep()
    assert list(tmp_path.iterdir()) == [memo.path("key")]


def test_texts_are_listed_from_the_one_used_longest_ago(tmp_path: Path) -> None:
    memo = memo_in(tmp_path)
    for age, key in ((1, "new"), (9, "old"), (5, "one"), (5, "two")):
        memo.keep(key, key)
        os.utime(memo.path(key), (100 - age, 100 - age))
    (tmp_path / "link.memo").symlink_to(memo.path("new"))
    (tmp_path / "other").touch()
    (tmp_path / "directory.memo").mkdir()
    same = sorted(("one", "two"), key=lambda key: memo.path(key).name)
    assert list(texts(tmp_path)) == [(memo.path(key), key) for key in ("old", *same, "new")]
    forget(tmp_path, (100 - 5) * 10**9)
    assert [text for _, text in texts(tmp_path)] == ["new"], "those at that time too"
    assert (tmp_path / "link.memo").is_symlink()


def test_what_was_used_longest_ago_is_forgotten(tmp_path: Path) -> None:
    memo = memo_in(tmp_path, most=2)
    for age, key in ((300, "old"), (200, "used"), (100, "new")):
        memo.keep(key, key)
        os.utime(memo.path(key), (1_000_000 - age, 1_000_000 - age))
        if key == "used":
            assert memo.find("old") == "old"  # and is younger now than all others
    assert [memo.find(key) for key in ("old", "used", "new")] == ["old", None, "new"]


def test_what_was_not_used_since_a_time_is_forgotten_with_what_older_versions_kept(tmp_path: Path) -> None:
    memo = memo_in(tmp_path, most=None)
    for age, key in ((300, "old"), (100, "new")):
        memo.keep(key, key)
        os.utime(memo.path(key), (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "of an older version.json").write_text("{}")
    os.utime(tmp_path / "of an older version.json", (1, 1))
    forget(tmp_path, (1_000_000 - 200) * 10**9)
    assert list(tmp_path.iterdir()) == [memo.path("new")]
    forget(tmp_path / "nothing", 0)


@pytest.mark.parametrize("private", [True, False])
def test_private_texts_are_for_their_owner(private: bool, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        memo_in(tmp_path, private=private).keep("key", "secret")
    finally:
        os.umask(before)
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == (0o600 if private else 0o666)


def test_texts_are_private_and_few_only_if_that_is_asked_for(tmp_path: Path) -> None:
    memo = Memo(tmp_path, made_by="code")
    before = os.umask(0o022)
    try:
        for number in range(64):
            memo.keep(str(number), "text")
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o644}
    assert len(list(tmp_path.iterdir())) == 64
    memo.keep("another", "text")
    assert len(list(tmp_path.iterdir())) == 64
