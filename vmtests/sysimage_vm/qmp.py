"""QEMU's control protocol (QMP) over one connected socket: JSON objects, a line each."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Mapping
from typing import Any

from sysimage_vm.errors import EmulatorEndedError, MachineFaultError
from sysimage_vm.waiting import USUAL, Patience, Waiter


class QmpError(MachineFaultError):
    """QEMU refused a command."""


class Qmp:
    """One client. Events pile up in ``events`` whenever something is read; ``wait`` is the method of the machine, which
    reads."""

    def __init__(self, connection: socket.socket, wait: Waiter) -> None:
        self._socket = connection
        self._socket.setblocking(False)
        self._wait = wait
        self._buffer = b""
        self._answers: list[Mapping[str, Any]] = []
        self.events: list[Mapping[str, Any]] = []
        """Events that were not handled yet, oldest first."""
        self._number = 0

    def fileno(self) -> int:
        return self._socket.fileno()

    def negotiate(self) -> None:
        """Leave the greeting's mode, in which QEMU obeys no other command."""
        self.execute("qmp_capabilities")

    def pump(self) -> None:
        """Read what has arrived without waiting."""
        while True:
            try:
                received = self._socket.recv(65536)
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:
                received = b""
            if not received:
                raise EmulatorEndedError("cannot talk to QEMU: it closed its control socket")
            *lines, self._buffer = (self._buffer + received).split(b"\n")
            for line in lines:
                if line.strip():
                    self._take(json.loads(line))

    def _take(self, message: Mapping[str, Any]) -> None:
        if "event" in message:
            self.events.append(message)
        elif "return" in message or "error" in message:
            self._answers.append(message)

    def execute(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        fd: int | None = None,
        patience: Patience = USUAL,
    ) -> Any:
        """Send a command, with a file descriptor where it takes one, and return its result."""
        self._number += 1
        number = self._number
        request = json.dumps({"execute": command, "arguments": arguments or {}, "id": number}).encode() + b"\n"
        with contextlib.suppress(BrokenPipeError, ConnectionError):  # QEMU is gone, which the wait sees, and why
            if fd is None:
                self._socket.sendall(request)
            else:
                socket.send_fds(self._socket, [request], [fd])

        def answered() -> Mapping[str, Any] | None:
            found = next((answer for answer in self._answers if answer.get("id") == number), None)
            if found is not None:
                self._answers.remove(found)
            return found

        answer = self._wait(f"QEMU's answer to {command}", answered, patience)
        if "error" in answer:
            raise QmpError(f"cannot {command} in QEMU: {answer['error'].get('desc')}")
        return answer["return"]

    def close(self) -> None:
        self._socket.close()
