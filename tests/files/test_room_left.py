"""The message for a full file system names the room that it has."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from sysimage.errors import MachineError, cause_of
from sysimage.files.output import output_file


def test_an_output_without_room_is_reported_with_the_room_that_there_is(tmp_path: Path) -> None:
    with (
        pytest.raises(
            MachineError, match=r"^cannot write .*web\.tar: No space left on device; its file system has \d+ MB left$"
        ),
        output_file(tmp_path / "web.tar"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_an_output_of_known_size_is_reported_with_the_room_that_it_needs(tmp_path: Path) -> None:
    with (
        pytest.raises(MachineError, match=r"; it needs 50 MB, and its file system has \d+ MB left$"),
        output_file(tmp_path / "web.tar", 49_000_001),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_other_causes_and_unknown_places_say_nothing_of_room(tmp_path: Path) -> None:
    assert cause_of(OSError(errno.EROFS, "Read-only file system"), tmp_path) == "Read-only file system"
    assert cause_of(OSError(errno.ENOSPC, "No space left on device"), None) == "No space left on device"
