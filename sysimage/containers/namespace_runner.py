"""A container in namespaces, run without any engine."""

from __future__ import annotations

import signal
import subprocess
from collections import deque
from collections.abc import Sequence

from sysimage.containers.console import Console
from sysimage.containers.namespaces import (
    STOP_SECONDS,
    Container,
    ContainerOptions,
    UnpackedImage,
)
from sysimage.containers.runner import INTERRUPTED_SECONDS, LAST_LINES, OutputSink, Runner, awaited
from sysimage.errors import SysimageError
from sysimage.process import Completed
from sysimage.signals import held

_MOST_PIECES = 10_000
"""Pieces of a log that are kept, each what the container wrote at once."""


class NamespaceRunner(Runner):
    """A container without any engine."""

    def __init__(self, files: UnpackedImage) -> None:
        super().__init__(files.image)
        self.files = files
        self.limits = files.limits
        self._log: deque[bytes] = deque(maxlen=_MOST_PIECES)
        self.container: Container | None = None

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
        argv = self.image.argv(tuple(command), entry_point)
        quits = bool(command) or entry_point is not None
        number, patience = (signal.SIGINT, INTERRUPTED_SECONDS) if quits else (None, STOP_SECONDS)
        started: list[Container] = []

        def child() -> subprocess.Popen[bytes]:
            # A container that has just been started must not be lost sight of.
            with held():
                container = self.files.start(
                    argv,
                    ContainerOptions(),
                    terminal=terminal,
                    stdin=None if interactive else subprocess.DEVNULL,
                    stdout=None if terminal else said.descriptor,
                    stderr=None if terminal else complained.descriptor,
                )
                started.append(container)
                said.started()
                complained.started()
            return container.process

        with self.files.terminal_kept(terminal), Console(out) as said, Console(err) as complained:
            return awaited(
                child,
                lambda: started[0].stop(number, timeout=patience) if started else 0,
                lambda: said.left or complained.left,
            )

    def boot(self) -> None:
        with Console(self._log.append, waits=False) as console:
            output = console.descriptor
            argv = self.image.argv()
            self.container = self.files.start(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def booted(self) -> Container:
        """The container that `boot` has started, latest."""
        if self.container is None:
            raise SysimageError(f"cannot ask {self.image.name}: it was not booted")
        return self.container

    def run(self, argv: Sequence[str]) -> Completed:
        return self.booted().run(argv)

    def talk(self, argv: Sequence[str], *, terminal: bool) -> int:
        return self.booted().talk(argv, terminal=terminal)

    def runs(self) -> bool:
        return self.booted().process.poll() is None

    def log(self) -> str:
        """The output of the booted containers; only the end of a very long one."""
        return b"".join(self._log.copy()).decode("utf-8", "replace")

    def output(self) -> str:
        return "\n".join(self.log().splitlines()[-LAST_LINES:])

    def stop(self) -> int:
        return self.booted().stop()
