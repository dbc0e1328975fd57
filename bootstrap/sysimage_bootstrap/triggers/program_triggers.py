"""Triggers whose files only their own program can write: which they are, what each reads, and how its program is run.

The program is of this machine's architecture and works on copies: nothing of it stays but the files that it wrote.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from sysimage.process import run
from sysimage_bootstrap.triggers.merged_tree import MergedTree


class HostProgram(Protocol):
    """A program that this machine runs."""

    @property
    def argv(self) -> Sequence[Path | str]:
        """What runs it; arguments follow."""

    @property
    def top(self) -> Path:
        """Its own tree: what is below /usr, as far as it needs it."""


Assemble = Callable[[str, Sequence[str]], AbstractContextManager[HostProgram]]
"""Makes a program runnable: what it is for, in messages, and the paths below /usr of the program and what it needs."""


@dataclass(frozen=True, slots=True)
class ProgramTrigger:
    """One kind of files."""

    name: str
    """Of the store item with what it makes."""
    package: str
    """A pattern for the name of the package that holds the program, and that reads what it makes."""
    program: str
    """Below /usr; ``{triplet}`` is the directory of libraries of its own architecture."""
    directory: str
    """Below /usr, where it reads and writes; ``{triplet}`` is the directory of libraries of the system."""
    reads: str
    """A pattern for what it reads there."""
    arguments: tuple[str, ...]
    """``{directory}`` is the copy of the directory."""
    modules: str = ""
    """If it reads modules, which it loads from its own tree: the file in the directory that describes them. Paths in it
    are those below /usr."""
    environment: tuple[tuple[str, str], ...] = ()


TRIGGERS = (
    ProgramTrigger(
        "gschemas.compiled",
        r"libglib2\.0-0(t64)?",
        "lib/{triplet}/glib-2.0/glib-compile-schemas",
        "share/glib-2.0/schemas",
        r"[^/]+\.(gschema\.xml|enums\.xml|gschema\.override)",
        ("{directory}",),
    ),
    ProgramTrigger(
        "mime-database",
        "shared-mime-info",
        "bin/update-mime-database",
        "share/mime",
        r"packages/[^/]+\.xml",
        ("{directory}",),
    ),
    ProgramTrigger(
        "gdk-pixbuf-loaders",
        r"libgdk-pixbuf-2\.0-0",
        "lib/{triplet}/gdk-pixbuf-2.0/gdk-pixbuf-query-loaders",
        "lib/{triplet}/gdk-pixbuf-2.0/2.10.0",
        r"loaders/[^/]+\.so",
        (),
        modules="loaders.cache",
        environment=(("GDK_PIXBUF_MODULEDIR", "{directory}/loaders"),),
    ),
    ProgramTrigger(
        "gio-modules",
        r"libglib2\.0-0(t64)?",
        "lib/{triplet}/glib-2.0/gio-querymodules",
        "lib/{triplet}/gio/modules",
        r"[^/]+\.so",
        ("{directory}",),
        modules="giomodule.cache",
    ),
)


def trigger_for(trigger: ProgramTrigger, triplet: str) -> ProgramTrigger:
    """The trigger for a system whose libraries are in the directory ``triplet``; its program may be for another
    architecture."""
    return replace(trigger, directory=trigger.directory.replace("{triplet}", triplet))


def inputs(trigger: ProgramTrigger, tree: MergedTree) -> dict[str, bytes]:
    """What a trigger reads, by path in its directory."""
    top = f"/usr/{trigger.directory}/"
    found = {}
    for path in sorted(tree.paths):
        if path.startswith(top) and re.fullmatch(trigger.reads, path.removeprefix(top)):
            content = tree.read(path)
            if content is not None:
                found[path.removeprefix(top)] = content
    return found


def make(trigger: ProgramTrigger, read: Mapping[str, bytes], program: HostProgram, top: Path) -> None:
    """Fill the new directory ``top``, an item that is shown in /usr, with what the program makes of ``read``."""
    directory = top / trigger.directory
    if trigger.modules:
        directory.mkdir(parents=True)
        (directory / trigger.modules).write_bytes(_said_of_modules(trigger, program))
        return
    for path, content in read.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)
    run([*program.argv, *(word.format(directory=directory) for word in trigger.arguments)])
    for path in read:
        (directory / path).unlink()
    for empty in sorted(_directories(top), reverse=True):
        if not any(empty.iterdir()):
            empty.rmdir()


def _said_of_modules(trigger: ProgramTrigger, program: HostProgram) -> bytes:
    place = program.top / trigger.directory
    said = run(
        [*program.argv, *(word.format(directory=place) for word in trigger.arguments)],
        env={name: value.format(directory=place) for name, value in trigger.environment},
    ).stdout
    written = place / trigger.modules
    text = written.read_bytes() if written.is_file() else said
    return text.replace(os.fsencode(program.top), b"/usr")


def _directories(top: Path) -> Iterator[Path]:
    return (path for path in top.rglob("*") if path.is_dir() and not path.is_symlink())
