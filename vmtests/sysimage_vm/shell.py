"""A shell that stays open inside a container, so that each question costs a fork there and not an exec of the engine.

Entering a container takes the engine seconds under emulation. The shell is entered once, by the engine itself, so
commands see what any ``docker exec`` sees: the same namespaces, limits and environment.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Sequence
from typing import Any

from sysimage_vm.channel import COMMAND, Channel, Result, Task
from sysimage_vm.errors import AgentLostError, CommandStuckError, DeadlineError, GuestSilentError, ImageFaultError
from sysimage_vm.waiting import Patience


class Shell:
    """Runs commands one after the other; ``enter`` is the argument vector that starts a POSIX shell there."""

    def __init__(self, channel: Channel, enter: Sequence[str]) -> None:
        self._channel = channel
        self._enter = tuple(enter)
        self._task: Task | None = None

    def run(self, command: str, *, patience: Patience = COMMAND) -> Result:
        """Run a command line with ``/bin/sh -c``; its input is empty."""
        task = self._open()
        mark = f"--{secrets.token_hex(12)}--"
        # The mark is sent with a gap, so that the command line itself, were it echoed, would not look like the end.
        first, second = shlex.quote(mark[:8]), shlex.quote(mark[8:])
        says = f"printf '%s%s %s\\n' {first} {second}"
        task.write(f"/bin/sh -c {shlex.quote(command)} </dev/null\n{says} $?; {says} 0 >&2\n".encode())
        end = mark.encode() + b" "

        def ended() -> bool | None:
            if _whole(task.stdout, end) and _whole(task.stderr, end):
                return True
            return False if task.done is not None else None

        try:
            whole = self._channel.wait(f"`{command[:200]}` in the container", ended, patience)
        except (GuestSilentError, DeadlineError) as fault:
            self.close()
            raise CommandStuckError(f"{fault.message}\nits shell was killed", console=fault.console) from None
        if not whole:
            self._task = None
            said = (bytes(task.stdout) + bytes(task.stderr)).decode("utf-8", "replace").strip()
            raise ImageFaultError(
                f"cannot run `{command[:200]}` in the container: its shell ended", evidence=said[-4000:]
            )
        stdout, status = _cut(task.stdout, end)
        stderr, _ = _cut(task.stderr, end)
        return Result(("/bin/sh", "-c", command), status, stdout, stderr)

    def _open(self) -> Task:
        if self._task is not None and self._task.done is None:
            return self._task
        order: dict[str, Any] = {"op": "run", "argv": list(self._enter), "env": {}, "cwd": None}
        self._task = self._channel.start(order)
        return self._task

    def close(self) -> None:
        """End the shell; the next command opens another."""
        if self._task is not None:
            self._task.kill()
            self._task = None


def _whole(output: bytearray, end: bytes) -> bool:
    start = output.find(end)
    return start >= 0 and output.find(b"\n", start) >= 0


def _cut(output: bytearray, end: bytes) -> tuple[bytes, int]:
    """What came before the mark, and the status after it; both leave ``output``."""
    start = output.index(end)
    stop = output.index(b"\n", start)
    before, status = bytes(output[:start]), bytes(output[start + len(end) : stop])
    del output[: stop + 1]
    if not status.isdigit():
        raise AgentLostError(f"cannot read the shell's answer: {status!r} is not an exit status")
    return before, int(status)
