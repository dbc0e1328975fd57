"""The control channel: frames, and the real agent at the other end of a socket."""

from __future__ import annotations

import errno
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sysimage_vm import agent as protocol
from sysimage_vm.backends import container_host, guest_host
from sysimage_vm.channel import Channel
from sysimage_vm.engine import Engine
from sysimage_vm.errors import (
    AgentLostError,
    AgentRefusedError,
    CommandStuckError,
    EngineDiedError,
    GuestSilentError,
    ImageFaultError,
)
from sysimage_vm.resource_usage import UsageMeter, family
from sysimage_vm.shell import Shell
from sysimage_vm.waiting import USUAL, Patience, Signs, wait

pytestmark = pytest.mark.slow  # much of it waits for what does not answer

T = TypeVar("T")

frames = st.lists(
    st.tuples(st.integers(protocol.HELLO, protocol.KILL), st.integers(0, 2**32 - 1), st.binary(max_size=200)),
    max_size=8,
)


@given(frames, st.lists(st.integers(1, 64), max_size=40))
def test_frames_survive_any_cutting_of_the_stream(sent: list[tuple[int, int, bytes]], cuts: list[int]) -> None:
    stream = b"".join(protocol.frame(*frame) for frame in sent)
    unframer, received = protocol.Unframer(), []
    for size in [*cuts, len(stream)]:
        received += unframer.feed(stream[:size])
        stream = stream[size:]
    assert received == sent
    assert unframer.skipped == 0


@given(st.binary(max_size=100).filter(lambda noise: protocol.MAGIC[:1] not in noise), frames)
def test_frames_are_found_after_noise(noise: bytes, sent: list[tuple[int, int, bytes]]) -> None:
    unframer = protocol.Unframer()
    stream = noise + b"".join(protocol.frame(*frame) for frame in sent)
    assert unframer.feed(stream) == sent
    assert unframer.skipped >= (len(noise) if sent else 0)


def test_a_frame_of_an_impossible_length_does_not_swallow_what_follows() -> None:
    unframer = protocol.Unframer()
    hostile = protocol.HEADER.pack(protocol.MAGIC, protocol.OUTPUT, 1, protocol.CHUNK + 1)
    assert unframer.feed(hostile + protocol.frame(protocol.DONE, 2, b"x")) == [(protocol.DONE, 2, b"x")]


AGENT = Path(protocol.__file__)


class Line:
    """A channel, and a machine that is only the real agent, which `serve` starts at the other end."""

    def __init__(self) -> None:
        here, self.there = socket.socketpair()
        self.channel = Channel(here, self.wait)
        self.agent: subprocess.Popen[bytes] | None = None
        self.meter = UsageMeter(lambda: family(self.agent.pid) if self.agent is not None else ())

    def serve(self) -> None:
        program = f"import runpy; runpy.run_path({str(AGENT)!r})['Agent']({self.there.fileno()}).serve()"
        self.agent = subprocess.Popen([sys.executable, "-I", "-c", program], pass_fds=[self.there.fileno()])
        self.channel.handshake()

    def close(self) -> None:
        if self.agent is not None:
            self.agent.kill()
            self.agent.wait()
        self.channel.close()
        self.there.close()

    def wait(self, what: str, ready: Callable[[], T | None], patience: Patience = USUAL) -> T:
        return wait(self, what, ready, patience)

    def now(self) -> float:
        return time.monotonic()

    def check(self) -> None:
        self.channel.pump()

    def signs(self) -> Signs:
        return Signs(self.channel.moved, self.meter.read())

    def rest(self, seconds: float) -> None:
        talking = self.channel.fileno()
        select.select([talking], [talking] if self.channel.wants_to_write else [], [], seconds)

    def last_seen(self) -> str:
        return self.channel.last_seen()

    def console_tail(self) -> str:
        return ""


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    line = Line()
    line.serve()
    yield line
    line.close()


def test_status_and_both_outputs_come_back_byte_for_byte(line: Line) -> None:
    result = line.channel.run(["/bin/sh", "-c", r"printf '\000\377out'; printf 'err\n' >&2; exit 255"])
    assert (result.status, result.stdout, result.stderr) == (255, b"\x00\xffout", b"err\n")


def test_a_signal_is_not_an_exit_status(line: Line) -> None:
    assert line.channel.run(["/bin/sh", "-c", "kill -9 $$"]).status == -9


