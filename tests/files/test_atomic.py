"""Directories that appear whole or not at all; for files see `test_temporary`."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from sysimage.files import atomic
from sysimage.files.atomic import atomic_directory, sync_filesystem
from sysimage.files.checksummed_file import DamagedFileError, read_checksummed, write_checksummed


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
    monkeypatch.setattr(atomic, "_LIBC", SimpleNamespace(syncfs=lambda fd: -1))
    monkeypatch.setattr("ctypes.get_errno", lambda: errno.EIO)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)) as caught:
        sync_filesystem(tmp_path)
    assert caught.value.filename == str(tmp_path)
