"""The Python packages of a spec in a system: their items besides its own, and what they lack there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sysimage.errors import Issue, SpecError
from sysimage.language_packages.fetched_files import remember_used
from sysimage.language_packages.placement import (
    PlacedItem,
    contradictions,
    missing_libraries,
    programs_of,
    without_duplicates,
)
from sysimage.progress import Progress
from sysimage.rootfs.system import SystemResult
from sysimage.spec.model import SystemSpec
from sysimage.store.items import StoreItem
from sysimage.wheels.fetch import WheelSource
from sysimage.wheels.items import TOP, WheelItems
from sysimage.wheels.lock_file import PYTHON_LOCK, read_lock
from sysimage_bootstrap.debian.architectures import ELF_TARGETS


def with_wheels(
    spec: SystemSpec,
    spec_dir: Path,
    system: SystemResult,
    source: WheelSource,
    items: WheelItems,
    progress: Progress,
    own: Sequence[StoreItem] = (),
) -> SystemResult:
    """``system`` with the wheels of its spec's lock file, and with the items of the user's ``own`` code, which counts
    before them; what the store has is not fetched.

    The items are roots of their own, so that a system does not change because a wheel does. A `SpecError` names every
    fault of the lock file, every library that a wheel needs and the image lacks, and every file that is in the way
    of another.
    """
    if spec.python is None:
        return system
    files = source.choose(read_lock(spec.python, spec_dir, items.target), items.target)
    missing = [file for file in files if not items.has(file)]
    places = source.fetch(missing, items.target) if missing else {}
    made = []
    for done, file in enumerate(files, 1):
        made.append(items.item(file, places.get(file.sha256)))
        progress("wheels", done, len(files))
    placed = [PlacedItem.of(item) for item in (*own, *made)]
    issues = [
        *contradictions(placed, TOP, system, PYTHON_LOCK),
        *_unusable_programs(placed, system, spec.architecture),
    ]
    if issues:
        raise SpecError(f"cannot put the Python packages of {spec.name} into the image", issues=issues)
    shown = tuple(without_duplicates(placed, TOP))
    remember_used(source.cache, (item.path for item in shown))
    return system.with_items(shown)


def _unusable_programs(placed: Sequence[PlacedItem], system: SystemResult, architecture: str) -> Iterator[Issue]:
    """Programs of other machines, and libraries that the rest lack: a wheel is for one machine."""
    programs = []
    for program in programs_of(placed, TOP):
        if program.elf.machine == ELF_TARGETS[architecture].machine:
            programs.append(program)
        else:
            place = f"{TOP}/{program.path}"
            yield Issue(PYTHON_LOCK, f"{program.placed.name}: {place} is for another architecture than {architecture}")
    yield from missing_libraries(programs, placed, TOP, system, architecture, PYTHON_LOCK)
