"""Runs one container of an image: the same operations in namespaces and in an engine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from sysimage.containers.console import Console
from sysimage.containers.engine import Engine, LoadedImage, entry_point_flags, loaded
from sysimage.containers.errors import ProgramNotStartedError
from sysimage.containers.image import RunnableImage
from sysimage.containers.namespaces import (
    STOP_SECONDS,
    Container,
    Settings,
    UnpackedImage,
    unpacked,
)
from sysimage.errors import SysimageError
from sysimage.process import Completed
from sysimage.progress import Progress, silent
from sysimage.signals import answered, held, keep_unwinding, patient

PLACES = ("namespaces", "docker", "podman")
HERD = "/run/current-system/profile/bin/herd"
BOOT_SECONDS = 60.0
INTERRUPTED_SECONDS = 2.0
"""How long a command may take to end after an interrupt, before it is killed."""
_LOOK = 0.1
_LAST_LINES = 40
_MOST_PIECES = 10_000
"""Pieces of a log that are kept, each what the container wrote at once."""
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
    def said(self) -> str:
        """The last lines of its output."""

    @abstractmethod
    def stop(self) -> int:
        """Stop the booted container; its exit status."""

    def wait_until_up(self, seconds: float = BOOT_SECONDS) -> bool:
        """Wait until the Shepherd of a sysimage image has started all automatic services; whether it has.

        Another image is up as soon as it runs. A SysimageError with its last words for a container that ends meanwhile.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.runs():
                raise SysimageError(f"cannot boot {self.image.name}: its first process has ended\n{self.said()}")
            try:
                done = self.run([HERD, "status"])
            except ProgramNotStartedError:
                return True
            if done.status in (126, 127):  # of an engine
                return True
            if done.status == 0 and b"Starting:" not in done.stdout:
                return True
            time.sleep(_LOOK)
        return False


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
                    Settings(),
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
            return _awaited(
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

    def said(self) -> str:
        return "\n".join(self.log().splitlines()[-_LAST_LINES:])

    def stop(self) -> int:
        return self.booted().stop()


class EngineRunner(Runner):
    """A container in Docker or Podman."""

    def __init__(self, files: LoadedImage) -> None:
        super().__init__(files.image)
        self.files = files

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
        options = [
            *(["--interactive"] if interactive else []),
            *(["--tty"] if terminal else []),
            *entry_point_flags(self.files.engine.program, entry_point),
        ]
        self.files.create(command, options)
        name = self.files.name
        streams: dict[str, int | None] = {"stdin": None if interactive else subprocess.DEVNULL}
        with Console(out) as said, Console(err) as complained:
            if not terminal:
                streams |= {"stdout": said.descriptor, "stderr": complained.descriptor}
            words = ("start", "--attach", *(["--interactive"] if interactive else []), name)
            child = self.files.attach(*words, on_terminal=terminal, **streams)
            said.started()
            complained.started()

            def end() -> int:
                if command or entry_point is not None:
                    self.files.call("kill", "--signal=INT", name, accept=range(256))
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        return child.wait(INTERRUPTED_SECONDS)
                status = self.files.stop()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(INTERRUPTED_SECONDS)  # it has its last words still to say
                return status

            try:
                return _awaited(lambda: child, end, lambda: said.left or complained.left)
            finally:
                child.kill()
                child.wait()

    def boot(self) -> None:
        self.files.create()
        self.files.start()

    def run(self, argv: Sequence[str]) -> Completed:
        return self.files.call("exec", self.files.name, *argv, accept=range(256))

    def talk(self, argv: Sequence[str], *, terminal: bool) -> int:
        tty = ["--tty"] if terminal else []
        child = self.files.attach("exec", "--interactive", *tty, self.files.name, *argv, on_terminal=terminal)
        try:
            return child.wait()
        finally:
            child.kill()
            child.wait()

    def runs(self) -> bool:
        return bool(self.files.inspect()["State"]["Running"])

    def said(self) -> str:
        done = self.files.call("logs", "--tail", str(_LAST_LINES), self.files.name, accept=range(256))
        return (done.stdout + done.stderr).decode("utf-8", "replace")

    def stop(self) -> int:
        return self.files.stop()


def _awaited(start: Callable[[], subprocess.Popen[bytes]], end: Callable[[], int], left: Callable[[], bool]) -> int:
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


@contextlib.contextmanager
def opened(
    image: RunnableImage, place: str, environ: Mapping[str, str], progress: Progress = silent
) -> Iterator[NamespaceRunner | EngineRunner]:
    """Bring an image to one of `PLACES`. Everything is gone when the block ends, or this process does."""
    if place == "namespaces":
        with unpacked(image, progress) as files:
            yield NamespaceRunner(files)
    else:
        with loaded(Engine(place, environ), image, progress) as in_engine:
            yield EngineRunner(in_engine)


def written_to(descriptor: int) -> OutputSink:
    """Writes all of what it is given at once, past any buffer."""

    def take(data: bytes) -> None:
        while data:
            data = data[os.write(descriptor, data) :]

    return take
