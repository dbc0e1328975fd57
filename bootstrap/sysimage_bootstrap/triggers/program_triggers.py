"""Triggers whose files only their own program can write: which they are, what each reads, and how its program is run.

The program is of this machine's architecture and works on copies: nothing of it stays but the files that it wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sysimage.process import run
from sysimage_bootstrap.triggers.merged_tree import MergedTree


class Program(Protocol):
    """A program that this machine runs."""

    @property
    def argv(self) -> Sequence[Path | str]:
        """What runs it; arguments follow."""


Assemble = Callable[[str, Sequence[str]], AbstractContextManager[Program]]
"""Makes a program runnable: what it is for, in messages, and the paths below /usr of the program and what it needs."""


@dataclass(frozen=True, slots=True)
class ProgramTrigger:
    """One kind of files."""

    name: str
    """Of the store item with what it makes."""
    package: str
    """A pattern for the name of the package that holds the program, and that reads what it makes."""
    program: str
    """Below /usr; ``{triplet}`` is the directory of libraries."""
    directory: str
    """Below /usr, where it reads and writes."""
    reads: str
    """A pattern for what it reads there."""
    arguments: tuple[str, ...]
    """``{directory}`` is the copy of the directory."""


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
)


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


def make(trigger: ProgramTrigger, read: Mapping[str, bytes], program: Program, top: Path) -> None:
    """Fill the new directory ``top``, an item that is shown in /usr, with what the program makes of ``read``."""
    directory = top / trigger.directory
    for path, content in read.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)
    run([*program.argv, *(word.format(directory=directory) for word in trigger.arguments)])
    for path in read:
        (directory / path).unlink()
    for empty in sorted(_directories(top), reverse=True):
        if not any(empty.iterdir()):
            empty.rmdir()


def _directories(top: Path) -> Iterator[Path]:
    return (path for path in top.rglob("*") if path.is_dir() and not path.is_symlink())
