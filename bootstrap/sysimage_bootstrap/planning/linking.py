"""Dynamic linking by store path: which item each needed library comes from.

A program finds its libraries through DT_RUNPATH alone. RUNPATH is not inherited, so libraries are rewritten as well
as programs; the C library and the dynamic linker itself are not, since they are at the end of every search.

Before the places in the store come the same directories as seen from the file itself. So what is run as Debian has it,
from /usr, loads its libraries from /usr, and those that look for data beside themselves (rustc, Qt, libclang) find what
other packages put there; what is run from the store finds it in the store.

A library that no package holds is not a fault where Debian itself installs the file without it: packages hold plugins,
and sometimes programs, for libraries that they only recommend. It is a fault if a dependency is unmet.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sysimage.errors import Issue
from sysimage_bootstrap.debian.architectures import ElfTarget
from sysimage_bootstrap.debs.inventory import Inventory, LinkedFile
from sysimage_bootstrap.planning.union_tree import PackagePath, UnionTree, in_usr

_UNTOUCHED = ("libc.so.", "ld-linux", "ld.so", "ld64.so")


@dataclass(frozen=True, slots=True)
class Linking:
    """How one file is to be linked."""

    interpreter: PackagePath | None
    runpath: tuple[str | PackagePath, ...]
    """Directories: entries that begin with ``$ORIGIN``, then places in items."""
    missing: tuple[str, ...] = ()
    """Libraries that no package holds."""


def linkings(
    inventory: Inventory,
    namespace: UnionTree,
    dependencies: Collection[str],
    target: ElfTarget,
    required: Collection[str],
) -> tuple[dict[str, Linking], list[Issue]]:
    """Path of each file that is to be rewritten → how; and what cannot be found anywhere and has to be.

    ``dependencies`` are the package's own. Of its files, those that are ``required`` may lack no library.
    """
    found: dict[str, Linking] = {}
    issues: list[Issue] = []
    for path, elf in inventory.linked.items():
        if elf.machine != target.machine or not (elf.needed or elf.interpreter):
            continue
        if posixpath.basename(path).startswith(_UNTOUCHED):
            continue
        search = _Search(path, elf, inventory.package, namespace, dependencies, target)
        interpreter, runpath = search.interpreter(), search.runpath()
        if path in required:
            where = f"{inventory.package}: {path}"
            issues += [Issue(where, f"needs {name}, which no package holds") for name in search.missing]
        if elf.interpreter is not None and interpreter is None:
            continue  # a program of another C library: it stays as it is
        found[path] = Linking(interpreter, runpath, tuple(search.missing))
    return found, issues


def is_plugin(inventory: Inventory, path: str, target: ElfTarget) -> bool:
    """Whether a file is neither a program nor a library where the dynamic linker looks for libraries."""
    return inventory.linked[path].interpreter is None and posixpath.dirname(path) not in target.directories


def required_files(inventory: Inventory, needed: Collection[str], *, complete: bool) -> frozenset[str]:
    """The files of a package that must find all their libraries.

    ``needed`` are the names of libraries that some file needs, ``complete`` says whether every dependency of the
    package, and of what it needs, is met: then nothing of it is required, since Debian has it no better.
    """
    if complete:
        return frozenset()
    names = {path: {posixpath.basename(path)} for path in inventory.linked}
    for link in inventory.links:
        place = posixpath.normpath(posixpath.join(posixpath.dirname(link), inventory.links[link]))
        if place in names:
            names[place].add(posixpath.basename(link))
    return frozenset(
        path for path, elf in inventory.linked.items() if elf.interpreter is not None or names[path] & set(needed)
    )


class _Search:
    """The search for what one file needs, as the dynamic linker would do it in the running system."""

    def __init__(
        self,
        path: str,
        elf: LinkedFile,
        package: str,
        namespace: UnionTree,
        dependencies: Collection[str],
        target: ElfTarget,
    ) -> None:
        self.path, self.elf, self.package = path, elf, package
        self.namespace, self.dependencies, self.target = namespace, dependencies, target
        self.missing: list[str] = []

    def interpreter(self) -> PackagePath | None:
        if self.elf.interpreter is None:
            return None
        name = posixpath.basename(self.elf.interpreter)
        place = self.namespace.find_in(self.target.directories, name, self.package)
        if place is None:
            self.missing.append(self.elf.interpreter)
            return None
        return self.namespace.final(place)

    def runpath(self) -> tuple[str | PackagePath, ...]:
        near = [entry for entry in self.elf.runpath if entry.startswith("$ORIGIN")]
        entries: list[PackagePath] = []
        own = [directory for directory in map(self._directory, self.elf.runpath) if directory is not None]
        for name in self.elf.needed:
            place = self.namespace.find_in([*own, *self.target.directories], name, self.package)
            place = place or self._unusual(name)
            if place is None:
                self.missing.append(name)
            else:
                entries.append(PackagePath(place.package, posixpath.dirname(place.path)))
        for directory in own:  # plugins are opened by bare name from here
            place = self.namespace.find_directory(directory, self.package, self.dependencies)
            if place is not None and directory not in self.target.directories:
                entries.append(place)
        # Together, the packages' directories are full ones, and are looked through in the order of Debian's linker.
        order = [*own, *self.target.directories]
        seen_from_here = sorted({place.path for place in entries}, key=lambda path: (_index(order, path), path))
        return tuple(dict.fromkeys([*near, *map(self._from_here, seen_from_here), *entries]))

    def _from_here(self, directory: str) -> str:
        way = posixpath.relpath(directory, posixpath.dirname(self.path) or ".")
        return "$ORIGIN" if way == "." else f"$ORIGIN/{way}"

    def _directory(self, entry: str) -> str | None:
        """The directory, relative to /usr, that an entry of the original RUNPATH means."""
        here = "/usr/" + posixpath.dirname(self.path)
        for variable, value in (("$ORIGIN", here), ("${ORIGIN}", here), ("$LIB", f"lib/{self.target.triplet}")):
            entry = entry.replace(variable, value)
        return in_usr(posixpath.normpath(entry)) if entry.startswith("/") else None

    def _unusual(self, name: str) -> PackagePath | None:
        """A library that only ld.so.conf or update-alternatives would bring to where the dynamic linker looks: the
        package's own, or else one of its dependencies', or else the only one there is."""
        places = [place for place in self.namespace.named(name) if self._is_library(place)]
        for packages in ({self.package}, set(self.dependencies)):
            near = [place for place in places if place.package in packages]
            if near:
                return near[0]
        return places[0] if len(places) == 1 else None

    def _is_library(self, place: PackagePath) -> bool:
        final = self.namespace.final(place)
        elf = self.namespace.inventories[final.package].linked.get(final.path)
        return elf is not None and elf.machine == self.target.machine


def _index(order: Sequence[str], path: str) -> int:
    return order.index(path) if path in order else len(order)
