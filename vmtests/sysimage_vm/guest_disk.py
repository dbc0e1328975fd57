"""The guest is a sysimage system: ``guest.json`` beside this module, built like any other, as a bootable disk."""

from __future__ import annotations

import hashlib
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from sysimage.closure import Closure
from sysimage.errors import SysimageError
from sysimage.progress import Progress, silent
from sysimage.rootfs.shown_files import shown_entry
from sysimage.rootfs.tree import Entry, Kind, RootTree
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage.store.shown_files import shown_files
from sysimage_vm.disk import BootableDisk, write_disk
from sysimage_vm.guest import Guest
from sysimage_vm.host_lock import host_lock
from sysimage_vm.initrd import Kernel
from sysimage_vm.modules import ENGINE_MODULES

ROOT_SIZE = 12 << 30
"""Bytes of the guest's root file system; on the host it takes what is used."""
KEPT_GUESTS = 2


@dataclass(frozen=True, slots=True)
class GuestSystem:
    """A system that was built from ``guest.json``, not yet a disk."""

    closure: Closure
    tree: RootTree
    """The root around the store."""
    boot_program: StorePath
    system: StorePath


@contextmanager
def guest_spec() -> Iterator[Path]:
    """The guest's system.json, as a file with its sources beside it."""
    with resources.as_file(resources.files("sysimage_vm")) as folder:
        yield folder / "guest.json"


def ensure_guest(system: GuestSystem, directory: Path, progress: Progress = silent) -> Guest:
    """The guest's disk below ``directory``, made unless it is there; found by everything that shapes it."""
    entries = tuple(root_entries(system.closure, system.tree))
    key = _key(system)
    target = directory / key
    with host_lock(directory / "guests.lock", "the directory of guests"):
        if not (target / "root.img").exists():
            progress("guest disk", 0, None)
            write_disk(
                entries,
                target,
                kernel=find_kernel(system.closure),
                busybox=package_location(system.closure, "busybox-static") / "bin" / "busybox",
                init=(str(system.boot_program), str(system.system)),
                modules=ENGINE_MODULES,
                read_only=(system.system.store_dir,),
                size=ROOT_SIZE,
            )
            _forget(directory, keep=target)
    target.touch()
    return Guest(BootableDisk(target / "kernel", target / "initrd", target / "root.img"), key)


def find_kernel(closure: Closure) -> Kernel:
    """The kernel in a closure that has exactly one Debian kernel."""
    found = []
    for item in closure:
        if item.path.name.startswith("linux-image-") and item.location is not None:
            found += sorted((item.location / "boot").glob("vmlinuz-*"))
    if len(found) != 1:
        raise SysimageError(f"cannot make a bootable disk: the closure has {len(found)} kernels, not one")
    release = found[0].name.removeprefix("vmlinuz-")
    top = found[0].parents[1]
    for modules in (top / "usr/lib/modules" / release, top / "lib/modules" / release):
        if modules.is_dir():
            return Kernel(found[0], modules)
    raise SysimageError(f"cannot make a bootable disk: the kernel {release} has no modules")


def root_entries(closure: Closure, tree: RootTree) -> Iterator[Entry]:
    """Every file of a system's root: the tree, which has the store's directory, the items as a NAR sees them, and what
    they show elsewhere the tree has nothing else."""
    yield from tree
    seen = {entry.path for entry in tree}
    for item in closure:
        yield from _item_entries(item)
        for entry in _shown_entries(item):
            if entry.path not in seen:
                seen.add(entry.path)
                yield entry


def _shown_entries(item: StoreItem) -> Iterator[Entry]:
    if item.shown is not None and item.location is not None:
        for path, file in shown_files(item.location, item.shown):
            if file.is_dir(follow_symlinks=False):
                yield Entry.directory(item.shown.place(path))
            else:
                yield shown_entry(item.location, path, item.shown, str(item.path))


def _item_entries(item: StoreItem) -> Iterator[Entry]:
    if item.location is None:
        raise SysimageError(f"cannot make a bootable disk: the place of {item.path} is not known")
    waiting = [(item.location, str(item.path))]
    while waiting:
        path, name = waiting.pop()
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            yield Entry.symlink(name, str(path.readlink()), owner=str(item.path))
        elif stat.S_ISDIR(status.st_mode):
            yield Entry.directory(name, 0o555, owner=str(item.path))
            waiting += sorted((child, f"{name}/{child.name}") for child in path.iterdir())
        else:
            yield Entry.file(name, path, 0o555 if status.st_mode & 0o100 else 0o444, owner=str(item.path))


def package_location(closure: Closure, package: str) -> Path:
    """Where the one item of a package is."""
    found = [i.location for i in closure if i.path.name.startswith(f"{package}-") and i.location is not None]
    if len(found) != 1:
        raise SysimageError(f"cannot make a bootable disk: the closure has {len(found)} items of {package}, not one")
    return found[0]


def _key(system: GuestSystem) -> str:
    """The system's store path stands for its closure; the tree is small and is read; so is the code of disks."""
    digest = hashlib.sha256(repr((str(system.system), str(system.boot_program), ENGINE_MODULES, ROOT_SIZE)).encode())
    for module in ("initrd.py", "disk.py", "guest_disk.py"):
        digest.update(resources.files("sysimage_vm").joinpath(module).read_bytes())
    for entry in system.tree:
        digest.update(repr((entry.path, entry.kind.value, entry.mode, entry.uid, entry.gid, entry.target)).encode())
        if entry.kind is Kind.FILE:
            digest.update(entry.read())
    return digest.hexdigest()[:32]


def _forget(directory: Path, *, keep: Path) -> None:
    """Remove all but the newest disks; only called while no other process builds one."""
    others = [path for path in directory.iterdir() if path.is_dir() and path != keep]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[KEPT_GUESTS - 1 :]:
        shutil.rmtree(path, ignore_errors=True)
