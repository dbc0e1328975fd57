"""A shared library that does nothing but need others: as much of ELF as a dynamic linker reads first."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def dynamic_elf(needed: Sequence[str] = (), runpath: str = "", machine: int = 62) -> bytes:
    """For x86-64 or another machine."""
    strings, offsets = b"\0", []
    for text in (*needed, runpath):
        offsets.append(len(strings))
        strings += text.encode() + b"\0"
    table = 64 + 2 * 56
    entries = [(1, at) for at in offsets[:-1]] + ([(29, offsets[-1])] if runpath else [])
    size = (len(entries) + 3) * 16
    entries += [(5, table + size), (10, len(strings)), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in entries)
    whole = table + len(dynamic) + len(strings)
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, machine, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, whole, whole, 4096)
    table_segment = struct.pack("<IIQQQQQQ", 2, 6, table, table, table, len(dynamic), len(dynamic), 8)
    return header + load + table_segment + dynamic + strings