@pytest.mark.parametrize("size", [0, 1, protocol.CHUNK, 3 * protocol.CHUNK + 7])
def test_input_of_any_size_arrives(line: Line, size: int) -> None:
    data = os.urandom(size)
    assert line.channel.run(["cat"], stdin=data).stdout == data


def test_a_command_that_does_not_read_its_input_blocks_no_other(line: Line) -> None:
    assert line.channel.run(["true"], stdin=bytes(4 << 20)).status == 0


def test_a_missing_program_is_refused_and_is_not_an_exit_status(line: Line) -> None:
    with pytest.raises(AgentRefusedError, match="No such file") as refusal:
        line.channel.run(["/no/such/program"])
    assert refusal.value.errno == errno.ENOENT


def test_a_command_that_does_nothing_is_killed_with_its_children(line: Line) -> None:
    with pytest.raises(CommandStuckError, match=r"nothing has moved for \d+ s") as stuck:
        line.channel.run(["/bin/sh", "-c", "sleep 3600 & echo $!; sleep 3600"], patience=Patience(quiet=1))
    assert "the command was killed" in stuck.value.message
    child = int(stuck.value.console)
    assert f"its last bytes: b'{child}\\n'" in stuck.value.message
    line.wait("its child to be gone", lambda: True if not alive(child) else None)


def test_a_command_that_works_is_waited_for(line: Line) -> None:
    program = "import time\nwhile time.process_time() < 1.2: pass\nprint('done')"
    assert line.channel.run([sys.executable, "-c", program], patience=Patience(quiet=0.6)).text == "done"


def test_a_command_that_works_for_ever_is_killed_too(line: Line) -> None:
    with pytest.raises(CommandStuckError, match=r"has worked for \d+ s of processor time"):
        line.channel.run(["/bin/sh", "-c", "while :; do :; done"], patience=Patience(quiet=60, work=1))


def test_an_agent_that_does_not_answer_is_not_a_stuck_command() -> None:
    line = Line()
    with pytest.raises(GuestSilentError, match="the agent has sent nothing"):
        line.channel.run(["true"], patience=Patience(quiet=1))
    line.close()


