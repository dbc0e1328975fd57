"""The Python that makes byte code for wheels, run on this machine without being installed here."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sysimage.errors import MachineError
from sysimage.progress import Progress
from sysimage.store.items import StoreItem
from sysimage.wheels.target import Target
from sysimage_bootstrap.archive import Archive, native_architecture
from sysimage_bootstrap.building.assemble import Assembled
from sysimage_bootstrap.building.bytecode import Compiler, make_compiler
from sysimage_bootstrap.building.inventories import Inventories
from sysimage_bootstrap.debian.architectures import ELF_TARGETS
from sysimage_bootstrap.debs.inventory_cache import InventoryCache
from sysimage_bootstrap.packages.package_request import PackageRequest
from sysimage_bootstrap.packages.resolve import resolve

_LOADERS = {"amd64": "ld-linux-x86-64.so.2", "arm64": "ld-linux-aarch64.so.1"}


@dataclass(frozen=True, slots=True)
class HostPython:
    """The source of a Python that makes byte code for the Python of a target."""

    items: Sequence[StoreItem]
    """Of the system."""
    target: Target
    archive: Callable[[], Archive]
    """Opens the package archive."""
    store_root: Path
    workers: int
    scratch: Path
    """A directory for what is put together."""
    progress: Progress

    def compiler(self) -> Compiler:
        """The image's own Python where this machine runs it; otherwise the same version for this machine. Byte code is
        the same on all architectures."""
        if self.target.architecture == native_architecture():
            return self._of_items(self.scratch / "python")
        return self._of_archive()

    def _of_items(self, place: Path) -> Compiler:
        """Its dynamic linker gets the directories of the libraries here: their store paths need not exist on this
        machine."""
        target = self.target
        triplet = ELF_TARGETS[target.architecture].triplet
        tops = [item.location for item in self.items if item.location is not None]
        program = _first(tops, f"bin/python{target.python}")
        library = _first(tops, f"lib/python{target.python}/encodings").parent
        loader = _first(tops, f"lib/{triplet}/{_LOADERS[target.architecture]}")
        libraries = [top / "lib" / triplet for top in tops if (top / "lib" / triplet).is_dir()]
        (place / "bin").mkdir(parents=True)
        (place / "lib").mkdir()
        # A copy: Python follows a link to where it is, and looks for its library there.
        here = Path(shutil.copy(program, place / "bin"))
        (place / "lib" / library.name).symlink_to(library)
        argv = (loader, "--library-path", ":".join(map(str, libraries)), here)
        return Compiler(Assembled(place, libraries[0], argv))

    def _of_archive(self) -> Compiler:
        native, target = native_architecture(), self.target
        asked = (f"python{target.python}-minimal={target.package_version}",)
        archive = self.archive()
        packages = resolve(
            archive.packages(native, self.progress), PackageRequest(native, asked, essential=False)
        ).packages
        debs = archive.fetch(packages, self.progress)
        source = Inventories(InventoryCache(self.store_root), self.scratch, self.workers)
        inventories = source.of(debs, {package.name: package for package in packages}, self.progress)
        return make_compiler(target.python, native, debs, inventories, self.scratch / "python")


def _first(tops: Sequence[Path], path: str) -> Path:
    for top in tops:
        if (top / path).exists() and not (top / path).is_symlink():
            return top / path
    raise MachineError(f"cannot compile Python modules: no item of the system has {path}")
