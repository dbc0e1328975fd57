"""Whether an image's programs are for the processors that the image says.

Stores hold programs for others by right: 32-bit ones, those of cross compilers and emulators, firmware. An image in
which no program at all runs is a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sysimage.rules.architectures import ARCHITECTURES, ElfMachine
from sysimage.rules.files import FileKind, Files, ResolvedPath, resolve_path
from sysimage.rules.finding import Finding, escaped
from sysimage.rules.paths import Parts, as_path
from sysimage.rules.runtime import Runtime

_DIRECTORIES = ("/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin", "/bin", "/sbin", "/opt/bin", "/app")
"""Where an image has programs outside of a store."""


def check_architecture(files: Files, runtime: Runtime, items: Iterable[Parts]) -> Iterator[Finding]:
    """A finding where there are programs, in the ``bin`` of store ``items`` or of the image, and all are foreign.

    Reading ends at the first that fits, so that it costs nothing where all is well.
    """
    ours = ARCHITECTURES.get(runtime.architecture)
    if ours is None:
        return
    foreign: dict[ElfMachine, Parts] = {}
    for parts, machine in _programs(files, items):
        if ours.runs(machine):
            return
        foreign.setdefault(machine, parts)
    if foreign:
        examples = " and ".join(f"{escaped(as_path(parts))} is for {machine}" for machine, parts in foreign.items())
        named = next((f'say "architecture": "{name}", or ' for name in map(str, foreign) if name in ARCHITECTURES), "")
        yield Finding(
            "architecture",
            ("architecture",),
            f"no program in the image is for {runtime.architecture}: {examples}",
            f"{named}take what is for {runtime.architecture}",
        )


def _programs(files: Files, items: Iterable[Parts]) -> Iterator[tuple[Parts, ElfMachine]]:
    for item in items:
        yield from _program(files, item)
        for name in (b"bin", b"sbin"):
            yield from _programs_in(files, (*item, name))
    for path in _DIRECTORIES:
        found = resolve_path(files, path.encode())
        if isinstance(found, ResolvedPath):
            yield from _programs_in(files, found.parts)


def _programs_in(files: Files, directory: Parts) -> Iterator[tuple[Parts, ElfMachine]]:
    for name in sorted(files.names(directory)):
        yield from _program(files, (*directory, name))


def _program(files: Files, parts: Parts) -> Iterator[tuple[Parts, ElfMachine]]:
    seen = files.at(parts)
    if seen is not None and seen.kind is FileKind.FILE and seen.mode & 0o111:
        machine = seen.program().machine
        if machine is not None:
            yield parts, machine
