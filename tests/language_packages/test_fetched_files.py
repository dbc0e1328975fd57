"""Files of an index or a registry are kept by their hash, and forgotten when they are old."""

from __future__ import annotations

import os
from pathlib import Path

from sysimage.files.memo import texts
from sysimage.language_packages.fetched_files import FetchedFiles, remember_used
from tests.support.stores import store_path


def kept(files: FetchedFiles, digest: str, time: int, size: int = 5000) -> Path:
    """A file of 5000 bytes that was fetched at a time, in seconds."""
    fetched = files.cache / "fetched"
    fetched.parent.mkdir(exist_ok=True)
    fetched.write_bytes(bytes(size))
    place = files.keep(fetched, digest, "name.whl")
    os.utime(place, (time, time))
    return place


def test_a_file_moves_to_where_its_hash_leads_and_counts_as_new(tmp_path: Path) -> None:
    files = FetchedFiles(tmp_path / "cache")
    fetched = tmp_path / "fetched"
    for content in (b"one", b"two"):
        fetched.write_bytes(content)
        os.utime(fetched, (1, 1))
        place = files.keep(fetched, "abc", "name.whl")
        assert place == files.place("abc", "name.whl") == tmp_path / "cache/files/abc/name.whl"
        assert place.read_bytes() == content
        assert place.stat().st_mtime > 1
        assert not fetched.exists()


def test_what_was_fetched_before_a_time_is_forgotten_and_its_bytes_are_counted(tmp_path: Path) -> None:
    files = FetchedFiles(tmp_path / "cache")
    assert files.prune(10**18) == 0
    old, older, new = (kept(files, digest, time) for digest, time in (("b", 99), ("a", 1), ("c", 100)))
    blocks = sum(place.stat().st_blocks for place in (old, older))
    assert blocks > 0
    assert files.prune(100 * 10**9) == 512 * blocks
    assert [place.exists() for place in (old.parent, older.parent, new)] == [False, False, True]
    assert files.prune(100 * 10**9) == 0


def test_the_items_of_each_build_are_remembered_by_their_paths(tmp_path: Path) -> None:
    one, two = store_path("one-1"), store_path("two-1")
    for items in ((one, two), (two,), (one, two)):
        remember_used(tmp_path / "npm", iter(items))
    found = {text for _, text in texts(tmp_path / "npm/used")}
    assert found == {f"{one}\n{two}", f"{two}"}
