"""What the kernel reads of an ELF file or a script: the loader, the interpreter, and from which bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest

from sysimage.rules.architectures import ElfMachine
from sysimage.rules.programs import UNKNOWN_PROGRAM, Program, ProgramFormat, read_program

OTHER = Program(ProgramFormat.OTHER)
PAGE = 4096
LOADER = b"/lib/ld.so.1"
INTERPRETER, LOAD = 3, 1
"""Types of program headers."""


@dataclass(frozen=True)
class Elf:
    """An ELF file with program headers (System V ABI), of which ``asking`` is the number of the one for the loader."""

    bits: int = 64
    big: bool = False
    count: int = 3
    asking: int | None = 1
    size: int | None = None
    """Of a program header, if it is not the usual one."""
    table: int | None = None
    """Where the headers are, if not after that of the file."""
    path: int | None = None
    """Where the loader's path is, if not after the headers."""
    loader: bytes = LOADER + b"\0"

    @property
    def head(self) -> int:
        return 64 if self.bits == 64 else 52

    @property
    def machine(self) -> ElfMachine:
        return ElfMachine(0x1234, self.bits, self.big)

    def data(self) -> bytes:
        order, wide = ">" if self.big else "<", self.bits == 64
        size = self.size or (56 if wide else 32)
        table = self.head if self.table is None else self.table
        path = table + size * self.count if self.path is None else self.path
        magic = b"\x7fELF" + bytes([2 if wide else 1, 2 if self.big else 1, 1]) + bytes(9)
        place = "QQQ" if wide else "III"
        numbers = 2, 0x1234, 1, 0x400000, table, 0, 0x01020304, self.head, size, self.count, 0x40, 0, 0
        file = bytearray(magic + struct.pack(f"{order}HHI{place}IHHHHHH", *numbers))
        file += bytes(max(0, table - len(file)))
        for number in range(self.count):
            kind, at, long = (INTERPRETER, path, len(self.loader)) if number == self.asking else (LOAD, 0x03030303, 1)
            fields = (kind, 5, at, 7, 8, long, 9, 10) if wide else (kind, at, 7, 8, long, 9, 5, 10)
            file[table + number * size :] = struct.pack(f"{order}{'IIQQQQQQ' if wide else 'IIIIIIII'}", *fields)
            file += bytes(max(0, table + (number + 1) * size - len(file)))
        if self.asking is not None:
            file += bytes(max(0, path - len(file)))
            file[path : path + len(self.loader)] = self.loader
        return bytes(file)


def program_of(data: bytes) -> tuple[Program, list[tuple[int, int]]]:
    """What is read of a file, and the places and sizes that were asked for."""
    asked = []

    def read(offset: int, size: int) -> bytes:
        asked.append((offset, size))
        return data[offset : offset + size]

    return read_program(read), asked


FORMS = [(32, False), (32, True), (64, False), (64, True)]


@pytest.mark.parametrize(("bits", "big"), FORMS)
@pytest.mark.parametrize("asking", [0, 1, 2, None])
def test_the_loader_and_the_machine_are_read_from_the_headers(bits: int, big: bool, asking: int | None) -> None:
    elf = Elf(bits, big, asking=asking)
    expected = Program(ProgramFormat.ELF, b"" if asking is None else LOADER, machine=elf.machine)
    assert program_of(elf.data()) == (expected, [(0, PAGE)])


@pytest.mark.parametrize(("bits", "big"), FORMS)
@pytest.mark.parametrize("asking", [1, None])
def test_a_file_that_is_cut_off_is_known_as_far_as_it_is_there(bits: int, big: bool, asking: int | None) -> None:
    elf = Elf(bits, big, asking=asking)
    data = elf.data()
    headers = elf.head + 3 * (56 if bits == 64 else 32)
    for size in range(len(data) + 1):
        found, _ = program_of(data[:size])
        if size < elf.head:
            assert found == OTHER
        elif size < (headers if asking is None else len(data)):
            assert found == UNKNOWN_PROGRAM
        else:
            assert found == Program(ProgramFormat.ELF, b"" if asking is None else LOADER, machine=elf.machine)


