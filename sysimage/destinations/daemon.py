"""Brings images into a container engine on this machine and out of it, through ``load`` and ``save`` of its program."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import IO, TypeVar

from sysimage.characters import printable
from sysimage.destinations.written_image import WrittenImage
from sysimage.errors import MachineError
from sysimage.process import end, find, spawn
from sysimage.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Engine:
    """A program with a ``load`` that reads an archive from its standard input, and a ``save`` that writes one to its
    standard output, such as docker, podman or nerdctl."""

    program: str = "docker"
    arguments: Sequence[str] = ("load",)
    environment: Mapping[str, str] | None = None
    """What it needs to find its daemon and its settings: ``DOCKER_HOST``, ``DOCKER_CONTEXT``, ``HOME``, …"""


_SAVE_FLAGS = {"podman": ("--format", "oci-archive", "--quiet")}
"""Its usual form, a docker-archive, has no manifest, and another digest with it."""
Written = TypeVar("Written")


def load_into(
    engine: Engine, write: Callable[[int, Progress], WrittenImage], progress: Progress = silent
) -> WrittenImage:
    """Load an image that ``write`` streams as an archive; errors are those of `stream_into`."""
    return replace(stream_into(engine, write, progress), format=f"{engine.program} load", path=None)


def stream_into(engine: Engine, write: Callable[[int, Progress], Written], progress: Progress = silent) -> Written:
    """Start the engine's loader and let ``write`` stream an archive to it; nothing is stored meanwhile.

    ``write`` gets the descriptor to write to, and what it reports its progress to. The engine's refusal is a
    `MachineError` that says what it printed.
    """
    program = find(engine.program)
    loading = _Loading(engine, progress)
    with tempfile.TemporaryFile() as said:
        child = spawn(
            [program, *engine.arguments],
            env=engine.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        written: Written | None = None
        try:
            if child.stdin is not None:
                with contextlib.suppress(BrokenPipeError):  # closed by the engine, whose output says why
                    written = write(child.stdin.fileno(), loading)
                child.stdin.close()
            status = child.wait()
        except BaseException:
            end(child)
            raise
        reason = _said(said)
    if status or written is None:
        raise MachineError(
            f"cannot load the image: {engine.program} ended with status {status}: {reason}",
            hint="is its daemon running, and may you use it?",
        )
    loading.end()
    return written


class _Loading:
    """The progress of a load, in bytes of the archive. It is not done when the engine has them: unpacking takes it
    longer."""

    def __init__(self, engine: Engine, progress: Progress) -> None:
        self._name, self._progress = PurePath(engine.program).name, progress
        self._total: int | None = None

    def __call__(self, stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        self._total = total
        if total and done >= total:
            done, at = total - 1, f"{self._name} unpacks it"
        self._progress(f"{self._name} load", done, total, unit=unit, at=at)

    def end(self) -> None:
        if self._total is not None:
            self._progress(f"{self._name} load", self._total, self._total, unit="bytes")


def save_from(engine: Engine, name: str, into: IO[bytes]) -> None:
    """Let the engine write the image called ``name`` as an archive to the file ``into``.

    What the engine does not have, or does not give, is a `MachineError` that says what it printed.
    """
    program = find(engine.program)
    flags = _SAVE_FLAGS.get(engine.program, ())
    with tempfile.TemporaryFile() as said:
        child = spawn(
            [program, "save", *flags, name],
            env=engine.environment,
            stdin=subprocess.DEVNULL,
            stdout=into,
            stderr=said,
        )
        try:
            status = child.wait()
        except BaseException:
            end(child)
            raise
        reason = _said(said)
    if status:
        raise MachineError(
            f"cannot save {printable(name)}: {engine.program} ended with status {status}: {reason}",
            hint=f"`{engine.program} images` lists what it has",
        )


def _said(file: IO[bytes]) -> str:
    file.seek(0)
    return printable(file.read(4000).decode("utf-8", "replace").strip())
