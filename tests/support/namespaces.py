"""Boots an image in plain Linux namespaces, by `sysimage.containers`, for tests that look closer than questions do.

with unpack(archive) as files, boot(files) as system:
    assert system.run(["/bin/sh", "-c", "echo $$"]).returncode == 0
    assert system.stop() == 0
"""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sysimage.containers.console import Console
from sysimage.containers.image import open_image
from sysimage.containers.namespaces import Container, Settings, UnpackedImage, unpacked


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

    def run(
        self, argv: Sequence[str], *, timeout: float = 60, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside, as ``docker exec`` does."""
        done = self.container.run(argv, timeout=timeout, env=env)
        return subprocess.CompletedProcess(argv, done.status, done.stdout.decode(), done.stderr.decode())

    def output(self) -> str:
        """What ``docker logs`` would show."""
        return b"".join(self.said).decode(errors="replace")

    def wait_for(self, what: str, holds: Callable[[], bool], *, timeout: float = 30) -> None:
        """Wait until ``holds``; an AssertionError that names ``what`` and shows the end of the log otherwise."""
        deadline = time.monotonic() + timeout
        while not holds():
            if self.container.process.poll() is not None:
                raise AssertionError(f"the container ended while waiting for {what}:\n{self.output()[-4000:]}")
            if time.monotonic() > deadline:
                raise AssertionError(f"no {what} within {timeout} s:\n{self.output()[-4000:]}")
            time.sleep(0.05)

    def kill(self, number: int) -> None:
        """Send a signal to the container's first process."""
        self.container.kill(number)

    def stop(self, number: int | None = None, *, timeout: float = 10) -> int:
        """As ``docker stop``: signal, then the exit status; a TimeoutExpired where Docker would have to kill it."""
        self.container.kill(self.container.files.image.stop_signal if number is None else number)
        return self.container.wait(timeout)


@contextlib.contextmanager
def boot(files: UnpackedImage, *, upper: str | None = None, **settings: Any) -> Iterator[Booted]:
    """Boot an image whose files are not changed: writes go to ``upper``, where a second boot finds them (a restart).

    ``settings`` are those of `Settings`.
    """
    said: list[bytes] = []
    chosen = Settings(upper=upper or secrets.token_hex(4), **settings)
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
