"""Bytes that go from file to file, by whichever way works."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from sysimage.errors import IntegrityError
from sysimage.streams.copying import copy_all, write_all
from tests.support.refusing import refuse

DATA = os.urandom(3_000_001)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(DATA)
    return path


WAYS = [[], ["copy_file_range"], ["copy_file_range", "sendfile"]]


@pytest.mark.parametrize("refused", WAYS)
@pytest.mark.parametrize("count", [0, 1, 2_000_000, len(DATA)])
def test_a_file_gets_the_bytes_after_those_it_has(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Sequence[str], count: int
) -> None:
    refuse(monkeypatch, refused, errno.EXDEV)
    with source.open("rb") as origin, (tmp_path / "target").open("wb", buffering=0) as target:
        target.write(b"before")
        copy_all(origin.fileno(), target.fileno(), count)
    assert (tmp_path / "target").read_bytes() == b"before" + DATA[:count]


@pytest.mark.parametrize("refused", WAYS)
def test_a_pipe_gets_them_too(source: Path, monkeypatch: pytest.MonkeyPatch, refused: Sequence[str]) -> None:
    refuse(monkeypatch, refused, errno.EINVAL)
    reading, writing = os.pipe()

    def copy() -> None:
        with source.open("rb") as origin, open(writing, "wb"):
            copy_all(origin.fileno(), writing, len(DATA))

    thread = threading.Thread(target=copy)
    thread.start()
    with open(reading, "rb") as pipe:
        assert pipe.read() == DATA
    thread.join()


@pytest.mark.parametrize("refused", WAYS)
def test_a_source_that_ends_early_is_an_error(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Sequence[str]
) -> None:
    refuse(monkeypatch, refused, errno.EXDEV)
    with (
        source.open("rb") as origin,
        (tmp_path / "target").open("wb") as target,
        pytest.raises(IntegrityError, match=f"it ends after {len(DATA)} of {len(DATA) + 1} bytes"),
    ):
        copy_all(origin.fileno(), target.fileno(), len(DATA) + 1)


def test_a_full_disk_is_not_a_reason_to_try_another_way(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, ["copy_file_range"], errno.ENOSPC)
    with (
        source.open("rb") as origin,
        (tmp_path / "target").open("wb") as target,
        pytest.raises(OSError, match="No space left"),
    ):
        copy_all(origin.fileno(), target.fileno(), len(DATA))
    assert (tmp_path / "target").stat().st_size == 0


def test_where_no_way_works_the_last_error_is_raised(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, ["copy_file_range", "sendfile", "pread"], errno.EINVAL)
    with (
        source.open("rb") as origin,
        (tmp_path / "target").open("wb") as target,
        pytest.raises(OSError, match="Invalid argument"),
    ):
        copy_all(origin.fileno(), target.fileno(), len(DATA))


@pytest.mark.parametrize("error", [errno.EXDEV, errno.EBADF, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM])
def test_a_way_that_ends_in_the_middle_is_gone_on_with_by_the_next(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    real = os.copy_file_range

    def once(origin: int, target: int, count: int, offset_src: int) -> int:
        if offset_src:
            raise OSError(error, os.strerror(error))
        return real(origin, target, 1000, offset_src)

    monkeypatch.setattr(os, "copy_file_range", once)
    with source.open("rb") as origin, (tmp_path / "target").open("wb", buffering=0) as target:
        copy_all(origin.fileno(), target.fileno(), 2_000_000)
    assert (tmp_path / "target").read_bytes() == DATA[:2_000_000]


def test_all_is_written_into_what_takes_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    real, (reading, writing) = os.write, os.pipe()
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    write_all(writing, b"0123456789")
    os.close(writing)
    assert os.read(reading, 20) == b"0123456789"
    os.close(reading)
