"""The image's own Python makes byte code where this machine runs it, by the linker and the libraries of its items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.digest import Digest
from sysimage.errors import MachineError
from sysimage.progress import silent
from sysimage.store.items import StoreItem
from sysimage.wheels.host_python import HostPython
from sysimage.wheels.target import Target
from sysimage_bootstrap.archive import Archive, native_architecture
from sysimage_bootstrap.archive.index import PackageIndex, index_of
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.debian.architectures import ELF_TARGETS
from sysimage_bootstrap.debs.inventory_cache import InventoryCache
from tests.bootstrap.debs.made_debs import Member, control, deb_bytes, directory, program
from tests.support.dynamic_elf import dynamic_elf
from tests.support.stores import make_item

HERE = native_architecture()
TRIPLET = ELF_TARGETS[HERE].triplet
LOADER = {"amd64": "ld-linux-x86-64.so.2", "arm64": "ld-linux-aarch64.so.1"}[HERE]


@dataclass
class OneArchive:
    """An archive with the smallest Python there can be, in two versions, and a package that every system has."""

    top: Path
    asked: list[tuple[str, list[str]]] = field(default_factory=list)

    def debs(self) -> dict[tuple[str, str], bytes]:
        python = program("./usr/bin/python3.13", dynamic_elf(["libz.so.1"]))
        paths = ("./usr/", "./usr/bin/", "./usr/lib/", "./usr/lib/python3.13/", "./usr/lib/python3.13/encodings/")
        module = Member("./usr/lib/python3.13/encodings/__init__.py", b"")
        library = [directory(f"./usr/lib/{TRIPLET}/"), Member(f"./usr/lib/{TRIPLET}/libz.so.1", dynamic_elf())]
        members = [*map(directory, paths), python, module, *library]
        return {
            (name, version): deb_bytes(name, members, version=version, control_text=control(name, version, HERE))
            for name, version in (
                ("python3.13-minimal", "3.13.5-2"),
                ("python3.13-minimal", "3.13.6-1"),
                ("base-files", "1"),
            )
        }

    def packages(self, architecture: str, progress: object) -> PackageIndex:
        stanzas = [
            f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nFilename: pool/{name}.deb\n"
            f"Essential: {'yes' if name == 'base-files' else 'no'}\n"
            f"Size: {len(deb)}\nSHA256: {Digest.of(deb).hex}\n"
            for (name, version), deb in self.debs().items()
        ]
        return index_of("\n".join(stanzas), architecture)

    def fetch(self, packages: Sequence[Package], progress: object) -> dict[Package, Path]:
        self.asked.append((packages[0].architecture, [str(package) for package in packages]))
        found = {package: self.top / f"{package.name}.deb" for package in packages}
        for package, place in found.items():
            place.write_bytes(self.debs()[package.name, package.version])
        return found


def no_archive() -> Archive:
    raise AssertionError("is asked for")


def host_python(top: Path, items: list[StoreItem]) -> HostPython:
    target = Target("3.13", "3.13.5", "3.13.5-2", (2, 41), HERE)
    return HostPython(items, target, no_archive, top / "store", 1, top / "scratch", silent)


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
    compiler = host_python(tmp_path, items).compiler()
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
            host_python(tmp_path / str(number), [*items[:number], *items[number + 1 :]]).compiler()
        assert str(caught.value) == f"cannot compile Python modules: no item of the system has {path}"


def test_for_another_machine_the_same_version_comes_from_the_archive_for_this_one(tmp_path: Path) -> None:
    """Byte code is the same on all architectures, and nothing of the image's own can be run."""
    archive: Any = OneArchive(tmp_path)
    (other,) = {"amd64", "arm64"} - {HERE}
    here = host_python(tmp_path, system(tmp_path))
    (tmp_path / "scratch").mkdir()
    compiler = replace(here, target=replace(here.target, architecture=other), archive=lambda: archive).compiler()
    top = tmp_path / "scratch/python"
    assert archive.asked == [(HERE, ["python3.13-minimal 3.13.5-2"])]
    assert (compiler.python.top, compiler.python.argv[-1]) == (top, top / "bin/python3.13")
    assert (top / "lib/python3.13/encodings/__init__.py").is_file()
    (python,) = archive.packages(HERE, None).versions("python3.13-minimal")[1:]
    assert InventoryCache(tmp_path / "store").find(python) is not None, "it is unpacked once"
