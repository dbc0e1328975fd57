"""The systems that one spec declares: one for each platform, with the lock file that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sysimage.errors import SpecError
from sysimage.pipeline.options import DeclaredSystem
from sysimage.spec.choices import SpecChoices
from sysimage.spec.include import SpecText
from sysimage.spec.lock_file import lock_file_beside
from sysimage.spec.model import SystemSpec
from sysimage.spec.platforms import platform_specs, platform_values


def declared_systems(
    text: SpecText,
    choices: SpecChoices,
    platforms: Sequence[str] | None = None,
    *,
    file: Path | None = None,
    lock_file: Path | None = None,
) -> tuple[DeclaredSystem, ...]:
    """The system for each of ``platforms``, by default for those that the spec names; a `SpecError` has every fault.

    ``lock_file`` is the one that was named, for one platform. Otherwise each system has its own beside ``file``, the
    spec's path, or none.
    """
    found = platform_specs(text, choices, platforms)
    _check_lock(lock_file, len(found))
    systems = []
    for one in found:
        beside = None if file is None else lock_file_beside(file, choices, one.other_architecture)
        read = one.read
        directory = Path() if text.directory is None else text.directory
        systems.append(DeclaredSystem.of(read.spec, directory, lock_file or beside, read.composition.files))
    return tuple(systems)


def systems_of_value(
    spec: SystemSpec, beside: Path, platforms: Sequence[str] | None = None, *, lock_file: Path | None = None
) -> tuple[DeclaredSystem, ...]:
    """Like `declared_systems`, for a spec that was read before; paths in it are relative to ``beside``."""
    found = platform_values(spec, beside, platforms)
    _check_lock(lock_file, len(found))
    return tuple(DeclaredSystem.of(one, beside, lock_file) for one in found)


def _check_lock(lock_file: Path | None, systems: int) -> None:
    if lock_file is not None and systems > 1:
        raise SpecError(
            f"cannot lock several platforms in {lock_file}: each has other packages, and a lock file of its own",
            hint="leave the lock file out, or name one platform",
        )
