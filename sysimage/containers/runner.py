"""Runs one container of an image: the same operations in namespaces and in an engine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from sysimage.containers.errors import ProgramNotStartedError
from sysimage.containers.image import RunnableImage
from sysimage.containers.namespaces import (
    STOP_SECONDS,
)
from sysimage.errors import SysimageError
from sysimage.process import Completed
from sysimage.signals import answered, keep_unwinding, patient

HERD = "herd"
SYSTEMCTL = "systemctl"
_SYSTEMD_IS_UP = (b"running", b"degraded")
BOOT_SECONDS = 60.0
INTERRUPTED_SECONDS = 2.0
"""How long a command may take to end after an interrupt, before it is killed."""
_LOOK = 0.1
LAST_LINES = 40
OutputSink = Callable[[bytes], None]


class Runner(ABC):
    """Runs a container in one place. The caller that opened it must `close` it."""

    limits: tuple[str, ...] = ()
    """What does not work here as it would elsewhere, for people."""

    def __init__(self, image: RunnableImage) -> None:
        self.image = image

    @abstractmethod
    def foreground(
        self,
        command: Sequence[str],
        entry_point: str | None,
        *,
        interactive: bool,
        terminal: bool,
        out: OutputSink,
        err: OutputSink,
    ) -> int:
        """Run the image, with ``command`` instead of its own, until it ends; the exit status.

        What it says goes to ``out`` and ``err``, unless it has a ``terminal``, which is ours. An interrupt ends it as
        ``docker stop`` would, and a command by the interrupt's own signal; any other signal is raised afterwards.
        """

    @abstractmethod
    def boot(self) -> None:
        """Start what the image says, and return at once."""

    @abstractmethod
    def run(self, argv: Sequence[str]) -> Completed:
        """Run a program in the booted container."""

    @abstractmethod
    def talk(self, argv: Sequence[str], *, terminal: bool) -> int:
        """Run a program there with our own input and output; its exit status."""

    @abstractmethod
    def runs(self) -> bool:
        """Whether the booted container has not ended."""

    @abstractmethod
    def output(self) -> str:
        """The last lines of its output."""

    @abstractmethod
    def stop(self) -> int:
        """Stop the booted container; its exit status."""

    def wait_until_up(self, seconds: float = BOOT_SECONDS) -> bool:
        """Wait until the Shepherd of a sysimage image, or systemd, has started all automatic services; whether it has.

        Another image is up as soon as it runs. A SysimageError with its last words for a container that ends meanwhile.
        """
        deadline = time.monotonic() + seconds
        systemd = self.image.starts_systemd(self.image.argv())
        question = [SYSTEMCTL, "is-system-running"] if systemd else [HERD, "status"]
        while time.monotonic() < deadline:
            if not self.runs():
                raise SysimageError(f"cannot boot {self.image.name}: its first process has ended\n{self.output()}")
            try:
                done = self.run(question)
            except ProgramNotStartedError:
                return True
            if done.status in (126, 127):  # of an engine
                return True
            if systemd and done.stdout.strip() in _SYSTEMD_IS_UP:
                return True
            if not systemd and done.status == 0 and b"Starting:" not in done.stdout:
                return True
            time.sleep(_LOOK)
        return False


def awaited(start: Callable[[], subprocess.Popen[bytes]], end: Callable[[], int], left: Callable[[], bool]) -> int:
    """Wait for the child that ``start`` gives, and let ``end`` end it when we are to stop, or when its output
    has no reader any more."""
    with patient(STOP_SECONDS + INTERRUPTED_SECONDS):
        try:
            child = start()
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return child.wait(_LOOK)
                if left():
                    end()
                    raise BrokenPipeError
        except KeyboardInterrupt as ended:
            keep_unwinding()
            status = end()
            if getattr(ended, "status", 128 + signal.SIGINT) != 128 + signal.SIGINT:
                raise
            answered()
            return status


def written_to(descriptor: int) -> OutputSink:
    """Writes all of what it is given at once, past any buffer."""

    def take(data: bytes) -> None:
        while data:
            data = data[os.write(descriptor, data) :]

    return take
