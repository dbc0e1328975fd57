"""Files and directories that appear whole or not at all, and stay after a power failure; see also `test_temporary`."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.files.atomic import atomic_directory, atomic_file, atomic_write, sync_filesystem
from sysimage.files.checksummed_file import DamagedFileError, read_checksummed, write_checksummed
from sysimage.files.output import output_file


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("private", [True, False])
def test_a_directory_appears_whole_or_not_at_all(durable: bool, private: bool, tmp_path: Path) -> None:
    place = tmp_path / "place"

    def interrupted() -> None:
        with atomic_directory(place, durable=durable, private=private) as draft:
            (draft / "half").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    place.mkdir()  # an empty one is replaced
    with atomic_directory(place, durable=durable, private=private) as draft:
        (draft / "file").write_text("whole")
        assert list(place.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["place"]
    assert (place / "file").read_text() == "whole"
    assert (place.stat().st_mode & 0o077 == 0) == private


def test_a_directory_that_holds_something_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    (tmp_path / "place/mine").touch()
    with pytest.raises(OSError, match="not empty"), atomic_directory(tmp_path / "place", durable=False):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["place"]
    assert (tmp_path / "place/mine").exists()


def test_a_sealed_file_is_what_was_written_under_that_name_or_damaged(tmp_path: Path) -> None:
    assert read_checksummed(tmp_path / "file") is None
    write_checksummed(tmp_path / "file", b"content\n", durable=True)
    assert read_checksummed(tmp_path / "file") == b"content\n"
    whole = (tmp_path / "file").read_bytes()
    for at in range(len(whole)):
        (tmp_path / "file").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(DamagedFileError):
            read_checksummed(tmp_path / "file")
    (tmp_path / "other").write_bytes(whole)
    (tmp_path / "directory").mkdir()
    for name in ("other", "directory"):
        with pytest.raises(DamagedFileError):
            read_checksummed(tmp_path / name)


def test_a_file_system_that_cannot_write_what_it_holds_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync_filesystem(tmp_path)
    real = os.open
    # The kernel refuses to write out what belongs to no file system that it could name.
    monkeypatch.setattr(os, "open", lambda path, flags: real(path, os.O_PATH | os.O_CLOEXEC))
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)) as caught:
        sync_filesystem(tmp_path)
    assert caught.value.filename == str(tmp_path)


@contextmanager
def written_at_once(write: Callable[..., None], path: Path, **asked: bool) -> Iterator[None]:
    write(path, b"content", **asked)
    yield


WRITING: dict[str, Callable[..., AbstractContextManager[object]]] = {
    "an open file": atomic_file,
    "a file": partial(written_at_once, atomic_write),
    "a file with a checksum": partial(written_at_once, write_checksummed),
    "a directory": atomic_directory,
}


@pytest.mark.parametrize("writing", WRITING.values(), ids=WRITING)
def test_what_is_durable_is_whole_before_it_has_its_name_and_nothing_else_waits_for_a_disk(
    writing: Callable[..., AbstractContextManager[object]], tmp_path: Path, disk: list[tuple[str, int]]
) -> None:
    with writing(tmp_path / "durable", durable=True):
        pass
    inode = (tmp_path / "durable").stat().st_ino
    assert disk == [("written out", inode), ("renamed", inode), ("written out", tmp_path.stat().st_ino)]
    disk.clear()
    with writing(tmp_path / "other", durable=False):
        pass
    assert disk == [("renamed", (tmp_path / "other").stat().st_ino)]


def test_what_a_user_names_as_output_is_durable(tmp_path: Path, disk: list[tuple[str, int]]) -> None:
    with output_file(tmp_path / "out"):
        pass
    assert [step for step, _ in disk] == ["written out", "renamed", "written out"]


@pytest.mark.parametrize("private", [True, False, None])
@pytest.mark.parametrize("writing", WRITING.values(), ids=WRITING)
def test_only_what_is_private_is_for_its_owner_alone(
    writing: Callable[..., AbstractContextManager[object]], private: bool | None, tmp_path: Path
) -> None:
    before = os.umask(0)
    try:
        with writing(tmp_path / "new", durable=False, **({} if private is None else {"private": private})):
            pass
    finally:
        os.umask(before)
    mode = (tmp_path / "new").stat().st_mode
    everyone = 0o777 if stat.S_ISDIR(mode) else 0o666
    assert stat.S_IMODE(mode) == everyone & (0o700 if private else 0o777)


@given(st.binary(max_size=50), st.integers(1, 9))
def test_a_file_is_written_to_its_end_though_the_kernel_takes_little_at_a_time(data: bytes, most: int) -> None:
    write = os.write
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", lambda fd, rest: write(fd, rest[:most]))
        atomic_write(Path(directory) / "file", data, durable=False)
        assert (Path(directory) / "file").read_bytes() == data
