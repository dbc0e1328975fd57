"""The harness's end of the control channel: run a command in the guest, move a file, set its clock.

A command's exit status, the agent's refusal and a broken channel are three different things here: a value, an
`AgentRefusedError` and an `AgentLostError`.
"""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sysimage_vm import agent as protocol
from sysimage_vm.errors import (
    AgentLostError,
    AgentRefusedError,
    CommandStuckError,
    DeadlineError,
    GuestSilentError,
)
from sysimage_vm.waiting import USUAL, Patience, Waiter

HELLO_INTERVAL = 1.0
COMMAND = Patience(quiet=120.0)
"""For a command: it may sleep for a while."""
ALIVE_SECONDS = 30.0
"""An agent whose last heartbeat is at most so many seconds old serves requests. Only for the diagnosis."""
_SHOWN = 60
"""Bytes of what came last that a message shows."""


@dataclass(frozen=True, slots=True)
class Result:
    """A command that has ended in the guest."""

    argv: tuple[str, ...]
    status: int
    """Exit status; minus the signal's number if a signal ended it."""
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output as text, without the last line's end."""
        return self.stdout.decode("utf-8", "replace").rstrip("\n")

    @property
    def output(self) -> str:
        """Both outputs as text, for messages."""
        return (self.stdout + self.stderr).decode("utf-8", "replace").strip()


@dataclass(frozen=True, slots=True)
class Welcome:
    """The agent that answered the handshake."""

    source: str
    """SHA-256 of the agent's own file."""
    memory: str
    """A number that the agent drew when it started and keeps in memory only: it survives a restore and nothing else."""


class Task:
    """Something under way in the guest. What it has put out so far can be read while it runs."""

    def __init__(self, channel: Channel, number: int) -> None:
        self._channel, self._number = channel, number
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.done: Mapping[str, Any] | None = None
        """What the agent reported at the end."""

    def write(self, data: bytes) -> None:
        """Give it input; sent while a caller waits."""
        self._channel.send_input(self._number, data)

    def end_input(self) -> None:
        self._channel.send_input(self._number, None)

    def kill(self) -> None:
        """End it and everything it started in its session; no caller waits for that."""
        self._channel.forget(self._number)


