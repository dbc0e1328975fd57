"""Converts arguments of functions to values of the pipeline: specs, names, and the inputs they read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sysimage.errors import SpecError, machine_error
from sysimage.spec import SystemSpec
from sysimage.spec.choices import SpecChoices
from sysimage.spec.include import SpecText
from sysimage.spec.lock_file import lock_file_beside
from sysimage.spec.one_platform import require_one_platform
from sysimage.spec.parse import AS_IT_IS, check_spec, located, read_composed, spec_of_value

if TYPE_CHECKING:
    from sysimage.image import ImageName
    from sysimage.pipeline.options import DeclaredSystem
    from sysimage.pipeline.output_checks import Input

Place = str | os.PathLike[str]
"""A path; for an earlier build also the name of an image in a registry."""
Spec = Place | Mapping[str, Any] | SystemSpec
"""A system: the path of a system.json, what such a file holds as a mapping, or a spec that was read before."""


def declared_system(
    spec: Spec, directory: Place | None, lock_file: Place | None, choices: SpecChoices = AS_IT_IS
) -> DeclaredSystem:
    """The system of a spec with what is chosen of it, and the files that belong to it.

    A `SpecError` has every fault.
    """
    from sysimage.pipeline.options import DeclaredSystem

    named = None if lock_file is None else Path(lock_file)
    if isinstance(spec, str | os.PathLike):
        if directory is not None:
            raise TypeError("directory is only for a spec without a file; paths in a file are relative to the file")
        path = Path(spec)
        read = read_composed(SpecText.of_file(path), choices)
        require_one_platform(read.spec)
        lock = named or lock_file_beside(path, choices)
        return DeclaredSystem.of(read.spec, path.parent, lock, read.composition.files)
    beside = Path() if directory is None else Path(directory)
    if isinstance(spec, SystemSpec):
        if choices != AS_IT_IS:
            raise TypeError("choices are for a spec's file or mapping; a SystemSpec has been read with them")
        require_one_platform(spec)
        return DeclaredSystem.of(check_spec(spec, beside), beside, named)
    read = spec_of_value(spec, beside, choices)
    require_one_platform(read.spec)
    return DeclaredSystem.of(read.spec, beside, named, read.composition.files)


def image_name(text: str) -> ImageName:
    """The name of an image with or without a tag."""
    from sysimage.image import ImageName

    try:
        return ImageName.parse(text)
    except ValueError as error:
        raise SpecError(f"cannot name the image: {error}", hint="say such as --tag web:1.0") from None


def whole_name(text: str | None) -> str | None:
    """The name of an image with its tag, ``latest`` by default."""
    return None if text is None else str(image_name(text))


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
def reported(spec: Spec | None = None, choices: SpecChoices = AS_IT_IS) -> Iterator[None]:
    """Raise faults of the machine as a `MachineError`, and faults of a spec's file with their lines."""
    try:
        yield
    except SpecError as error:
        if not isinstance(spec, str | os.PathLike):
            raise
        raise located(error, Path(spec), choices) from error.__cause__
    except (OSError, MemoryError) as error:
        fault = machine_error(error)
        if fault is None:
            raise
        raise fault from error
