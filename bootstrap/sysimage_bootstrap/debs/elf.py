"""What the dynamic linker reads of an ELF file: interpreter, needed libraries, search path, segments.

A reader of our own, some seventy times faster than a general one: every program and library of a system is read before
and after it is rewritten. Little-endian 64-bit files only, which is what our architectures have (System V ABI, ELF-64
object file format).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

MAGIC = b"\x7fELF"

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_DYNAMIC = struct.Struct("<qQ")
_PROGRAM_TYPES = (2, 3)  # ET_EXEC, ET_DYN
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP, _PT_PHDR = 1, 2, 3, 6
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_STRSZ, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 0, 1, 5, 10, 14, 15, 29
_TABLE_LIMIT = 64 << 20


class ElfError(ValueError):
    """It begins like an ELF file but cannot be read as one."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A program header."""

    type: int
    offset: int
    address: int
    file_size: int
    memory_size: int
    alignment: int

    def covers(self, other: Segment) -> bool:
        """Whether what ``other`` loads is loaded by this one, from the same bytes."""
        end = self.address + self.memory_size
        return (
            self.address <= other.address
            and other.address + other.memory_size <= end
            and other.address - self.address == other.offset - self.offset
        )


@dataclass(frozen=True, slots=True)
class Elf:
    """A dynamically linked program or library."""

    machine: int
    """``e_machine``: 62 is x86-64, 183 is AArch64."""
    interpreter: str | None
    needed: tuple[str, ...]
    runpath: tuple[str, ...]
    """The entries of DT_RUNPATH, or of DT_RPATH where there is no other."""
    strings: bytes
    """The string table: the names of what it needs and has, each ended by a NUL; one may be the end of another."""
    segments: tuple[Segment, ...]
    soname: str | None = None
    """What others that link with it call it."""

    def faults(self) -> tuple[str, ...]:
        """Faults that a loader would report; empty unless a rewriting failed."""
        loads = [segment for segment in self.segments if segment.type == _PT_LOAD]
        found = []
        if any(not a.address <= b.address for a, b in pairwise(loads)):
            found.append("its segments are not in ascending order")
        if any((s.address - s.offset) % max(s.alignment, 1) for s in loads):
            found.append("a segment is not aligned")
        if any(s.file_size > s.memory_size for s in loads):
            found.append("a segment has more bytes in the file than in memory")
        for type_, name in ((_PT_PHDR, "program headers"), (_PT_INTERP, "interpreter"), (_PT_DYNAMIC, "dynamic table")):
            for segment in self.segments:
                if segment.type == type_ and not any(load.covers(segment) for load in loads):
                    found.append(f"no segment loads its {name}")
        return tuple(found)


def read_elf(path: Path | bytes) -> Elf | None:
    """Read a dynamically linked file; None for anything else (objects, static programs, other ELF files).

    `ElfError` if it is cut short or contradicts itself, OSError if it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return _read(descriptor)
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> Elf | None:
    header = os.pread(descriptor, _HEADER.size, 0)
    if len(header) < _HEADER.size or header[:7] != MAGIC + b"\x02\x01\x01":
        return None
    _, type_, machine, _, _, segments_at, _, _, _, segment_size, count, _, _, _ = _HEADER.unpack(header)
    if type_ not in _PROGRAM_TYPES or not count:
        return None
    if segment_size != _SEGMENT.size or count == 0xFFFF:
        raise ElfError("its program headers are of an unknown form")
    segments = tuple(
        Segment(kind, offset, address, in_file, in_memory, alignment)
        for kind, _, offset, address, _, in_file, in_memory, alignment in _SEGMENT.iter_unpack(
            _exactly(descriptor, count * segment_size, segments_at)
        )
    )
    dynamic = next((s for s in segments if s.type == _PT_DYNAMIC), None)
    if dynamic is None:
        return None
    interpreter = None
    for segment in segments:
        if segment.type == _PT_INTERP:
            interpreter = _text(_exactly(descriptor, segment.file_size, segment.offset), 0)
    entries = _dynamic_entries(_exactly(descriptor, dynamic.file_size, dynamic.offset))
    strings = _string_table(descriptor, dict(entries), segments)
    needed = tuple(_text(strings, value) for tag, value in entries if tag == _DT_NEEDED)
    by_tag = {tag: value for tag, value in entries if tag in (_DT_RPATH, _DT_RUNPATH)}
    path_at = by_tag.get(_DT_RUNPATH, by_tag.get(_DT_RPATH))
    runpath = _text(strings, path_at) if path_at is not None else ""
    soname = next((_text(strings, value) for tag, value in entries if tag == _DT_SONAME), None)
    directories = tuple(entry for entry in runpath.split(":") if entry)
    return Elf(machine, interpreter, needed, directories, strings, segments, soname)


def _dynamic_entries(table: bytes) -> list[tuple[int, int]]:
    entries = []
    for tag, value in _DYNAMIC.iter_unpack(table[: len(table) // _DYNAMIC.size * _DYNAMIC.size]):
        if tag == _DT_NULL:
            break
        entries.append((tag, value))
    return entries


def _string_table(descriptor: int, values: dict[int, int], segments: tuple[Segment, ...]) -> bytes:
    if _DT_STRTAB not in values:
        return b""
    address, size = values[_DT_STRTAB], values.get(_DT_STRSZ, 0)
    for segment in segments:
        start = address - segment.address
        if segment.type == _PT_LOAD and start >= 0 and start + size <= segment.file_size:
            return _exactly(descriptor, size, segment.offset + start)
    raise ElfError("its string table is not loaded by any segment")


def _exactly(descriptor: int, size: int, offset: int) -> bytes:
    if not 0 <= size <= _TABLE_LIMIT or not 0 <= offset < 1 << 62:
        raise ElfError("a table has an impossible size or place")
    data = os.pread(descriptor, size, offset)
    if len(data) != size:
        raise ElfError("it is cut short")
    return data


def _text(strings: bytes, start: int) -> str:
    end = strings.find(b"\0", start) if start < len(strings) else -1
    if end < 0:
        raise ElfError("a string has no end")
    return strings[start:end].decode("utf-8", "surrogateescape")
