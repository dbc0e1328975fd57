"""The system.json that an argument names, with the flags' values in place of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.cli import flag_values
from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.pipeline.options import DeclaredSystem
    from sysimage.spec import SystemSpec


def read_spec(name: str) -> tuple[SystemSpec, Path]:
    """The spec, and the directory that its sources are relative to; ``-`` is standard input."""
    from sysimage.spec import parse_spec, read_spec

    if name != "-":
        return read_spec(Path(name)), Path(name).parent
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise SpecError(f"cannot read standard input: byte {error.start} is not UTF-8") from None
    return parse_spec(text, Path("standard input")), Path()


@contextmanager
def faults_in(name: str) -> Iterator[None]:
    """Faults that are found after the spec was read say where in the file ``name`` they are."""
    from sysimage.spec.parse import located

    try:
        yield
    except SpecError as error:
        if name == "-":
            raise
        raise located(error, Path(name)) from error.__cause__


def plain_system(name: str, lock_file: Path | None) -> DeclaredSystem:
    """The system that the spec called ``name`` declares, for verbs whose flags change nothing about it.

    ``lock_file`` is the flag's value.
    """
    from sysimage.pipeline.options import DeclaredSystem

    return DeclaredSystem.of(*read_spec(name), flag_values.lock_file(lock_file, name))


def declared_system(arguments: argparse.Namespace) -> DeclaredSystem:
    """The system that SPEC and the flags of `sysimage.cli.flags.add_plan_flags` declare."""
    from sysimage.pipeline.options import DeclaredSystem
    from sysimage.pipeline.overrides import overridden

    spec, spec_dir = read_spec(arguments.spec)
    asked = overridden(
        spec,
        max_layers=arguments.max_layers,
        compression=arguments.compression,
        from_image=arguments.from_image,
        check_store=arguments.check_store,
    )
    return DeclaredSystem(asked, spec_dir, flag_values.lock_file(arguments.lockfile, arguments.spec), spec)


def neighbours(arguments: argparse.Namespace) -> tuple[DeclaredSystem, ...]:
    """The systems of ``--together-with``; what the flags say of the number of layers is for all systems."""
    from sysimage.pipeline.options import DeclaredSystem
    from sysimage.pipeline.overrides import overridden

    found = []
    for path in arguments.together_with or ():
        spec, spec_dir = read_spec(str(path))
        asked = overridden(spec, max_layers=arguments.max_layers)
        found.append(DeclaredSystem(asked, spec_dir, flag_values.lock_file(None, str(path)), spec))
    return tuple(found)
