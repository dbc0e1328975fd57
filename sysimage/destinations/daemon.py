"""Loads an image into a container engine on this machine, through the ``load`` of its command line."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sysimage.destinations.written_image import WrittenImage
from sysimage.errors import MachineError
from sysimage.process import end, find, spawn


@dataclass(frozen=True, slots=True)
class Engine:
    """A program with a ``load`` that reads an archive from its standard input, such as docker, podman or nerdctl."""

    program: str = "docker"
    arguments: Sequence[str] = ("load",)
    environment: Mapping[str, str] | None = None
    """What it needs to find its daemon and its settings: ``DOCKER_HOST``, ``DOCKER_CONTEXT``, ``HOME``, …"""


Written = TypeVar("Written")


def load_into(engine: Engine, write: Callable[[int], WrittenImage]) -> WrittenImage:
    """Load an image that ``write`` streams as an archive; errors are those of `stream_into`."""
    return replace(stream_into(engine, write), format=f"{engine.program} load", path=None)


def stream_into(engine: Engine, write: Callable[[int], Written]) -> Written:
    """Start the engine's loader and let ``write`` stream an archive to it; nothing is stored meanwhile.

    The engine's refusal is a `MachineError` that says what it printed.
    """
    program = find(engine.program)
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
                    written = write(child.stdin.fileno())
                child.stdin.close()
            status = child.wait()
        except BaseException:
            end(child)
            raise
        said.seek(0)
        reason = said.read(4000).decode("utf-8", "replace").strip()
    if status or written is None:
        raise MachineError(
            f"cannot load the image: {engine.program} ended with status {status}: {reason}",
            hint="is its daemon running, and may you use it?",
        )
    return written
