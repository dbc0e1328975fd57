"""Guix itself, as Debian's sid has it, in an image of sysimage: too much to fetch for every run of the tests.

``make guixtest`` says so in the environment, and must be run by root, since it boots in namespaces.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sysimage.containers.namespaces import UnpackedImage
from tests.support.examples import build_spec
from tests.support.namespaces import Booted, boot, unpack

collect_ignore_glob = [] if os.environ.get("SYSIMAGE_GUIX_TESTS") else ["test_*"]
HERE = Path(__file__).parent
DAEMON = "guix-daemon --disable-chroot --disable-deduplication --no-substitutes"


@dataclass(frozen=True)
class Guix:
    """A booted system in which a Guix daemon runs."""

    system: Booted
    path: str
    """The system item."""

    def __call__(self, *words: str, accept: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        done = self.system.run(["guix", *words], timeout=280, env={"HOME": "/root", "LC_ALL": "C"})
        assert done.returncode in accept, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done

    def lines(self, *words: str) -> list[str]:
        return sorted(self(*words).stdout.split())

    def script(self, path: Path, *words: str) -> list[str]:
        self.system.run(["sh", "-c", 'printf %s "$1" > "/root/$2"', "sh", path.read_text(), path.name])
        return self("repl", "--", f"/root/{path.name}", *words).stdout.splitlines()

    def item(self, name: str) -> str:
        (found,) = (path for path in self.lines("gc", "-R", self.path) if path[44:].startswith(name))
        return found


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnpackedImage]:
    top = tmp_path_factory.mktemp("guix")
    build_spec(HERE / "system.json", top / "guix.tar", "--compression", "none", "--allow-expired")
    with unpack(top / "guix.tar") as files:
        (top / "guix.tar").unlink()
        yield files


@contextlib.contextmanager
def booted(image: UnpackedImage, *, upper: str | None = None) -> Iterator[Guix]:
    """A daemon in a container whose store is as the image has it; ``upper`` as for `boot`."""
    with boot(image, upper=upper) as system:
        system.wait_for("the Shepherd", lambda: "Started" in system.run(["herd", "status"], env={"LC_ALL": "C"}).stdout)
        system.run(["sh", "-c", f"mkdir -p /var/guix/daemon-socket; {DAEMON} > /var/log/guix-daemon 2>&1 &"])
        found = Guix(system, image.image.argv()[1])
        system.wait_for("the daemon", lambda: system.run(["guix", "gc", "-R", found.path]).returncode == 0)
        yield found


@pytest.fixture
def guix(image: UnpackedImage) -> Iterator[Guix]:
    with booted(image) as found:
        yield found
