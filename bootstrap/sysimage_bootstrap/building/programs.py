"""sysimage's Guile programs as bytecode, compiled by the Guile that will run it: the init starts without compiling, and
without a compiler in the image.

The Guile comes from the packages of *this* machine's architecture, in the version that the system has. Bytecode depends
on word size and byte order alone, in which our architectures agree: all have the same item.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sysimage.digest import Digest
from sysimage.errors import Issue, MachineError, SpecError
from sysimage.files.temporary import scratch_directory
from sysimage.process import run
from sysimage.progress import Progress, silent
from sysimage.store.items import StoreItem
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.building.assemble import Assembled, assemble
from sysimage_bootstrap.building.inventories import Inventories
from sysimage_bootstrap.debian.architectures import ELF_TARGETS
from sysimage_bootstrap.debs.inventory_cache import InventoryCache
from sysimage_bootstrap.packages.resolve import Resolution
from sysimage_bootstrap.store.item_store import ItemStore
from sysimage_bootstrap.store.recipe import Recipe

_FORMAT = 1
"""Increase this number when the same texts give other bytes."""
_LIBRARIES = re.compile(r"guile-(?P<series>[0-9.]+)-libs")
_REBUILD = re.compile(r"\+b[0-9]+$")
_DRIVER = Path(__file__).with_name("guile_driver.scm")
_STAGE = "init programs"
_TREE = "var/sysimage/packages"


def guile_of(resolution: Resolution) -> Package | None:
    """The package with the Guile that the init of a system runs in."""
    found = {
        match["series"]: package for package in resolution.packages if (match := _LIBRARIES.fullmatch(package.name))
    }
    return found[max(found)] if found else None


def native_guile(resolution: Resolution) -> tuple[str, ...]:
    """What to ask the archive for, in this machine's architecture, when the packages are of another one."""
    guile = guile_of(resolution)
    # A rebuild for one architecture alone changes no source: it compiles to the same.
    return () if guile is None else (f"{guile.name}={_REBUILD.sub('', guile.version)}*",)


def build_programs(
    texts: Mapping[str, bytes],
    resolution: Resolution,
    runnable: Mapping[Package, Path],
    store: ItemStore,
    *,
    native_architecture: str,
    workers: int = 1,
    progress: Progress = silent,
) -> StoreItem:
    """The item with each program of ``texts``, by name, as ``NAME.scm`` and, compiled, as ``NAME.go``.

    ``runnable`` are the files of packages for ``native_architecture``, the one of this machine; a missing one is a
    `MachineError`. They are not looked at if the store has the item.
    """
    guile = guile_of(resolution)
    if guile is None:
        raise SpecError(
            "cannot boot the system: it has no Guile, which runs the init",
            hint="do not leave guile-3.0 out of the packages",
        )
    version = _REBUILD.sub("", guile.version)
    recipe = Recipe(
        "init-programs",
        "init-programs",
        (),
        {
            "format": _FORMAT,
            "guile": [guile.name, version],
            "texts": {name: str(Digest.of(text)) for name, text in sorted(texts.items())},
        },
    )

    def build(draft: Path) -> None:
        (store.root / _TREE).mkdir(parents=True, exist_ok=True)
        with scratch_directory(store.root / _TREE, "run-") as scratch:
            compiler = _assembled(guile, version, runnable, native_architecture, store, scratch, workers, progress)
            draft.mkdir()
            for done, (name, text) in enumerate(sorted(texts.items())):
                progress(_STAGE, done, len(texts), unit="programs", at=name)
                (draft / f"{name}.scm").write_bytes(text)
                _compile(compiler, draft, name, scratch)
            progress(_STAGE, len(texts), len(texts), unit="programs")

    return store.realise(recipe, build)


def _assembled(
    guile: Package,
    version: str,
    runnable: Mapping[Package, Path],
    architecture: str,
    store: ItemStore,
    scratch: Path,
    workers: int,
    progress: Progress,
) -> Assembled:
    by_name = {package.name: package for package in runnable}
    there = by_name.get(guile.name)
    if there is None or _REBUILD.sub("", there.version) != version:
        found = "none" if there is None else there.version
        raise MachineError(
            "cannot compile the programs of the init: they need a Guile that this machine runs",
            hint="it has to come from the same state of the archive as the system's",
            issues=[
                Issue(guile.name, f"the system has {guile.version}, this machine's architecture has {found}"),
            ],
        )
    source = Inventories(InventoryCache(store.root), scratch, workers)
    inventories = source.of(runnable, by_name, progress)
    series = guile.name.removeprefix("guile-").removesuffix("-libs")
    triplet = ELF_TARGETS[architecture].triplet
    needs = (f"lib/{triplet}/guile/{series}/bin/guile", f"lib/{triplet}/guile/{series}/ccache/ice-9/boot-9.go")
    return assemble(f"Guile {series}", needs, architecture, runnable, inventories, scratch / "guile")


def _compile(compiler: Assembled, directory: Path, name: str, home: Path) -> None:
    """Each program in a process of its own: what a compiler has seen before shows in the names that it makes up."""
    compiled = next(compiler.libraries.glob("guile/*/ccache"))
    environment = {
        "HOME": str(home),
        "GUILE_AUTO_COMPILE": "0",
        # Sources would be newer than what is compiled, since all of it was unpacked just now.
        "GUILE_SYSTEM_PATH": str(compiler.top / "nowhere"),
        "GUILE_SYSTEM_COMPILED_PATH": str(compiled),
        "GCONV_PATH": str(compiler.libraries / "gconv"),
    }
    run([*compiler.argv, "--no-auto-compile", _DRIVER, directory, name], env=environment)
