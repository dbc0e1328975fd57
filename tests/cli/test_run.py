"""`sysimage run` and `sysimage shell`: what comes back, and that nothing is left."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from sysimage.cli import main
from tests.support.examples import ROOT, default_cache
from tests.support.small_images import write_small

pytestmark = pytest.mark.programs

ENTRY = ["/bin/sh", "-c", 'echo "entry $*"; exit 3', "sh"]
LIVES = ["/bin/sh", "-c", "trap 'echo ends; exit 0' TERM; echo up; while :; do sleep 0.1; done"]


def program(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "sysimage", *map(str, words)]


def start(*words: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(program(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def done(*words: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(program(*words), input=stdin, capture_output=True)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_small(tmp_path / "small.tar", Entrypoint=ENTRY, Cmd=["own", "command"])


@pytest.fixture
def living(tmp_path: Path) -> Path:
    return write_small(tmp_path / "living.tar", Entrypoint=LIVES)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), b"entry own command\n"),
        (("a", "--json"), b"entry a --json\n"),
        (("--", "a"), b"entry a\n"),
    ],
)
def test_a_command_is_given_to_the_entry_point(words: Sequence[str], said: bytes, image: Path) -> None:
    ended = done("run", image, *words)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, said, b"")


def test_an_entry_point_of_the_users_is_in_the_place_of_the_images(image: Path) -> None:
    ended = done("run", "--entrypoint", "", image, "sh", "-c", "cat; echo err >&2; exit 4", stdin=b"in")
    assert (ended.returncode, ended.stdout, ended.stderr) == (4, b"in", b"err\n")
    ended = done("run", "--entrypoint", "/bin/cat", image, "/proc/1/comm")
    assert (ended.returncode, ended.stdout) == (0, b"cat\n")


def test_a_program_that_is_not_there_ends_as_in_a_shell(image: Path) -> None:
    ended = done("run", "--entrypoint", "", image, "absent")
    assert ended.returncode == 127
    assert ended.stderr.decode() == f"sysimage: cannot run absent in {image}: absent: No such file or directory\n"


def test_a_shell_runs_its_input_in_the_booted_container(living: Path) -> None:
    ended = done("shell", living, stdin=b"cat /proc/1/cmdline; exit 6\n")
    assert ended.returncode == 6
    assert b"trap 'echo ends" in ended.stdout
    assert done("shell", living, "sh", "-c", "exit 8").returncode == 8


def test_a_container_that_ends_while_it_boots_is_shown_with_its_words(image: Path) -> None:
    ended = done("shell", image, "sleep", "5")
    assert ended.stdout == b""
    if ended.returncode != 128 + 9:  # which it is when the container ends under the running command
        assert ended.returncode == 1
        assert b"has ended" in ended.stderr


def test_an_interrupt_stops_it_as_its_image_says(living: Path) -> None:
    running = start("run", living)
    assert running.stdout is not None
    assert running.stdout.readline() == b"up\n"
    running.send_signal(signal.SIGINT)
    assert running.communicate()[0] == b"ends\n"
    assert running.returncode == 0


def test_an_end_from_outside_stops_it_as_well(living: Path) -> None:
    running = start("run", living)
    assert running.stdout is not None
    running.stdout.readline()
    running.send_signal(signal.SIGTERM)
    assert running.communicate()[0] == b"ends\n"
    assert running.returncode == 128 + signal.SIGTERM


def test_it_stops_when_its_output_is_not_read_any_more(tmp_path: Path) -> None:
    talks = ["/bin/sh", "-c", "trap exit TERM; while :; do echo talk; sleep 0.01; done"]
    running = start("run", write_small(tmp_path / "talks.tar", Entrypoint=talks))
    assert running.stdout is not None
    running.stdout.readline()
    running.stdout.close()
    assert running.wait(30) == 128 + signal.SIGPIPE


def descendants(pid: int) -> set[int]:
    found = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found |= {child} | descendants(child)
    return found


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_nothing_outlives_a_parent_that_is_killed(living: Path, tmp_path: Path) -> None:
    running = start("run", living)
    assert running.stdout is not None
    running.stdout.readline()
    below = descendants(running.pid)
    assert len(below) >= 3  # the holder, the starter, and the container's first process
    running.kill()
    running.communicate()
    deadline = time.monotonic() + 30
    while (left := {pid for pid in below if lives(pid)}) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == set()
    assert [path.name for path in tmp_path.iterdir()] == ["living.tar"]


def test_a_person_gets_a_terminal_of_the_container(image: Path) -> None:
    pid, master = pty.fork()
    if pid == 0:
        os.execv(sys.executable, program("run", "-q", "--entrypoint", "", image, "sh"))
    said = b""

    def read_until(end: bytes) -> None:
        nonlocal said
        while end not in said:
            said += os.read(master, 4096)

    read_until(b"# ")
    os.write(master, b"readlink /proc/self/fd/0; sleep 100; echo after\n")
    read_until(b"/dev/pts/0")
    time.sleep(0.3)
    os.write(master, b"\x03")
    read_until(b"# ")
    os.write(master, b"exit 9\n")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    os.close(master)


def test_a_spec_is_built_first_and_its_image_has_no_name(tmp_path: Path) -> None:
    spec = tmp_path / "base.json"
    spec.write_text((ROOT / "examples" / "base.json").read_text())
    ended = done("shell", "--cache-dir", default_cache(), spec, "herd", "status")
    assert ended.returncode == 0, ended.stderr
    assert b"root" in ended.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["base.json"]


@pytest.mark.parametrize(
    ("argv", "status", "message"),
    [
        (["run", "none.tar"], 2, "cannot read none.tar: there is no such file"),
        (["shell", "--in", "jail", "x.tar"], 2, "must be one of vm, docker, podman, namespaces, not 'jail'"),
        (["run", "--runtime", "podman", "x.tar"], 2, "--runtime is the virtual machine's engine"),
        (["test", "--in", "docker", "--runtime", "podman", __file__], 2, "--runtime is the virtual machine's engine"),
        (["test", "--in", "podman", "--store", "containerd", __file__], 2, "cannot choose the image store of podman"),
        (["test", "--in", "namespaces", __file__, "--shell"], 2, "cannot open a shell in namespaces instead of asking"),
    ],
)
def test_what_cannot_run_is_refused_at_once(
    argv: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        ended = main(argv)
    except SystemExit as error:
        ended = int(error.code or 0)
    assert ended == status
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_an_engine_that_does_not_answer_is_reported_with_what_to_do(
    engine: str, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / engine).write_text("#!/bin/sh\necho 'Cannot connect to the daemon' >&2\nexit 1\n")
    (tmp_path / engine).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert main(["run", "--in", engine, str(image)]) == 7
    said = capsys.readouterr().err
    assert f"sysimage: cannot use {engine}: Cannot connect to the daemon\nhint: " in said
    assert "--in namespaces" in said
