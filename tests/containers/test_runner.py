"""When a booted container is up, and which user runs in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from sysimage.containers.cgroup import Cgroup
from sysimage.containers.container_init import identity
from sysimage.containers.errors import ProgramNotStartedError
from sysimage.containers.image import RunnableImage, open_image
from sysimage.containers.runner import Runner, written_to
from sysimage.errors import SysimageError
from sysimage.process import Completed
from tests.containers.test_image import raw
from tests.support.raw_image import write_archive

Answer = Completed | ProgramNotStartedError


class Scripted(Runner):
    """A container that answers each question with the next of its answers, and has ended when it has no answer left."""

    def __init__(self, image: RunnableImage, *answers: Answer) -> None:
        super().__init__(image)
        self.answers = list(answers)
        self.asked: list[list[str]] = []

    def foreground(self, *arguments: Any, **options: Any) -> int:
        raise NotImplementedError

    def boot(self) -> None:
        raise NotImplementedError

    def run(self, argv: Sequence[str]) -> Completed:
        self.asked.append(list(argv))
        answer = self.answers.pop(0)
        if isinstance(answer, ProgramNotStartedError):
            raise answer
        return answer

    def talk(self, argv: Sequence[str], *, terminal: bool) -> int:
        raise NotImplementedError

    def runs(self) -> bool:
        return bool(self.answers)

    def output(self) -> str:
        return "last words"

    def stop(self) -> int:
        raise NotImplementedError


@pytest.fixture
def booted(tmp_path: Path) -> Callable[..., Scripted]:
    def scripted(entry_point: str, *answers: Answer) -> Scripted:
        with open_image(write_archive(raw(Entrypoint=[entry_point]).layout(), tmp_path / "x.tar"), name="web") as image:
            return Scripted(image, *answers)

    return scripted


def said(text: str, status: int = 0) -> Completed:
    return Completed(status, text.encode(), b"")


@pytest.mark.parametrize(
    ("entry_point", "answer"),
    [
        ("/init", said("Started:\n + root")),
        ("/init", said("", 127)),
        ("/init", said("", 126)),
        ("/init", ProgramNotStartedError("no", 127)),
        ("/lib/systemd/systemd", said("running\n")),
        ("/lib/systemd/systemd", said(" degraded", 1)),
        ("/lib/systemd/systemd", said("", 127)),
    ],
)
def test_a_container_is_up_when_its_init_says_so_or_cannot_be_asked(
    booted: Callable[..., Scripted], entry_point: str, answer: Answer
) -> None:
    runner = booted(entry_point, answer)
    assert runner.wait_until_up()
    question = ["systemctl", "is-system-running"] if "systemd" in entry_point else ["herd", "status"]
    assert runner.asked == [question]


def test_a_container_is_asked_until_it_is_up(booted: Callable[..., Scripted]) -> None:
    runner = booted("/init", said("", 1), said("Starting:\n x"), said("Started:"), said("x"))
    assert runner.wait_until_up()
    assert len(runner.asked) == 3
    systemd = booted("/lib/systemd/systemd", said("starting", 0), said("running"))
    assert systemd.wait_until_up()
    assert len(systemd.asked) == 2
    assert not booted("/init", said("x")).wait_until_up(0)


def test_a_container_that_ends_before_it_is_up_has_last_words(booted: Callable[..., Scripted]) -> None:
    with pytest.raises(SysimageError) as caught:
        booted("/init").wait_until_up()
    assert str(caught.value) == "cannot boot web: its first process has ended\nlast words"


def test_what_is_written_past_a_buffer_is_there_at_once() -> None:
    reads, writes = os.pipe()
    take = written_to(writes)
    take(b"one")
    take(b"")
    take(b" two")
    os.close(writes)
    assert os.read(reads, 100) == b"one two"
    os.close(reads)


def test_a_cgroup_is_opened_for_going_in_and_back(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for directory in (own, tmp_path):
        (directory / "cgroup.procs").touch()
    with Cgroup(own).opened() as places:
        for name, place in places.items():
            os.write(place, name.encode())
    assert (own / "cgroup.procs").read_text() == "own"
    assert (tmp_path / "cgroup.procs").read_text() == "above"
    for place in places.values():
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(place)


def test_a_user_is_one_of_the_files_of_accounts_or_a_number() -> None:
    users = [line.split(":") for line in Path("/etc/passwd").read_text().splitlines() if line.count(":") == 6]
    groups = [line.split(":") for line in Path("/etc/group").read_text().splitlines() if line.count(":") == 3]
    for name, _, uid, gid, _, home, _ in users:
        more = {int(line[2]) for line in groups if name in line[3].split(",")}
        assert identity(name) == (int(uid), int(gid), sorted({int(gid), *more}), home)
    for name, _, gid, _ in groups:
        assert identity(f":{name}") == identity(f"root:{gid}") == (0, int(gid), [int(gid)], identity("root")[3])
    assert identity("") == identity("0") == identity("root")
    assert identity("123456:654321") == (123456, 654321, [654321], "/")
    assert identity("123456") == (123456, 0, [0], "/")
    for user, cause in (("no-one", "user no-one is not in /etc/passwd"), ("0:none", "group none is not in /etc/group")):
        with pytest.raises(LookupError, match=f"^{cause}$"):
            identity(user)
