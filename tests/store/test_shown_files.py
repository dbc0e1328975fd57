"""What is read from an item's directory: what of it is shown elsewhere, and the digests of its files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from sysimage.store.items import ShownFiles
from sysimage.store.md5sums import md5sums
from sysimage.store.shown_files import shown_files


@pytest.fixture
def item(tmp_path: Path) -> Path:
    top = tmp_path / "item"
    for directory in ("b/deep", "a", "etc", "b-c", "share/doc/x"):
        (top / directory).mkdir(parents=True)
    for file in ("b/deep/z", "b/deep/y", "b.d", "a/x", "etc/passwd", "share/doc/x/1", "share/man"):
        (top / file).write_text(file)
    (top / "c").symlink_to("b")
    (top / "a/link").symlink_to("x")
    return top


def test_directories_come_before_what_they_hold_and_names_are_sorted(item: Path) -> None:
    found = list(shown_files(item, ShownFiles(("share/doc", "b/deep/y"))))
    paths = ["a", "a/link", "a/x", "b", "b/deep", "b/deep/z", "b-c", "b.d", "c", "share", "share/man"]
    assert [path for path, _ in found] == paths
    assert [entry.path for _, entry in found] == [str(item / path) for path, _ in found]


@pytest.mark.parametrize("name", ["file", "link", "nothing"])
def test_an_item_that_is_not_a_directory_shows_nothing(item: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(item)
    assert list(shown_files(tmp_path / name, ShownFiles())) == []


def test_each_regular_file_has_its_digest_in_the_order_of_the_bytes_of_paths(item: Path) -> None:
    last = os.fsdecode(b"\xff")
    (item / last).write_text("not UTF-8")
    (item / "é").touch()
    (item / "two\nlines").touch()
    (item / "gone").symlink_to("nowhere")
    expected = ["a/x", "b.d", "b/deep/y", "b/deep/z", "etc/passwd", "share/doc/x/1", "share/man"]
    texts = {**{path: path for path in expected}, "é": "", last: "not UTF-8"}
    assert list(md5sums(item).items()) == [
        (path, hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()) for path, text in texts.items()
    ]
