"""Boots an image in plain Linux namespaces, by `sysimage.containers`, for tests that look closer than questions do.

with unpack(archive) as files, boot(files) as system:
    assert system.run(["/bin/sh", "-c", "echo $$"]).returncode == 0
    assert system.stop() == 0
"""

from __future__ import annotations

import contextlib
import functools
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sysimage.containers.cgroup import Cgroup
from sysimage.containers.console import Console
from sysimage.containers.errors import ProgramNotStartedError
from sysimage.containers.image import open_image
from sysimage.containers.namespaces import Container, ContainerOptions, UnpackedImage
from sysimage.containers.unpacked_image import unpacked
from sysimage.errors import MachineError
from sysimage_vm.errors import DeadlineError, GuestSilentError
from sysimage_vm.resource_usage import UsageMeter, family
from sysimage_vm.waiting import NotYet, Patience, Signs, ask, wait


@contextlib.contextmanager
def unpack(path: Path) -> Iterator[UnpackedImage]:
    """The image's files, for any number of boots."""
    with open_image(path) as image, unpacked(image) as files:
        yield files


@dataclass
class Booted:
    """A running container. `stop` or the end of the ``with`` block ends it."""

    container: Container
    said: list[bytes]

    def __post_init__(self) -> None:
        self._meter = UsageMeter(lambda: family(self.container.process.pid))
        self._may_end = False

    def run(
        self, argv: Sequence[str], *, timeout: float = 1800, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside, as ``docker exec`` does; ``timeout`` is a far upper bound."""
        try:
            done = self.container.run(argv, timeout=timeout, env=env)
        except ProgramNotStartedError as error:  # as an engine's `exec` says it
            return subprocess.CompletedProcess(argv, 127, "", error.message)
        return subprocess.CompletedProcess(argv, done.status, done.stdout.decode(), done.stderr.decode())

    def output(self) -> str:
        """What ``docker logs`` would show."""
        return b"".join(self.said).decode(errors="replace")

    def wait_for(self, what: str, holds: Callable[[], bool], *, quiet: float = 30) -> None:
        """Wait until ``holds``, at most for ``quiet`` seconds in which the container does nothing.

        An AssertionError that names ``what`` and shows the end of the log otherwise.
        """
        with self._shown():
            ask(self, what, lambda: True if holds() else NotYet("no"), Patience(quiet), pause=0.05)

    @contextlib.contextmanager
    def _shown(self) -> Iterator[None]:
        try:
            yield
        except (GuestSilentError, DeadlineError) as fault:
            raise AssertionError(str(fault)) from None

    # --- what waiting looks at ---

    def now(self) -> float:
        return time.monotonic()

    def check(self) -> None:
        if self.container.process.poll() is not None and not self._may_end:
            raise AssertionError(f"the container ended while it was waited for:\n{self.console_tail()}")

    def signs(self) -> Signs:
        return Signs(sum(map(len, self.said)), self._meter.read())

    def rest(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.05))

    def last_seen(self) -> str:
        return ""

    def console_tail(self) -> str:
        return self.output()[-4000:]

    def kill(self, number: int) -> None:
        """Send a signal to the container's first process."""
        self.container.kill(number)

    def takes_stop_signal(self) -> bool:
        """Whether the first process catches the stop signal or blocks it for later; else the kernel drops it."""
        text = Path(f"/proc/{self.container.pid}/status").read_text()
        status = dict(line.split(":\t", 1) for line in text.splitlines())
        bit = 1 << (self.container.files.image.stop_signal - 1)
        return bool((int(status["SigCgt"], 16) | int(status["SigBlk"], 16)) & bit)

    def stop(self, number: int | None = None, *, quiet: float = 10) -> int:
        """As ``docker stop``: signal, then the exit status.

        An AssertionError where it would have to be killed: after ``quiet`` seconds in which it does nothing.
        """
        self._may_end = True
        self.container.kill(self.container.files.image.stop_signal if number is None else number)
        with self._shown():
            wait(self, "the container to stop", self.container.process.poll, Patience(quiet))
        return self.container.wait(0)


@functools.cache
def no_cgroup() -> str:
    """Why systemd cannot have a cgroup of its own on this machine; empty where it can."""
    try:
        Cgroup.make().remove()
    except MachineError as error:
        return error.message
    return ""


@contextlib.contextmanager
def boot(files: UnpackedImage, *, upper: str | None = None, **settings: Any) -> Iterator[Booted]:
    """Boot an image whose files are not changed: writes go to ``upper``, where a second boot finds them (a restart).

    ``settings`` are those of `ContainerOptions`.
    """
    said: list[bytes] = []
    chosen = ContainerOptions(upper=upper or secrets.token_hex(4), **settings)
    with Console(said.append) as console:
        container = files.start(
            files.image.argv(), chosen, stdin=subprocess.DEVNULL, stdout=console.descriptor, stderr=console.descriptor
        )
        console.started()
        try:
            yield Booted(container, said)
        finally:
            container.process.kill()
            container.wait()
