"""NAR serialisation against a second, naive implementation and against a hash that nix-hash printed."""

from __future__ import annotations

import errno
import hashlib
import inspect
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.errors import IntegrityError, MachineError
from sysimage.store.nar import nar_hash_and_size, write_nar
from tests.support.refusing import refuse


def naive_nar(path: Path) -> bytes:
    def text(data: bytes) -> bytes:
        return len(data).to_bytes(8, "little") + data + bytes(-len(data) % 8)

    def node(path: Path) -> bytes:
        if path.is_symlink():
            words = [b"symlink", b"target", os.fsencode(path.readlink())]
        elif path.is_file():
            executable = [b"executable", b""] if path.stat().st_mode & 0o100 else []
            words = [b"regular", *executable, b"contents", path.read_bytes()]
        else:
            body = b"".join(
                text(b"entry") + text(b"(") + text(b"name") + text(os.fsencode(name)) + text(b"node") + node(child)
                + text(b")")
                for name, child in sorted((os.fsencode(child.name), child) for child in path.iterdir())
            )  # fmt: skip
            return text(b"(") + text(b"type") + text(b"directory") + body + text(b")")
        return text(b"(") + text(b"type") + b"".join(map(text, words)) + text(b")")

    return text(b"nix-archive-1") + node(path)


def serialise(path: Path, piece_size: int) -> bytes:
    pieces: list[bytes] = []
    size = write_nar(path, lambda piece: pieces.append(bytes(piece)), piece_size=piece_size)
    assert all(len(piece) == piece_size for piece in pieces[:-1])
    assert size == sum(map(len, pieces))
    return b"".join(pieces)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "tree"
    (top / "a/deep").mkdir(parents=True)
    (top / "bin").mkdir()
    (top / "empty").mkdir()
    (top / "a/deep/file").write_text("hello\n")
    (top / "a/nothing").touch()
    (top / "bin/run").write_text("#!/bin/sh\n")
    (top / "bin/run").chmod(0o755)
    (top / "bin/link").symlink_to("../a/deep/file")
    (top / "zeros").write_bytes(bytes(100_000))
    return top


def test_the_hash_is_the_one_nix_hash_prints(tree: Path) -> None:
    digest, size = nar_hash_and_size(tree)

    assert digest.hex == "a83dfeeacc56b2abb0c398f594c4d373c0573e625965bc17c0d09f2f0fc46a79"
    assert size == 101760


@pytest.mark.parametrize("piece_size", [1, 2, 7, 8, 64, 100, 4096, 1 << 20])
def test_the_stream_is_the_same_for_every_piece_size(tree: Path, piece_size: int) -> None:
    if piece_size < 64:
        (tree / "zeros").write_bytes(bytes(1000))
    assert serialise(tree, piece_size) == naive_nar(tree)


@settings(max_examples=40)
@given(
    contents=st.lists(st.integers(0, 70), min_size=1, max_size=6),
    names=st.lists(st.binary(min_size=1, max_size=12), min_size=6, max_size=6, unique=True),
    piece_size=st.integers(1, 200),
)
def test_any_tree_is_serialised_as_the_naive_way_does_it(
    tmp_path_factory: pytest.TempPathFactory, contents: list[int], names: list[bytes], piece_size: int
) -> None:
    top = tmp_path_factory.mktemp("nar")
    for length, name in zip(contents, names, strict=False):
        safe = name.replace(b"/", b"_").replace(b"\0", b"_").strip(b".") or b"x"
        (top / os.fsdecode(safe)).write_bytes(bytes([length]) * length)

    assert serialise(top, piece_size) == naive_nar(top)


def test_modes_times_and_hard_links_do_not_matter(tree: Path) -> None:
    before = nar_hash_and_size(tree)
    (tree / "a/deep/file").chmod(0o604)
    os.utime(tree / "zeros", (5, 5))
    (tree / "a").chmod(0o700)
    (tree / "bin/run").chmod(0o511)
    os.link(tree / "zeros", tree.parent / "elsewhere")

    assert nar_hash_and_size(tree) == before


def test_only_the_owner_decides_whether_a_file_is_executable(tree: Path) -> None:
    (tree / "a/nothing").chmod(0o655)
    before = nar_hash_and_size(tree)
    (tree / "a/nothing").chmod(0o755)

    assert nar_hash_and_size(tree) != before


@pytest.mark.parametrize("name", ["a/deep/file", "bin/link", "a/nothing"])
def test_a_file_or_a_link_can_be_an_item(tree: Path, name: str) -> None:
    digest, size = nar_hash_and_size(tree / name)

    assert digest.hex == hashlib.sha256(naive_nar(tree / name)).hexdigest()
    assert size == len(naive_nar(tree / name))


def test_a_tree_deeper_than_the_recursion_limit_is_serialised(tmp_path: Path) -> None:
    (tmp_path / "/".join("d" * 400)).mkdir(parents=True)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        size = nar_hash_and_size(tmp_path)[1]
    finally:
        sys.setrecursionlimit(limit)

    assert size > 400 * 100


def test_a_pipe_is_refused_by_name_without_waiting_for_a_writer(tree: Path) -> None:
    os.mkfifo(tree / "a/pipe")

    with pytest.raises(IntegrityError, match=r"a/pipe: it is neither a file"):
        nar_hash_and_size(tree)


def test_a_missing_item_is_named(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"cannot read .*/missing: No such file"):
        nar_hash_and_size(tmp_path / "missing")


def test_a_file_that_cannot_be_opened_is_named_and_otherwise_the_item(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        refuse(patch, ["readv"], errno.EIO)
        with pytest.raises(MachineError, match=rf"^cannot read {tree}: Input/output error$"):
            nar_hash_and_size(tree)

    def refused(path: bytes, flags: int) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(MachineError, match=rf"^cannot read {tree}/a/deep/file: Permission denied$"):
        nar_hash_and_size(tree)


@pytest.mark.parametrize("change", [-1, 1, 50])
def test_a_file_that_changes_while_it_is_read_is_an_error(
    tree: Path, change: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = os.fstat

    def lying(fd: int) -> os.stat_result:
        status = honest(fd)
        if status.st_size != 100_000:
            return status
        return os.stat_result((*status[:6], status.st_size + change, *status[7:10]))

    monkeypatch.setattr(os, "fstat", lying)
    for piece_size in (4096, 100_000, 1 << 20):
        with pytest.raises(IntegrityError, match="changed while it was read"):
            serialise(tree, piece_size)


def test_each_file_is_opened_once_and_each_byte_read_once(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bytes] = []
    counted = 0
    real_open, real_readv = os.open, os.readv

    def counting_open(path: bytes, *arguments: int) -> int:
        opened.append(path)
        return real_open(path, *arguments)

    def counting_readv(fd: int, buffers: tuple[memoryview, ...]) -> int:
        nonlocal counted
        count = real_readv(fd, buffers)
        counted += count
        return count

    monkeypatch.setattr(os, "open", counting_open)
    monkeypatch.setattr(os, "readv", counting_readv)
    nar_hash_and_size(tree)

    files = sorted(os.fsencode(path) for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    assert sorted(opened) == files
    assert counted == sum(Path(os.fsdecode(path)).stat().st_size for path in files)