class Channel:
    """Requests over one connected socket. ``wait`` is the method of the machine, which notices panics and the end of
    QEMU at once."""

    def __init__(self, connection: socket.socket, wait: Waiter) -> None:
        self._socket = connection
        self._socket.setblocking(False)
        self.wait = wait
        self._unframer = protocol.Unframer()
        self._outgoing = bytearray()
        self._requests: dict[int, Task] = {}
        self._number = 0
        self._nonce = ""
        self._welcome: Welcome | None = None
        self.moved = 0
        """Bytes of requests and answers so far, heartbeats left out; the progress clock watches it."""
        self.heard: float | None = None
        """When the guest last sent something, heartbeats included."""
        self._last = b""

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def wants_to_write(self) -> bool:
        return bool(self._outgoing)

    def pump(self) -> None:
        """Write and read what goes without waiting."""
        try:
            while self._outgoing:
                sent = self._socket.send(self._outgoing)
                del self._outgoing[:sent]
                if self._requests:  # without any it is the handshake, which is sent repeatedly
                    self.moved += sent
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            raise AgentLostError(f"cannot talk to the guest's agent: {error.strerror}") from None
        while True:
            try:
                data = self._socket.recv(1 << 18)
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:
                data = b""
            if not data:
                raise AgentLostError("cannot talk to the guest's agent: QEMU closed the channel")
            self.heard = time.monotonic()
            for kind, number, payload in self._unframer.feed(data):
                self._take(kind, number, payload)

    def _take(self, kind: int, number: int, payload: bytes) -> None:
        if kind != protocol.BEAT:
            self.moved += protocol.HEADER.size + len(payload)
            self._last = payload[-_SHOWN:] or self._last
        if kind == protocol.WELCOME:
            said = json.loads(payload)
            if said["nonce"] == self._nonce:
                welcome = Welcome(said.get("source", ""), said["memory"])
                if self._welcome is not None and welcome != self._welcome:
                    raise AgentLostError(
                        "cannot go on with the guest's agent: another one answers, it has started again"
                    )
                self._welcome = welcome
        elif (task := self._requests.get(number)) is not None:
            if kind == protocol.OUTPUT:
                task.stdout += payload
            elif kind == protocol.ERROR:
                task.stderr += payload
            elif kind == protocol.DONE:
                task.done = json.loads(payload)

    def last_seen(self) -> str:
        """When the agent last sent something, and its last bytes."""
        if self.heard is None:
            return "the agent has sent nothing"
        since = time.monotonic() - self.heard
        return f"the agent last sent something {since:.0f} s ago, its last bytes: {self._last!r}"

    def handshake(self, patience: Patience = USUAL) -> Welcome:
        """Wait until the agent answers with the number we made up for it, and return its greeting."""
        self._nonce = secrets.token_hex(16)
        self._welcome = None
        last = -HELLO_INTERVAL

        def answered() -> Welcome | None:
            nonlocal last
            # What was written before the agent opened its port may be lost, so it is sent again.
            if self._welcome is None and time.monotonic() - last >= HELLO_INTERVAL and not self._outgoing:
                last = time.monotonic()
                self._send(protocol.HELLO, 0, json.dumps({"nonce": self._nonce}).encode())
            return self._welcome

        welcome = self.wait("the guest's agent to answer", answered, patience)
        if welcome.source != protocol.SOURCE:
            raise AgentLostError(
                "cannot talk to the guest's agent: it is not the one of this harness",
                hint="build the guest's disk again",
            )
        return welcome

    def _send(self, kind: int, number: int, payload: bytes) -> None:
        self._outgoing += protocol.frame(kind, number, payload)

    def lost(self) -> None:
        """The guest closed the port: whatever was under way gets no answer."""
        self._unframer.reset()
        if self._requests:
            raise AgentLostError(
                "cannot go on with the guest's agent: it closed the channel while a request was under way"
            )

    def send_input(self, number: int, data: bytes | None) -> None:
        """Input of a task; None ends it."""
        if data is None:
            self._send(protocol.END_INPUT, number, b"")
        for start in range(0, len(data or b""), protocol.CHUNK):
            self._send(protocol.INPUT, number, (data or b"")[start : start + protocol.CHUNK])

    def forget(self, number: int) -> None:
        """Kill a task and drop whatever it still says."""
        if self._requests.pop(number, None) is not None:
            self._send(protocol.KILL, number, b"")

    def start(self, order: Mapping[str, Any]) -> Task:
        """Begin something without waiting for it; see the agent for what can be ordered."""
        self._number += 1
        task = self._requests[self._number] = Task(self, self._number)
        self._send(protocol.START, self._number, json.dumps(order).encode())
        return task

    def _ask(self, what: str, order: Mapping[str, Any], stdin: bytes | None, patience: Patience) -> Task:
        task = self.start(order)
        number = self._number
        task.write(stdin or b"")
        task.end_input()
        try:
            done = self.wait(what, lambda: task.done, patience)
        except (GuestSilentError, DeadlineError) as fault:
            self.forget(number)
            if order["op"] == "run" and self.heard is not None and time.monotonic() - self.heard < ALIVE_SECONDS:
                said = (bytes(task.stdout) + bytes(task.stderr)).decode("utf-8", "replace").strip()
                shown = said[-4000:] or fault.console
                raise CommandStuckError(f"{fault.message}\nthe command was killed", console=shown) from None
            raise
        except BaseException:
            self.forget(number)
            raise
        del self._requests[number]
        refuse(what, order, done)
        return task

    def run(
        self,
        argv: Sequence[str],
        *,
        patience: Patience = COMMAND,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> Result:
        """Run a command in the guest, without a shell. One that makes no progress is killed (`CommandStuckError`)."""
        order = {"op": "run", "argv": list(argv), "env": dict(env or {}), "cwd": cwd}
        task = self._ask(f"`{' '.join(argv)[:200]}` in the guest", order, stdin, patience)
        done = task.done or {}
        return Result(tuple(argv), done["status"], bytes(task.stdout), bytes(task.stderr))

    def put(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """Write a file in the guest, whole or not at all."""
        self._ask(f"{path} to be written", {"op": "put", "path": path, "mode": mode}, content, USUAL)

    def get(self, path: str) -> bytes:
        """A file of the guest."""
        return bytes(self._ask(f"{path} to be read", {"op": "get", "path": path}, None, USUAL).stdout)

    def converse(self, path: str, said: bytes, *, patience: Patience = COMMAND) -> bytes:
        """Say something to a Unix socket of the guest; the answer is everything until it closes."""
        return bytes(self._ask(f"an answer from {path}", {"op": "converse", "path": path}, said, patience).stdout)

    def set_clock(self, now: float) -> None:
        """Set the guest's clock to ``now``, seconds since the epoch."""
        self._ask("the guest's clock to be set", {"op": "clock", "now": now}, None, USUAL)

    def close(self) -> None:
        self._socket.close()


def refuse(what: str, order: Mapping[str, Any], done: Mapping[str, Any]) -> None:
    """Raise `AgentRefusedError` if that is what the agent's last word amounts to."""
    if "failure" in done:
        refusal = f"{done['failure']} {done.get('file', '')}".rstrip()
        raise AgentRefusedError(f"cannot {order['op']} in the guest ({what}): {refusal}", errno=done.get("errno"))
