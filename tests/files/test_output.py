"""A file that a user names as output is replaced whole; a pipe is written to; a directory is refused."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sysimage.errors import MachineError
from sysimage.files.output import output_file


def test_a_file_is_replaced_when_all_went_well_and_stays_otherwise(tmp_path: Path) -> None:
    place = tmp_path / "out"
    place.write_text("before")

    def fails() -> None:
        with output_file(place) as fd:
            os.write(fd, b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert place.read_text() == "before"
    with output_file(place) as fd:
        os.write(fd, b"after")
        assert place.read_text() == "before"
    assert place.read_text() == "after"
    assert list(tmp_path.iterdir()) == [place]


def test_a_symlink_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("before")
    (tmp_path / "link").symlink_to("real")
    with output_file(tmp_path / "link") as fd:
        os.write(fd, b"after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "after"


def test_a_directory_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(MachineError, match=r"cannot write .*/out: it is a directory"), output_file(tmp_path / "out"):
        pytest.fail("there is nothing to write to")
    assert list(tmp_path.rglob("*")) == [tmp_path / "out"]


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(MachineError, match=r"cannot write .*/none/out: No such file"),
        output_file(tmp_path / "none/out"),
    ):
        pytest.fail("there is nothing to write to")


def test_what_a_killed_writer_left_beside_an_output_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".out.0123456789ab.part").touch()
    (tmp_path / ".other.0123456789ab.part").touch()
    with output_file(tmp_path / "out"):
        assert not (tmp_path / ".out.0123456789ab.part").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.0123456789ab.part", "out"]


def test_a_reader_that_goes_away_is_for_the_caller_and_other_faults_are_the_machines(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), output_file(tmp_path / "out"):
        raise BrokenPipeError
    with (
        pytest.raises(MachineError, match=rf"^cannot write {tmp_path}/out: Input/output error$"),
        output_file(tmp_path / "out"),
    ):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with output_file(pipe) as fd:
        os.write(fd, b"data")
    assert os.read(reader, 100) == b"data"
    os.close(reader)
    assert pipe.is_fifo()