def test_a_daemon_that_keeps_the_pipe_open_does_not_hold_up_the_result(line: Line, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    # What it writes later belongs to no command any more, and no reason to die.
    daemon = f"(while [ ! -e {mark} ]; do sleep 0.1; done; echo late && touch {mark}.well; exec sleep 20) &"
    script = f"{daemon} head -c 60000 /dev/zero; echo started >&2"
    ended = line.channel.run(["/bin/sh", "-c", script])
    assert (len(ended.stdout), ended.stderr) == (60000, b"started\n")
    mark.touch()
    line.wait("the daemon to be well", lambda: True if mark.with_name("mark.well").exists() else None)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_files_go_and_come_whole(line: Line, tmp_path: Path) -> None:
    data = os.urandom(200_000)
    line.channel.put(str(tmp_path / "file"), data, mode=0o640)
    assert (tmp_path / "file").stat().st_mode & 0o7777 == 0o640
    assert line.channel.get(str(tmp_path / "file")) == data
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_unix_socket_is_reached_without_a_program(line: Line, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"heard " + connection.recv(100))

        threading.Thread(target=answer, daemon=True).start()
        assert line.channel.converse(str(tmp_path / "s"), b"hello") == b"heard hello"
    with pytest.raises(AgentRefusedError) as refusal:
        line.channel.converse(str(tmp_path / "s"), b"")
    assert refusal.value.errno == errno.ECONNREFUSED


def test_a_socket_that_never_answers_is_given_up_and_let_go(line: Line, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        with pytest.raises(GuestSilentError, match=r"for an answer from .*: nothing has moved"):
            line.channel.converse(str(tmp_path / "s"), b"hello", patience=Patience(quiet=1))
        connection, _ = server.accept()
        with connection:
            assert connection.recv(100) == b"hello"
            line.channel.pump()
            assert connection.recv(100) == b"", "the agent does not keep it open"


def test_a_container_engine_that_never_answers_is_a_dead_one(line: Line, tmp_path: Path) -> None:
    engine = Engine(SimpleNamespace(channel=line.channel), socket=str(tmp_path / "s"))  # type: ignore[arg-type]
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        with pytest.raises(EngineDiedError, match=r"for an answer from .*: nothing has moved"):
            engine.ask("/_ping", patience=Patience(quiet=1))


def test_a_file_whose_writing_was_given_up_is_not_there(line: Line, tmp_path: Path) -> None:
    task = line.channel.start({"op": "put", "path": str(tmp_path / "file"), "mode": 0o644})
    task.write(b"the first half")
    partial = tmp_path / ".file.partial"
    line.wait("the file to be begun", lambda: True if partial.exists() else None)
    task.kill()
    line.wait("the file to be removed", lambda: True if not partial.exists() else None)
    assert list(tmp_path.iterdir()) == []


def test_two_tasks_run_at_once(line: Line) -> None:
    slow = line.channel.start({"op": "run", "argv": ["cat"], "env": {}, "cwd": None})
    assert line.channel.run(["echo", "quick"]).text == "quick"
    slow.write(b"slow")
    slow.end_input()
    line.wait("the slow one", lambda: slow.done)
    assert slow.stdout == b"slow"


def test_an_agent_that_starts_again_is_noticed() -> None:
    line = Line()
    for memory in ("first", "second"):
        line.there.sendall(b"")
        line.channel._nonce = "n"
        answer = f'{{"source": "s", "nonce": "n", "memory": "{memory}"}}'.encode()
        line.there.sendall(protocol.frame(protocol.WELCOME, 0, answer))
        if memory == "first":
            line.channel.pump()
    with pytest.raises(AgentLostError, match="started again"):
        line.channel.pump()
    line.close()


def test_an_agent_of_another_harness_is_refused() -> None:
    line = Line()
    line.channel._nonce = ""

    def answer() -> None:
        _, _, payload = protocol.Unframer().feed(line.there.recv(1000))[0]
        line.there.sendall(protocol.frame(protocol.WELCOME, 0, payload[:-1] + b', "source": "other", "memory": "m"}'))

    threading.Thread(target=answer, daemon=True).start()
    with pytest.raises(AgentLostError, match="not the one of this harness"):
        line.channel.handshake()
    line.close()


def test_a_closed_channel_is_a_lost_agent() -> None:
    line = Line()
    line.there.close()
    with pytest.raises(AgentLostError):
        line.channel.run(["true"])
    line.channel.close()


# --- the shell that stays open, and testinfra on top ---


@pytest.fixture
def shell(line: Line) -> Iterator[Shell]:
    shell = Shell(line.channel, ["/bin/sh"])
    yield shell
    shell.close()


def test_one_shell_answers_many_commands(shell: Shell) -> None:
    first = shell.run("echo out; echo err >&2; exit 3")
    assert (first.status, first.stdout, first.stderr) == (3, b"out\n", b"err\n")
    second = shell.run("printf 'no newline'; cat; echo $PPID")
    assert second.stdout.startswith(b"no newline")
    assert second.stdout.removeprefix(b"no newline") == shell.run("printf '' ; echo $PPID").stdout


def test_a_command_cannot_end_the_shell_it_runs_in(shell: Shell) -> None:
    assert shell.run("exit 4").status == 4
    assert shell.run("kill -9 $$; true").status == 137
    assert shell.run("echo still here").text == "still here"


@given(data=st.binary(max_size=300))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_shell_is_binary_safe(shell: Shell, data: bytes) -> None:
    octal = "".join(f"\\{byte:03o}" for byte in data)
    assert shell.run(f"printf '{octal}'").stdout == data


def test_a_shell_that_cannot_be_entered_shows_what_was_printed(line: Line) -> None:
    shell = Shell(line.channel, ["/bin/sh", "-c", "echo no such container >&2; exit 1"])
    with pytest.raises(ImageFaultError, match="its shell ended") as fault:
        shell.run("true")
    assert "no such container" in fault.value.evidence


def test_a_stuck_command_costs_the_shell_and_not_the_channel(line: Line) -> None:
    shell = Shell(line.channel, ["/bin/sh"])
    with pytest.raises(CommandStuckError, match="its shell was killed"):
        shell.run("sleep 3600", patience=Patience(quiet=1))
    assert shell.run("echo again").text == "again"
    shell.close()


def test_testinfra_asks_guest_and_container(line: Line, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "größe").write_text("ja\n")
    (tmp_path / "größe").chmod(0o604)
    for host in (guest_host(line.channel), container_host("c", shell)):
        file = host.file(str(tmp_path / "größe"))
        assert (file.exists, file.is_file, file.mode, file.content_string) == (True, True, 0o604, "ja\n")
        assert host.user("root").uid == 0
        assert host.run("exit %s", "9").rc == 9
