"""The state of a tree: stays while nothing changes, and from version to version, since stores and caches hold it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.errors import IntegrityError, MachineError
from sysimage.store.tree_fingerprint import tree_fingerprint


def naive_state(top: Path) -> str:
    """As states were taken at first: a directory's lines, then its directories, the last one first."""

    def line(name: bytes, path: Path) -> bytes:
        status = path.lstat()
        numbers = (status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        return name + b"\0" + " ".join(map(str, numbers)).encode() + b"\n"

    def below(directory: Path) -> bytes:
        entries = sorted(directory.iterdir(), key=lambda path: os.fsencode(path.name))
        own = b"".join(line(os.fsencode(path.name), path) for path in entries)
        inner = [path for path in entries if path.is_dir() and not path.is_symlink()]
        return own + b"".join(map(below, reversed(inner)))

    text = line(b"", top) + (below(top) if top.is_dir() and not top.is_symlink() else b"")
    return hashlib.blake2b(text, digest_size=16).hexdigest()


@given(paths=st.sets(st.lists(st.sampled_from("ab-Z"), min_size=1, max_size=4).map("/".join), max_size=12))
def test_a_state_is_the_one_that_was_always_taken(paths: set[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    top = tmp_path_factory.mktemp("state")
    for path in sorted(paths):
        place = top / f"{path}.d"
        place.mkdir(parents=True)
        (place / "file").write_text(path)
        (place / "link").symlink_to("file")

    assert tree_fingerprint(top) == naive_state(top)


@pytest.mark.parametrize("name", ["file", "link", "directory"])
def test_a_file_a_link_or_a_directory_has_a_state(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    for below in ("directory/a/b", "directory/c", "directory/d"):
        (tmp_path / below).mkdir(parents=True)
        (tmp_path / below / "file").write_text(below)
    (tmp_path / "link").symlink_to(tmp_path)

    assert tree_fingerprint(tmp_path / name) == naive_state(tmp_path / name)


def test_what_cannot_be_in_a_store_has_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(IntegrityError, match="pipe: it is neither a file"):
        tree_fingerprint(tmp_path)


def test_a_missing_tree_is_named(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"cannot read .*/gone: No such file"):
        tree_fingerprint(tmp_path / "gone")
