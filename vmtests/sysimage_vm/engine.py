"""A container engine in the guest: Docker with either image store, or Podman, by their own command lines.

What the engine says when it refuses is turned into a diagnosis here, because here is where its words are known.
"""

from __future__ import annotations

import enum
import errno
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sysimage_vm.channel import COMMAND, Result
from sysimage_vm.errors import (
    AgentRefusedError,
    DeadlineError,
    EngineDiedError,
    EntryPointMissingError,
    GuestDiskError,
    GuestSilentError,
    ImageCorruptError,
    ImageFaultError,
    ImageRefusedError,
    MachineFaultError,
    WrongArchitectureError,
)
from sysimage_vm.machine import Machine
from sysimage_vm.waiting import NotYet, Patience

LOAD = Patience(quiet=120.0, work=4 * 3600.0, bound=8 * 3600.0)
"""For loading an image, which may be of any size."""

_DEAD = (
    "cannot connect to the docker daemon",
    "error during connect",
    "connection refused",
    "connection reset by peer",
)
_FULL = ("no space left on device",)
_CORRUPT = (
    "digest",
    "checksum",
    "unexpected eof",
    "unexpected commit",
    "wrong diff id",
    "invalid diffid",
    "layers from manifest don't match",
    "gzip: invalid",
    "zstd",
    "magic number mismatch",
    "invalid tar header",
    "archive/tar",
    "corrupt",
)
_MISSING = re.compile(
    r'exec: "[^"]*": (?:stat [^:]+: no such file|executable file not found)'  # runc, before it starts the program
    r"|exec /[^:]*: no such file"  # the kernel, which says it of a missing interpreter too
    r"|executable file `[^`]*` not found"  # crun
)
"""What a runtime says of the program that it was to start; helpers of the engine are missing in other words."""
_WRONG_ARCHITECTURE = ("exec format error", "does not match the detected host platform", "no match for platform")


class EngineKind(enum.StrEnum):
    DOCKER = "docker"
    PODMAN = "podman"


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine in one guest."""

    machine: Machine
    kind: EngineKind = EngineKind.DOCKER
    socket: str = "/run/docker.sock"
    """Where Docker's daemon listens; Podman has none."""
    options: tuple[str, ...] = field(default=())
    """Global options of every command."""

    def command(self, *words: str) -> list[str]:
        where = ("--host", f"unix://{self.socket}") if self.kind is EngineKind.DOCKER else ()
        return [str(self.kind), *where, *self.options, *words]

    def run(
        self,
        *words: str,
        patience: Patience = COMMAND,
        stdin: bytes | None = None,
        accept: Sequence[int] | None = (0,),
    ) -> Result:
        """Run a command of the engine; a status outside ``accept`` is diagnosed (None accepts any)."""
        result = self.machine.channel.run(self.command(*words), patience=patience, stdin=stdin)
        if accept is not None and result.status not in accept:
            raise self.diagnose(f"{self.kind} {words[0]}", result)
        return result

    def ask(self, path: str, *, patience: Patience = COMMAND) -> Any:
        """A GET request to Docker's daemon, without the costs of its command line; parsed JSON."""
        request = f"GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n".encode()
        try:
            answer = self.machine.channel.converse(self.socket, request, patience=patience)
        except (GuestSilentError, DeadlineError) as fault:
            raise EngineDiedError(fault.message, console=fault.console) from None
        head, _, body = answer.partition(b"\r\n\r\n")
        status = head.split(b"\r\n", 1)[0].split(b" ")
        if len(status) < 2 or status[1] != b"200":
            raise ImageFaultError(f"cannot ask Docker for {path}: {head[:80]!r} {body[:400]!r}")
        return json.loads(body) if body[:1] in b"[{" else body.decode()

    def wait_ready(self) -> None:
        """Wait until the daemon answers; Podman is ready as soon as it can say its version."""
        if self.kind is EngineKind.PODMAN:
            self.run("version")
            return

        def pinged() -> bool | NotYet:
            try:
                said = self.ask("/_ping")
            except AgentRefusedError as refusal:
                if refusal.errno in (errno.ENOENT, errno.ECONNREFUSED):  # no socket yet, or no listener on it
                    return NotYet(refusal.message)
                raise
            return True if said == "OK" else NotYet(repr(said))

        try:
            self.machine.ask("the container engine to be ready", pinged, pause=0.5)
        except (DeadlineError, GuestSilentError) as fault:
            raise EngineDiedError(fault.message, console=fault.console) from None

    def load(self, device: str, size: int) -> str:
        """Load an image archive from a disk of the guest (``size``: bytes of the archive) and return its reference."""
        if size % 512 == 0:
            result = self.machine.channel.run(self.command("load", "-i", device), patience=LOAD)
        else:  # a disk has whole sectors only, and what follows a compressed archive must not be read
            script = f'head -c {size} {device} | "$@"'
            result = self.machine.channel.run(["/bin/sh", "-c", script, "sh", *self.command("load")], patience=LOAD)
        if result.status != 0:
            raise self.diagnose("load the image", result)
        for line in reversed(result.text.splitlines()):
            head, colon, reference = line.partition(": ")
            if colon and head in ("Loaded image", "Loaded image ID"):
                return reference.strip()
        raise ImageRefusedError("cannot load the image: the engine named no image", evidence=result.output)

    def diagnose(self, what: str, result: Result) -> ImageFaultError | MachineFaultError:
        """The error that the engine's words stand for."""
        said, evidence = result.output.lower(), result.output[-4000:]

        def contains(words: Sequence[str]) -> bool:
            return any(word in said for word in words)

        if contains(_FULL):
            return GuestDiskError(f"cannot {what}: the guest's disk is full", console=evidence)
        if contains(_DEAD):
            return EngineDiedError(
                f"cannot {what}: the container engine does not answer",
                console=f"{evidence}\n{self.machine.console.tail(40)}",
            )
        if contains(_WRONG_ARCHITECTURE):
            return WrongArchitectureError(f"cannot {what}: the image is for another architecture", evidence=evidence)
        if "load" in what:
            kind = ImageCorruptError if contains(_CORRUPT) else ImageRefusedError
            cause = "a blob is not what its digest says" if kind is ImageCorruptError else "the engine refused it"
            return kind(f"cannot {what}: {cause}", evidence=evidence)
        if _MISSING.search(said):
            return EntryPointMissingError(
                f"cannot {what}: the program that the image starts is not in the image", evidence=evidence
            )
        return ImageFaultError(f"cannot {what}: exit status {result.status}", evidence=evidence)

    def inspect_image(self, reference: str) -> Mapping[str, Any]:
        found: list[Mapping[str, Any]] = json.loads(self.run("image", "inspect", reference).stdout)
        return found[0]
