"""A lock keeps other processes out as long as its process lives, and none where a file system has no locks."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from sysimage.files.locks import alone, in_use, is_at, lock, locked_directory, locked_name, try_lock
from sysimage.workers import Report, run_tasks
from tests.support.refusing import refuse


@contextmanager
def elsewhere(lock: Callable[[], AbstractContextManager[object]]) -> Iterator[Callable[[], None]]:
    """Another process has a lock, until it is killed."""
    ready, said = os.pipe()
    if (child := os.fork()) == 0:
        with lock():
            os.write(said, b"held")
            time.sleep(600)
        os._exit(0)
    assert os.read(ready, 4) == b"held"

    def end() -> None:
        os.kill(child, signal.SIGKILL)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # what it held is free then

    try:
        yield end
    finally:
        end()
        os.waitpid(child, 0)
        os.close(ready)
        os.close(said)


def test_a_directory_in_use_is_in_use_by_another_process(tmp_path: Path) -> None:
    with elsewhere(lambda: in_use(tmp_path / "cache")):
        with alone(tmp_path / "cache") as nobody_else:
            assert not nobody_else
        with in_use(tmp_path / "cache"):
            pass
    with alone(tmp_path / "cache") as nobody_else:
        assert nobody_else


@pytest.mark.parametrize(("asked", "mode"), [({}, 0o777), ({"private": True}, 0o700)])
def test_a_directory_in_use_is_made_and_for_its_owner_alone_if_that_is_asked_for(
    tmp_path: Path, asked: dict[str, bool], mode: int
) -> None:
    before = os.umask(0)
    try:
        with in_use(tmp_path / "cache", **asked):
            assert (tmp_path / "cache").stat().st_mode & 0o777 == mode
    finally:
        os.umask(before)


def test_a_lock_excludes_every_other_and_a_shared_one_all_that_are_not_shared(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as one, (tmp_path / "file").open("rb") as other:
        lock(one.fileno())
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        lock(one.fileno(), shared=True)
        fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        assert try_lock(other.fileno()) is False
        fcntl.flock(one, fcntl.LOCK_UN)
        assert try_lock(other.fileno()) is True


def test_a_locked_directory_is_waited_for_and_the_wait_is_reported(tmp_path: Path) -> None:
    with elsewhere(lambda: locked_directory(tmp_path, lambda: None)) as end:
        waited = []

        def waiting() -> None:
            waited.append(True)
            end()

        with locked_directory(tmp_path, waiting):
            assert waited == [True]
            other = os.open(tmp_path, os.O_RDONLY)
            assert try_lock(other) is False, "it is ours now"
            os.close(other)
    with locked_directory(tmp_path, lambda: pytest.fail("it is free")):
        pass


def test_a_locked_name_is_there_as_long_as_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked_name(path) as held:
        assert held
        with locked_name(path, wait=False) as second:
            assert not second
        assert path.exists()
    assert not path.exists()
    with elsewhere(lambda: locked_name(path)), locked_name(path, wait=False) as held:
        assert not held
    with locked_name(path, wait=False) as held:
        assert held, "its process is dead"


def test_a_name_that_its_last_holder_removed_is_locked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, removed = fcntl.flock, list[Path]()

    def slow(fd: int, how: int) -> None:
        """The process that held it has ended meanwhile."""
        if not removed:
            removed.append(tmp_path / "lock")
            removed[0].unlink()
        real(fd, how)

    for wait in (True, False):
        removed.clear()
        with monkeypatch.context() as patch:
            patch.setattr(fcntl, "flock", slow)
            with locked_name(tmp_path / "lock", wait=wait) as held:
                assert held
                assert (tmp_path / "lock").exists()
        assert list(tmp_path.iterdir()) == []


def test_a_directory_that_may_not_be_read_is_not_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, ["open"], errno.EACCES)
    with locked_directory(tmp_path, lambda: pytest.fail("nothing to wait for")):
        pass


def test_a_name_that_was_removed_while_it_was_held_is_not_missed(tmp_path: Path) -> None:
    with locked_name(tmp_path / "lock") as held:
        assert held
        (tmp_path / "lock").unlink()


def test_many_that_lock_and_remove_one_name_are_never_two_at_a_time(tmp_path: Path) -> None:
    def work(number: int, report: Report) -> None:
        for _ in range(100):
            with locked_name(tmp_path / "lock"):
                os.close(os.open(tmp_path / "one", os.O_CREAT | os.O_EXCL))
                (tmp_path / "one").unlink()

    run_tasks(range(4), work, 4, abs)
    assert list(tmp_path.iterdir()) == []


def test_where_there_are_no_locks_work_goes_on_and_nothing_is_taken_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, ["flock"], errno.ENOLCK, where=fcntl)
    with in_use(tmp_path / "cache"), alone(tmp_path / "cache") as nobody_else:
        assert not nobody_else, "nobody can know"
    with locked_directory(tmp_path, lambda: pytest.fail("nothing to wait for")):
        pass
    with locked_name(tmp_path / "lock") as held:
        assert held
    with locked_name(tmp_path / "lock", wait=False) as held:
        assert not held


def test_a_file_is_known_by_more_than_its_name(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        assert is_at(file.fileno(), tmp_path / "file")
        (tmp_path / "file").rename(tmp_path / "other")
        assert not is_at(file.fileno(), tmp_path / "file")
        (tmp_path / "file").touch()
        assert not is_at(file.fileno(), tmp_path / "file")
