"""What the kernel reads of a file that it is to run: the interpreter of a script, the loader that an ELF file asks for.

Formats: execve(2), "Interpreter scripts"; binfmt_script.c and binfmt_elf.c in Linux; System V ABI, "Program header".
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable
from dataclasses import dataclass

from sysimage.rules.architectures import ElfMachine

HEAD = 4096
"""Bytes at the beginning of a file that are enough to recognise it."""
_LINE = 256
"""Bytes of a script's first line that the kernel looks at (BINPRM_BUF_SIZE)."""
_INTERPRETER = 3
"""PT_INTERP."""
_LONGEST = 4096
"""Bytes of a loader's path that the kernel takes."""
_MOST_HEADERS = 512

Read = Callable[[int, int], bytes]
"""Offset and size → the bytes of a file there, fewer at its end."""


class ProgramFormat(enum.Enum):
    ELF = "ELF file"
    SCRIPT = "script"
    OTHER = "other"
    UNKNOWN = "unknown"
    """What is needed of it was not read."""


@dataclass(frozen=True, slots=True)
class Program:
    """An executable file as the kernel sees it."""

    format: ProgramFormat
    interpreter: bytes = b""
    """Path of a script's interpreter or an ELF file's loader; empty without one."""
    argument: bytes = b""
    """What else is on a script's first line."""
    machine: ElfMachine | None = None
    """For which processor an ELF file is."""


UNKNOWN_PROGRAM = Program(ProgramFormat.UNKNOWN)


def read_program(read: Read) -> Program:
    """What a file is, from as few of its bytes as show it."""
    head = read(0, HEAD)
    if head.startswith(b"#!"):
        return _script(head[:_LINE])
    if not head.startswith(b"\x7fELF"):
        return Program(ProgramFormat.OTHER)
    return _elf(head, read)


def _script(head: bytes) -> Program:
    line = head[2:].split(b"\n", 1)[0].split(b"\0", 1)[0].strip(b" \t")
    interpreter, _, argument = line.replace(b"\t", b" ").partition(b" ")
    return Program(ProgramFormat.SCRIPT, interpreter, argument.strip(b" "))


def _elf(head: bytes, read: Read) -> Program:
    if len(head) < 52 or head[4] not in (1, 2) or head[5] not in (1, 2):
        return Program(ProgramFormat.OTHER)
    order, wide = "<" if head[5] == 1 else ">", head[4] == 2
    if wide and len(head) < 64:
        return Program(ProgramFormat.OTHER)
    (number,) = struct.unpack_from(order + "H", head, 18)
    machine = ElfMachine(number, 64 if wide else 32, order == ">")
    (table,) = struct.unpack_from(order + ("Q" if wide else "I"), head, 32 if wide else 28)
    size, count = struct.unpack_from(order + "HH", head, 54 if wide else 42)
    least = 56 if wide else 32
    if not count:
        return Program(ProgramFormat.ELF, machine=machine)
    if size < least or count > _MOST_HEADERS:
        return Program(ProgramFormat.OTHER)
    headers = head[table : table + size * count]
    if len(headers) < size * count:
        headers = read(table, size * count)
    if len(headers) < size * count:
        return UNKNOWN_PROGRAM
    for at in range(0, size * count, size):
        (kind,) = struct.unpack_from(order + "I", headers, at)
        if kind != _INTERPRETER:
            continue
        (offset,) = struct.unpack_from(order + ("Q" if wide else "I"), headers, at + (8 if wide else 4))
        (length,) = struct.unpack_from(order + ("Q" if wide else "I"), headers, at + (32 if wide else 16))
        if not 2 <= length <= _LONGEST:
            return Program(ProgramFormat.OTHER)
        path = head[offset : offset + length] if offset + length <= len(head) else read(offset, length)
        if len(path) < length:
            return UNKNOWN_PROGRAM
        return Program(ProgramFormat.ELF, path.rstrip(b"\0"), machine=machine)
    return Program(ProgramFormat.ELF, machine=machine)
