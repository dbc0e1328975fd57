"""Converts arguments of functions to values of the pipeline: specs, names, and the inputs they read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sysimage.errors import SpecError, machine_error

if TYPE_CHECKING:
    from sysimage.image import ImageName
    from sysimage.pipeline.options import DeclaredSystem
    from sysimage.pipeline.output_checks import Input
    from sysimage.spec.choices import SpecChoices
    from sysimage.spec.model import SystemSpec

    Spec = str | os.PathLike[str] | Mapping[str, Any] | SystemSpec
    """A system: the path of a system.json, what such a file holds as a mapping, or a spec that was read before."""

Place = str | os.PathLike[str]
"""A path; for an earlier build also the name of an image in a registry."""


def __getattr__(name: str) -> Any:
    """``Spec``, whose model is loaded when it is asked for: a program that copies images does without."""
    if name != "Spec":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sysimage.spec.model import SystemSpec

    return Place | Mapping[str, Any] | SystemSpec


def declared_systems(
    spec: Spec,
    directory: Place | None,
    lock_file: Place | None,
    choices: SpecChoices | None = None,
    platforms: Sequence[str] | None = None,
) -> tuple[DeclaredSystem, ...]:
    """The systems of a spec with what is chosen of it, one for each platform, and the files that belong to them.

    A `SpecError` has every fault.
    """
    from sysimage.pipeline.declared_systems import declared_systems, systems_of_value
    from sysimage.spec.choices import SpecChoices
    from sysimage.spec.include import SpecText
    from sysimage.spec.model import SystemSpec
    from sysimage.spec.parse import value_text, without_lines

    chosen = SpecChoices() if choices is None else choices
    named = None if lock_file is None else Path(lock_file)
    if isinstance(spec, str | os.PathLike):
        if directory is not None:
            raise TypeError("directory is only for a spec without a file; paths in a file are relative to the file")
        path = Path(spec)
        return declared_systems(SpecText.of_file(path), chosen, platforms, file=path, lock_file=named)
    beside = Path() if directory is None else Path(directory)
    if isinstance(spec, SystemSpec):
        if chosen != SpecChoices():
            raise TypeError("choices are for a spec's file or mapping; a SystemSpec has been read with them")
        return systems_of_value(spec, beside, platforms, lock_file=named)
    with without_lines():
        return declared_systems(value_text(spec, beside), chosen, platforms, lock_file=named)


def declared_system(
    spec: Spec, directory: Place | None, lock_file: Place | None, choices: SpecChoices | None = None
) -> DeclaredSystem:
    """The only one of `declared_systems`; a `SpecError` where the spec is for several platforms."""
    found = declared_systems(spec, directory, lock_file, choices)
    if len(found) > 1:
        from sysimage.spec.platforms import several_platforms

        raise several_platforms()
    return found[0]


def image_name(text: str) -> ImageName:
    """The name of an image with or without a tag."""
    from sysimage.image import ImageName

    try:
        return ImageName.parse(text)
    except ValueError as error:
        raise SpecError(f"cannot name the image: {error}", hint="say such as --tag web:1.0") from None


def checked_name(text: str | None) -> str | None:
    """The name of an image, which must be one, as it is: another tool may have written a tag alone."""
    if text is not None:
        image_name(text)
    return text


def spec_inputs(spec: Spec) -> Iterator[Input]:
    """The spec's file, which may not be written over."""
    from sysimage.pipeline.output_checks import Input

    if isinstance(spec, str | os.PathLike):
        yield Input("the spec", Path(spec))


def earlier_builds(previous: Place | None, history: Sequence[Place]) -> Iterator[Input]:
    """Earlier builds, which may not be written over."""
    from sysimage.pipeline.output_checks import Input

    for what, place in [("the previous build", previous), *(("an earlier build", place) for place in history)]:
        if place is not None:
            yield Input(what, Path(place), whole=(Path(place) / "oci-layout").is_file())


@contextmanager
def reported(spec: Spec | None = None, choices: SpecChoices | None = None) -> Iterator[None]:
    """Raise faults of the machine as a `MachineError`, and faults of a spec's file with their lines."""
    try:
        yield
    except SpecError as error:
        if not isinstance(spec, str | os.PathLike):
            raise
        from sysimage.spec.choices import SpecChoices
        from sysimage.spec.parse import located

        raise located(error, Path(spec), choices or SpecChoices()) from error.__cause__
    except (OSError, MemoryError) as error:
        fault = machine_error(error)
        if fault is None:
            raise
        raise fault from error
