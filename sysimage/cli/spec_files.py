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
    from sysimage.spec.choices import Assignment, SpecChoices
    from sysimage.spec.parse import ReadSpec

_STANDARD_INPUT = "standard input"


def choices(arguments: argparse.Namespace) -> SpecChoices:
    """What the flags of `sysimage.cli.flags.add_choice_flags` choose of the spec."""
    from sysimage.spec.choices import SpecChoices

    return SpecChoices(
        tuple(arguments.variant or ()),
        (*(arguments.assignments or ()), *_platform(arguments)),
        dict(arguments.spec_arguments or ()),
        arguments.argument_environment,
    )


def _platform(arguments: argparse.Namespace) -> tuple[Assignment, ...]:
    """The architecture that ``--platform`` names."""
    from sysimage.spec.choices import Assignment

    platforms: tuple[str, ...] = getattr(arguments, "platforms", None) or ()
    if len(platforms) > 1:
        from sysimage.spec.one_platform import several_platforms

        raise several_platforms()
    texts = (f"architecture={platform.partition('/')[2]}" for platform in platforms)
    return tuple(Assignment.parse(text) for text in texts)


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
    from sysimage.spec.one_platform import require_one_platform

    read = read_spec(name, chosen)
    require_one_platform(read.spec)
    path = Path("system.json" if name == "-" else name)
    lock = lock_file or _lock_file(name, path, chosen, read.spec.architecture)
    return DeclaredSystem.of(read.spec, path.parent, lock, read.composition.files)


def declared_platforms(arguments: argparse.Namespace) -> tuple[str, ...] | None:
    """The platforms that the spec of a command is for, where it names several and no flag does."""
    names: list[str] = arguments.specs
    if arguments.platforms is not None or len(names) > 1 or names[0] == "-":
        return None
    several = read_spec(names[0], choices(arguments)).spec.architectures or ()
    return tuple(f"linux/{name}" for name in several) if len(several) > 1 else None


def _lock_file(name: str, path: Path, chosen: SpecChoices, architecture: str) -> Path:
    """The lock file beside a spec; for another architecture than the spec's own it has that in its name."""
    from dataclasses import replace

    from sysimage.spec.lock_file import lock_file_beside

    beside = lock_file_beside(path, chosen)
    others = tuple(one for one in chosen.assignments if one.keys != ("architecture",))
    if name == "-" or len(others) == len(chosen.assignments):
        return beside
    if read_spec(name, replace(chosen, assignments=others)).spec.architecture == architecture:
        return beside
    return beside.with_name(f"{beside.name.removesuffix('.lock.json')}.{architecture.replace('/', '')}.lock.json")


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
