"""The Python that makes byte code for wheels: the image's own, run on this machine out of the store."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from sysimage.errors import MachineError
from sysimage.store.items import StoreItem
from sysimage.wheels.target import Target
from sysimage_bootstrap.building.assemble import Assembled
from sysimage_bootstrap.building.bytecode import Compiler
from sysimage_bootstrap.debian.architectures import ELF_TARGETS

_LOADERS = {"amd64": "ld-linux-x86-64.so.2", "arm64": "ld-linux-aarch64.so.1"}


def compiler_of_items(items: Iterable[StoreItem], target: Target, place: Path) -> Compiler:
    """The Python among the items of a system, put together in the new directory ``place``.

    Its dynamic linker gets the directories of the libraries here: their store paths need not exist on this machine.
    """
    triplet = ELF_TARGETS[target.architecture].triplet
    tops = [item.location for item in items if item.location is not None]
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


def _first(tops: Iterable[Path], path: str) -> Path:
    for top in tops:
        if (top / path).exists() and not (top / path).is_symlink():
            return top / path
    raise MachineError(f"cannot compile Python modules: no item of the system has {path}")
