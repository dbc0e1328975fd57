"""The system.json that an argument names, with the flags' values in place of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.pipeline.options import DeclaredSystem
    from sysimage.spec.choices import SpecChoices
    from sysimage.spec.parse import ReadSpec

_STANDARD_INPUT = "standard input"


def choices(arguments: argparse.Namespace) -> SpecChoices:
    """What the flags of `sysimage.cli.flags.add_choice_flags` choose of the spec."""
    from sysimage.spec.choices import SpecChoices

    return SpecChoices(
        tuple(arguments.variant or ()),
        tuple(arguments.assignments or ()),
        dict(arguments.spec_arguments or ()),
        arguments.argument_environment,
    )


def read_spec(name: str, chosen: SpecChoices) -> ReadSpec:
    """The spec that an argument names; ``-`` is standard input."""
    from sysimage.spec.include import SpecText
    from sysimage.spec.parse import read_composed

    if name != "-":
        return read_composed(SpecText.of_file(Path(name)), chosen)
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise SpecError(f"cannot read standard input: byte {error.start} is not UTF-8") from None
    return read_composed(SpecText(text, _STANDARD_INPUT, Path()), chosen)


@contextmanager
def faults_in(name: str, chosen: SpecChoices) -> Iterator[None]:
    """Faults that are found after the spec was read say where in the file ``name`` they are."""
    from sysimage.spec.parse import located

    try:
        yield
    except SpecError as error:
        if name == "-":
            raise
        raise located(error, Path(name), chosen) from error.__cause__


def plain_system(name: str, lock_file: Path | None, chosen: SpecChoices) -> DeclaredSystem:
    """The system that the spec called ``name`` declares with what is chosen of it.

    ``lock_file`` is the flag's value.
    """
    from sysimage.pipeline.options import DeclaredSystem
    from sysimage.spec.lock_file import lock_file_beside

    read = read_spec(name, chosen)
    path = Path("system.json" if name == "-" else name)
    lock = lock_file or lock_file_beside(path, chosen)
    return DeclaredSystem.of(read.spec, path.parent, lock, read.composition.files)


def declared_system(arguments: argparse.Namespace) -> DeclaredSystem:
    """The system that SPEC and the flags of `sysimage.cli.flags.add_plan_flags` declare."""
    from dataclasses import replace

    from sysimage.pipeline.overrides import overridden

    system = plain_system(arguments.spec, arguments.lockfile, choices(arguments))
    asked = overridden(
        system.spec,
        max_layers=arguments.max_layers,
        compression=arguments.compression,
        from_image=arguments.from_image,
        check_store=getattr(arguments, "check_store", False),
    )
    return replace(system, spec=asked)


def neighbours(arguments: argparse.Namespace) -> tuple[DeclaredSystem, ...]:
    """The systems that are planned with this one: the other specs of the command, with the same choices, and those of
    ``--together-with``, as they are; flags give the number of layers for all."""
    from dataclasses import replace

    from sysimage.pipeline.overrides import overridden
    from sysimage.spec.parse import AS_IT_IS

    found = []
    named = [(name, choices(arguments)) for name in arguments.beside]
    for name, chosen in (*named, *((str(path), AS_IT_IS) for path in arguments.together_with or ())):
        system = plain_system(name, None, chosen)
        found.append(replace(system, spec=overridden(system.spec, max_layers=arguments.max_layers)))
    return tuple(found)