@pytest.mark.parametrize(("bits", "big"), FORMS)
def test_a_file_without_program_headers_is_its_own_head_and_asks_for_nothing(bits: int, big: bool) -> None:
    elf = Elf(bits, big, count=0, asking=None, size=1)
    data = elf.data()
    assert len(data) == elf.head
    assert program_of(data)[0] == Program(ProgramFormat.ELF, machine=elf.machine)
    assert program_of(data[:-1])[0] == OTHER


@pytest.mark.parametrize(
    ("elf", "asked"),
    [
        (Elf(path=PAGE - len(LOADER) - 1), []),
        (Elf(path=PAGE - len(LOADER)), [(PAGE - len(LOADER), len(LOADER) + 1)]),
        (Elf(path=PAGE), [(PAGE, len(LOADER) + 1)]),
        (Elf(table=PAGE - 3 * 56, path=300), []),
        (Elf(table=PAGE - 3 * 56 + 1, path=300), [(PAGE - 3 * 56 + 1, 3 * 56)]),
        (Elf(table=2 * PAGE, path=3 * PAGE), [(2 * PAGE, 3 * 56), (3 * PAGE, len(LOADER) + 1)]),
    ],
)
def test_no_more_is_read_than_the_first_page_and_what_is_after_it(elf: Elf, asked: list[tuple[int, int]]) -> None:
    expected = Program(ProgramFormat.ELF, LOADER, machine=elf.machine)
    assert program_of(elf.data() + bytes(PAGE)) == (expected, [(0, PAGE), *asked])


@pytest.mark.parametrize(
    ("sound", "beyond"),
    [
        (Elf(size=56), Elf(size=55, asking=None)),
        (Elf(32, size=32), Elf(32, size=31, asking=None)),
        (Elf(count=512), Elf(count=513)),
        (Elf(loader=b"/" + b"x" * 4094 + b"\0"), Elf(loader=b"/" + b"x" * 4095 + b"\0")),
        (Elf(loader=b"/\0"), Elf(loader=b"/")),
    ],
)
def test_what_the_kernel_refuses_is_not_a_program(sound: Elf, beyond: Elf) -> None:
    assert program_of(sound.data())[0] == Program(ProgramFormat.ELF, sound.loader.rstrip(b"\0"), machine=sound.machine)
    assert program_of(beyond.data())[0] == OTHER


@pytest.mark.parametrize(("place", "value"), [(4, 0), (4, 3), (5, 0), (5, 3), (0, 0), (3, 0)])
def test_a_class_or_an_order_of_bytes_that_there_is_not_is_not_an_elf_file(place: int, value: int) -> None:
    for bits, big in FORMS:
        data = bytearray(Elf(bits, big).data())
        data[place] = value
        assert program_of(bytes(data))[0] == OTHER


@pytest.mark.parametrize(
    ("text", "interpreter", "argument"),
    [
        (b"#!/bin/sh", b"/bin/sh", b""),
        (b"#!/bin/sh\nexit\n", b"/bin/sh", b""),
        (b"#! \t/bin/sh \t\n", b"/bin/sh", b""),
        (b"#!/bin/sh -e  -u \n", b"/bin/sh", b"-e  -u"),
        (b"#!/bin/sh\t-e\n", b"/bin/sh", b"-e"),
        (b"#!/bin/sh\0-e\n", b"/bin/sh", b""),
        (b"#!\n/bin/sh", b"", b""),
        (b"#!/" + b"x" * 253 + b"yz", b"/" + b"x" * 253, b""),
    ],
)
def test_the_first_line_of_a_script_is_read_as_the_kernel_does(
    text: bytes, interpreter: bytes, argument: bytes
) -> None:
    assert program_of(text) == (Program(ProgramFormat.SCRIPT, interpreter, argument), [(0, PAGE)])
