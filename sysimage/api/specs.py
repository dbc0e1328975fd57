"""What a spec says when everything that it includes, and all that is chosen of it, is laid over one another."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sysimage.api.arguments import Place
from sysimage.spec.choices import AS_IT_IS, SpecChoices
from sysimage.spec.include import SpecText
from sysimage.spec.model import SystemSpec
from sysimage.spec.parse import ReadSpec, read_composed, spec_of_value


@dataclass(frozen=True, slots=True)
class ResolvedSpec:
    """One system, and where each of its parts was written."""

    spec: SystemSpec
    """With all defaults filled."""
    value: Mapping[str, Any]
    """What a system.json that includes nothing would say; paths are relative to the spec's directory."""
    origins: Mapping[str, str]
    """JSON pointer → ``FILE:LINE:COLUMN``, with ``(variant NAME)`` after it, or the flag that has it."""
    files: tuple[Path, ...]
    """The files that were included, in the order in which they are laid over one another."""

    @classmethod
    def of(cls, read: ReadSpec) -> ResolvedSpec:
        """From the values of the pipeline."""
        whole = read.composition
        return cls(read.spec, whole.value, {where: str(place) for where, place in whole.places.items()}, whole.files)


def resolve(
    spec: Place | Mapping[str, Any], *, directory: Place | None = None, choices: SpecChoices = AS_IT_IS
) -> ResolvedSpec:
    """Read a spec with what it includes and what is chosen of it; a `SpecError` has every fault.

    ``spec`` is a path, or what a system.json holds as a mapping; ``directory`` is what paths in a mapping are relative
    to.
    """
    if isinstance(spec, str | os.PathLike):
        return ResolvedSpec.of(read_composed(SpecText.of_file(Path(spec)), choices))
    return ResolvedSpec.of(spec_of_value(spec, Path() if directory is None else Path(directory), choices))
