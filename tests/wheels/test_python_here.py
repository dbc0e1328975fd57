"""The image's own Python makes byte code where this machine runs it, by the linker and the libraries of its items."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.errors import MachineError
from sysimage.progress import silent
from sysimage.store.items import StoreItem
from sysimage.wheels.python_here import PythonHere
from sysimage.wheels.target import Target
from sysimage_bootstrap.archive import Archive, native_architecture
from sysimage_bootstrap.debian.architectures import ELF_TARGETS
from tests.support.stores import make_item

HERE = native_architecture()
TRIPLET = ELF_TARGETS[HERE].triplet
LOADER = {"amd64": "ld-linux-x86-64.so.2", "arm64": "ld-linux-aarch64.so.1"}[HERE]


def no_archive() -> Archive:
    raise AssertionError("is asked for")


def python_here(top: Path, items: list[StoreItem]) -> PythonHere:
    target = Target("3.13", "3.13.5", "3.13.5-2", (2, 41), HERE)
    return PythonHere(items, target, no_archive, top / "store", 1, top / "scratch", silent)


def system(top: Path) -> list[StoreItem]:
    return [
        replace(make_item(top, "nowhere-1", {}), location=None),
        make_item(top, "links-1", {"bin/python3.13": "->python3", f"lib/{TRIPLET}/libz.so.1": b"z"}),
        make_item(top, "python3.13-minimal-1", {"bin/python3.13": b"program"}),
        make_item(top, "libpython3.13-minimal-1", {"lib/python3.13/encodings/__init__.py": "x"}),
        make_item(top, "libc6-1", {f"lib/{TRIPLET}/{LOADER}": b"loader"}),
    ]


def test_a_python_of_items_is_run_by_their_linker_with_their_libraries(tmp_path: Path) -> None:
    items = system(tmp_path)
    _, links, _, library, libc = (item.location for item in items)
    compiler = python_here(tmp_path, items).compiler()
    here = tmp_path / "scratch/python"
    assert links is not None
    assert library is not None
    assert libc is not None
    assert compiler.python.top == here
    assert compiler.python.libraries == links / "lib" / TRIPLET
    libraries = f"{links}/lib/{TRIPLET}:{libc}/lib/{TRIPLET}"
    assert compiler.python.argv == (
        libc / "lib" / TRIPLET / LOADER, "--library-path", libraries, here / "bin/python3.13"
    )  # fmt: skip
    assert (here / "bin/python3.13").read_bytes() == b"program"
    assert not (here / "bin/python3.13").is_symlink()
    assert (here / "lib/python3.13").readlink() == library / "lib/python3.13"


def test_a_system_without_a_part_of_python_says_which(tmp_path: Path) -> None:
    items = system(tmp_path)
    for number, path in ((2, "bin/python3.13"), (3, "lib/python3.13/encodings"), (4, f"lib/{TRIPLET}/{LOADER}")):
        with pytest.raises(MachineError) as caught:
            python_here(tmp_path / str(number), [*items[:number], *items[number + 1 :]]).compiler()
        assert str(caught.value) == f"cannot compile Python modules: no item of the system has {path}"
