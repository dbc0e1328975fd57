"""Files and directories for a while: whole or not there, and gone when their maker is, however it went."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from sysimage.files.atomic import atomic_file, atomic_write
from sysimage.files.directory_tree import remove_tree
from sysimage.files.temporary import (
    create_temporary,
    scratch_directory,
    sweep,
    sweep_beside,
    swept_after_error,
    temporary_directory,
    temporary_file,
)
from sysimage.workers import Report, run_tasks
from tests.support.refusing import refuse

Making = Callable[[Path], AbstractContextManager[object]]
MAKING: dict[str, Making] = {
    "a file that replaces another": lambda place: atomic_file(place / "web.tar", durable=True),
    "a temporary file": lambda place: temporary_file(place / "web.tar"),
    "a draft of a directory": lambda place: temporary_directory(place / "web.tar"),
}


def names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


@contextmanager
def another_process(making: Making, place: Path) -> Iterator[int]:
    """A process that has made something in ``place`` and lives until it is killed."""
    ready, said = os.pipe()
    if (child := os.fork()) == 0:
        with making(place):
            os.write(said, b"made")
            time.sleep(600)
        os._exit(0)
    try:
        assert os.read(ready, 4) == b"made"
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(said)


@pytest.mark.parametrize("making", MAKING.values(), ids=MAKING)
def test_what_a_killed_process_left_is_swept_and_not_before(making: Making, tmp_path: Path) -> None:
    with another_process(making, tmp_path):
        sweep(tmp_path)
        sweep_beside(tmp_path / "web.tar")
        assert len(names(tmp_path)) == 1, "it lives"
    sweep_beside(tmp_path / "other.tar")
    assert len(names(tmp_path)) == 1, "it was another file's"
    sweep_beside(tmp_path / "web.tar")
    assert names(tmp_path) == []


def test_a_scratch_directory_is_ours_alone_and_sweeps_those_of_dead_runs(tmp_path: Path) -> None:
    with another_process(lambda place: scratch_directory(place, ".layers-"), tmp_path):
        with scratch_directory(tmp_path, ".layers-") as ours:
            assert len(names(tmp_path)) == 2
            assert stat.S_IMODE(ours.stat().st_mode) == 0o700
            (ours / "full").mkdir(0o500)
        assert len(names(tmp_path)) == 1
    with scratch_directory(tmp_path, ".layers-") as ours:
        assert names(tmp_path) == [ours.name]
    assert names(tmp_path) == []


def test_where_there_are_no_locks_age_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with temporary_file(tmp_path / "old") as (old, _), temporary_file(tmp_path / "new") as (new, _):
        day = 24 * 60 * 60
        os.utime(old, (old.stat().st_atime, new.stat().st_mtime - day - 60))
        os.utime(new, (new.stat().st_atime, new.stat().st_mtime - day + 60))
        refuse(monkeypatch, ["flock"], errno.ENOLCK, where=fcntl)
        sweep(tmp_path)
        assert names(tmp_path) == [new.name]
        with atomic_file(tmp_path / "file", durable=True) as fd:
            os.write(fd, b"written all the same")
    assert (tmp_path / "file").read_bytes() == b"written all the same"


def test_nothing_else_is_swept(tmp_path: Path) -> None:
    others = [".web.tar.part", "web.tar.0123456789ab.part", ".web.tar.0123456789abc.part", ".web.tar.0123456789AB.part"]
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / ".web.tar.0123456789ab.part").symlink_to(others[0])
    os.mkfifo(tmp_path / ".web.tar.ba9876543210.part")
    sweep(tmp_path)
    assert names(tmp_path) == sorted([*others, ".web.tar.0123456789ab.part"])


def test_a_signal_while_a_file_is_created_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may come between any two steps, such as the creation and the lock."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fcntl, "flock", interrupted)
    with pytest.raises(KeyboardInterrupt):
        atomic_write(tmp_path / "file", b"x", durable=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, durable: bool) -> None:
    place = tmp_path / "file"
    place.write_text("old")

    def interrupted() -> None:
        with atomic_file(place, durable=durable) as fd:
            os.write(fd, b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (place.read_text(), names(tmp_path)) == ("old", ["file"])
    atomic_write(place, b"new", durable=durable, private=True)
    assert (place.read_text(), names(tmp_path)) == ("new", ["file"])
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


def test_the_longest_name_has_a_temporary_twin(tmp_path: Path) -> None:
    for name in ("x" * 255, "é" * 127):
        atomic_write(tmp_path / name, b"data", durable=True)
        assert (tmp_path / name).read_bytes() == b"data"


def test_a_tree_of_read_only_directories_is_removed(tmp_path: Path) -> None:
    (tmp_path / "top/below").mkdir(parents=True)
    (tmp_path / "top/below/file").touch()
    (tmp_path / "top/below").chmod(0o555)
    remove_tree(tmp_path / "top")
    remove_tree(tmp_path / "top")
    assert names(tmp_path) == []


def test_many_that_come_and_go_and_sweep_do_not_disturb_each_other(tmp_path: Path) -> None:
    def work(number: int, report: Report) -> None:
        for _ in range(40):
            with scratch_directory(tmp_path, "run-") as ours:
                (ours / "file").touch()
            sweep(tmp_path)
            with atomic_file(tmp_path / "file", durable=False) as fd:
                os.write(fd, b"data")

    run_tasks(range(4), work, 4, abs)
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("private", [True, False, None])
def test_a_file_is_for_its_owner_alone_only_if_that_is_asked_for(private: bool | None, tmp_path: Path) -> None:
    asked = {} if private is None else {"private": private}
    before = os.umask(0o027)
    try:
        with temporary_file(tmp_path / "file", **asked) as (path, _):
            assert stat.S_IMODE(path.stat().st_mode) == (0o600 if private else 0o640)
        with temporary_directory(tmp_path / "directory", **asked) as directory:
            assert stat.S_IMODE(directory.stat().st_mode) == (0o700 if private else 0o750)
        atomic_write(tmp_path / "whole", b"", durable=False, **asked)
        assert stat.S_IMODE((tmp_path / "whole").stat().st_mode) == (0o600 if private else 0o640)
    finally:
        os.umask(before)


def test_a_directory_that_is_swept_while_it_is_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, swept = fcntl.flock, list[Path]()

    def slow(fd: int, how: int) -> None:
        """Another process was quicker."""
        if not swept:
            swept.extend(tmp_path.iterdir())
            swept[0].rmdir()
        real(fd, how)

    monkeypatch.setattr(fcntl, "flock", slow)
    with scratch_directory(tmp_path, "run-") as ours:
        assert list(tmp_path.iterdir()) == [ours] != swept
    assert names(tmp_path) == []


CREATING: dict[str, Callable[[Path], object]] = {
    "for a while": lambda path: atomic_write(path, b"data", durable=False),
    "to be renamed by the caller": lambda path: renamed(*create_temporary(path, private=False), path),
}


def renamed(temporary: Path, fd: int, path: Path) -> None:
    os.write(fd, b"data")
    os.close(fd)
    temporary.rename(path)


@pytest.mark.parametrize("creating", CREATING.values(), ids=CREATING)
def test_a_file_that_is_swept_while_it_is_made_is_made_again(
    creating: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, swept = fcntl.flock, list[Path]()

    def slow(fd: int, how: int) -> None:
        """Another process was quicker."""
        if not swept:
            swept.extend(tmp_path.iterdir())
            swept[0].unlink()
        real(fd, how)

    monkeypatch.setattr(fcntl, "flock", slow)
    creating(tmp_path / "file")
    assert len(swept) == 1
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"data"


@pytest.mark.parametrize("private", [True, False])
def test_a_file_to_be_renamed_is_locked_and_is_beside_what_it_is_for(private: bool, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        temporary, fd = create_temporary(tmp_path / "file", private=private)
    finally:
        os.umask(before)
    sweep(tmp_path)
    assert names(tmp_path) == [temporary.name], "it is held"
    assert stat.S_IMODE(temporary.stat().st_mode) == (0o600 if private else 0o666)
    os.close(fd)
    sweep_beside(tmp_path / "file")
    assert names(tmp_path) == []


def test_the_temporary_twin_of_a_long_name_repeats_so_much_of_it_that_older_versions_know_it(tmp_path: Path) -> None:
    for name, repeated in (("x" * 255, "x" * 200), ("é" * 127, "é" * 100), ("x" + "é" * 127, "x" + "é" * 99)):
        left = tmp_path / f".{repeated}.0123456789ab.part"
        left.touch()
        sweep_beside(tmp_path / name)
        assert not left.exists()


def test_what_others_were_at_is_swept_after_an_error_alone(tmp_path: Path) -> None:
    swept: list[str] = []
    with swept_after_error(lambda: swept.append("no")):
        pass
    with pytest.raises(KeyboardInterrupt), swept_after_error(lambda: swept.append("yes")):
        raise KeyboardInterrupt
    assert swept == ["yes"]


def test_a_directory_without_what_is_to_be_swept_is_swept_at_once(tmp_path: Path) -> None:
    sweep(tmp_path / "none")
    with scratch_directory(tmp_path, "a.b-") as ours:
        assert ours.name.startswith("a.b-")
        (tmp_path / "aXb-1").mkdir()
        with scratch_directory(tmp_path, "a.b-"):
            assert len(names(tmp_path)) == 3, "a prefix is no pattern"


def test_a_tree_is_removed_from_the_top_and_no_link_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("top", "top/none", "top/full", "top/full/x"):
        (tmp_path / name).mkdir()
    (tmp_path / "top/file").touch(0o400)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside").chmod(0o500)
    (tmp_path / "top/link").symlink_to(tmp_path / "outside")
    for name, mode in (("top/none", 0o000), ("top/full/x", 0o300), ("top/full", 0o755), ("top", 0o500)):
        (tmp_path / name).chmod(mode)
    changed: list[tuple[str, int]] = []
    real = os.chmod

    def noted(path: str, mode: int) -> None:
        changed.append((os.path.relpath(path, tmp_path), mode))
        real(path, mode)

    monkeypatch.setattr(os, "chmod", noted)
    remove_tree(tmp_path / "top")
    assert sorted(changed) == [("top", 0o700), ("top/full/x", 0o700), ("top/none", 0o700)]
    assert changed[0] == ("top", 0o700)
    assert names(tmp_path) == ["outside"]
    (tmp_path / "link").symlink_to("outside")
    (tmp_path / "file").touch()
    for name in ("link", "file", "nothing"):
        remove_tree(tmp_path / name)
    assert names(tmp_path) == ["outside"]


def test_what_is_another_users_is_not_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tmp_path / ".web.tar.0123456789ab.part"
    left.touch()
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: left.stat().st_uid + 1)
        sweep(tmp_path)
    assert left.exists()
    sweep(tmp_path)
    assert not left.exists()
