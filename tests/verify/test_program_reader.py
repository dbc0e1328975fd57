"""What goes by in pieces is read as if it lay there as a file."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.rules.architectures import ElfMachine
from sysimage.rules.programs import HEAD, Program, ProgramFormat, read_program
from sysimage.verify.program_reader import ProgramReader

LOADER = b"/lib64/ld-linux-x86-64.so.2\0"


def elf(loader_at: int, size: int) -> bytes:
    """An ELF file of ``size`` bytes that asks for a loader whose name is at an offset."""
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    head += struct.pack("<IIQQQQQQ", 3, 4, loader_at, 0, 0, len(LOADER), len(LOADER), 1)
    return head.ljust(loader_at, b"\1") + LOADER.ljust(max(size - loader_at, len(LOADER)), b"\2")


def read_in_pieces(data: bytes, sizes: list[int]) -> Program:
    reader = ProgramReader()
    at = 0
    for size in [*sizes, len(data)]:
        reader.put(data[at : at + size])
        at += size
    return reader.program()


@given(
    loader_at=st.sampled_from([120, 4000, HEAD - 28, HEAD - 10, HEAD, HEAD + 1, 9000, 70_000]),
    more=st.integers(0, 9000),
    sizes=st.lists(st.integers(1, 20_000), max_size=6),
)
def test_a_loader_is_found_wherever_its_name_is(loader_at: int, more: int, sizes: list[int]) -> None:
    data = elf(loader_at, loader_at + more)
    whole = read_program(lambda at, size: data[at : at + size])
    assert whole == Program(ProgramFormat.ELF, LOADER[:-1], machine=ElfMachine(62, 64))
    found = read_in_pieces(data, sizes)
    assert found == whole or (found.format is ProgramFormat.UNKNOWN and loader_at < HEAD < loader_at + len(LOADER))


@pytest.mark.parametrize("loader_at", [HEAD - len(LOADER), HEAD, HEAD + 1, 9000])
@pytest.mark.parametrize("at", [-1, 0, 1, len(LOADER) - 1, len(LOADER), len(LOADER) + 1])
@pytest.mark.parametrize("more", [[], [1], [5, 5]])
def test_a_loader_is_found_wherever_a_piece_ends_near_its_name(loader_at: int, at: int, more: list[int]) -> None:
    data = elf(loader_at, loader_at + 100)
    expected = Program(ProgramFormat.ELF, LOADER[:-1], machine=ElfMachine(62, 64))
    assert read_in_pieces(data, [loader_at + at, *more]) == expected


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh -e\n", b"#!", b"text", b"\x7fELF", elf(9000, 0)[:5000]])
@pytest.mark.parametrize("sizes", [[], [1, 1, 1], [3000, 1096, 10]])
def test_what_is_short_is_read_too(data: bytes, sizes: list[int]) -> None:
    assert read_in_pieces(data, sizes) == read_program(lambda at, size: data[at : at + size])
