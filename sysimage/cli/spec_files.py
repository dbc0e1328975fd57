"""The system.json that an argument names, with the flags' values in place of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.pipeline.options import DeclaredSystem
    from sysimage.spec.choices import SpecChoices
    from sysimage.spec.include import SpecText
    from sysimage.spec.parse import ReadSpec

_STANDARD_INPUT = "standard input"


def choices(arguments: argparse.Namespace) -> SpecChoices:
    """What the flags of `sysimage.cli.flags.add_choice_flags` choose of the spec: one platform too, but not several."""
    from sysimage.spec.choices import KeyValue, SpecChoices

    platforms: tuple[str, ...] = getattr(arguments, "platforms", None) or ()
    texts = [f"architecture={platform.partition('/')[2]}" for platform in platforms] if len(platforms) == 1 else []
    return SpecChoices(
        tuple(arguments.variant or ()),
        (*(arguments.assignments or ()), *map(KeyValue.parse, texts)),
        dict(arguments.spec_arguments or ()),
        arguments.argument_environment,
    )


def read_spec(name: str, chosen: SpecChoices) -> ReadSpec:
    """The spec that an argument names; ``-`` is standard input."""
    from sysimage.spec.parse import read_composed

    return read_composed(_text(name), chosen)


def _text(name: str) -> SpecText:
    from sysimage.spec.include import SpecText

    if name != "-":
        return SpecText.of_file(Path(name))
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise SpecError(f"cannot read standard input: byte {error.start} is not UTF-8") from None
    return SpecText(text, _STANDARD_INPUT, Path())


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


def plain_systems(
    name: str, lock_file: Path | None, chosen: SpecChoices, platforms: Sequence[str] | None = None
) -> tuple[DeclaredSystem, ...]:
    """The systems that the spec called ``name`` declares with what is chosen of it, one for each of ``platforms``, or
    of those that it names itself.

    ``lock_file`` is the flag's value.
    """
    from sysimage.pipeline.declared_systems import declared_systems

    file = Path("system.json" if name == "-" else name)
    return declared_systems(_text(name), chosen, platforms, file=file, lock_file=lock_file)


def plain_system(name: str, lock_file: Path | None, chosen: SpecChoices) -> DeclaredSystem:
    """The only one of `plain_systems`; a `SpecError` where the spec is for several platforms."""
    from sysimage.spec.platforms import several_platforms

    found = plain_systems(name, lock_file, chosen)
    if len(found) > 1:
        raise several_platforms()
    return found[0]


def each_system(arguments: argparse.Namespace) -> tuple[DeclaredSystem, ...]:
    """The systems that SPEC and the flags of `sysimage.cli.flags.add_plan_flags` declare, one for each platform."""
    from dataclasses import replace

    from sysimage.pipeline.overrides import overridden

    several = arguments.platforms if len(arguments.platforms or ()) > 1 else None
    return tuple(
        replace(
            system,
            spec=overridden(
                system.spec,
                max_layers=arguments.max_layers,
                compression=arguments.compression,
                from_image=arguments.from_image,
                check_store=getattr(arguments, "check_store", False),
            ),
        )
        for system in plain_systems(arguments.spec, arguments.lockfile, choices(arguments), several)
    )


def only_system(arguments: argparse.Namespace) -> DeclaredSystem:
    """Like `each_system`, for verbs that handle one platform at a time."""
    from sysimage.spec.platforms import several_platforms

    found = each_system(arguments)
    if len(found) > 1:
        raise several_platforms()
    return found[0]


def neighbours(arguments: argparse.Namespace) -> tuple[DeclaredSystem, ...]:
    """The systems that are planned with this one: the other specs of the command, with the same choices, and those of
    ``--together-with``, as they are; flags give the number of layers for all."""
    from dataclasses import replace

    from sysimage.pipeline.overrides import overridden
    from sysimage.spec.choices import AS_IT_IS

    found = []
    named = [(name, choices(arguments)) for name in arguments.beside]
    for name, chosen in (*named, *((str(path), AS_IT_IS) for path in arguments.together_with or ())):
        system = plain_system(name, None, chosen)
        found.append(replace(system, spec=overridden(system.spec, max_layers=arguments.max_layers)))
    return tuple(found)
