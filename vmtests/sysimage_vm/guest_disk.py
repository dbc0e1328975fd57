"""The guest is one of ours: ``guest.json`` beside this module, built like any system, written as a bootable disk."""

from __future__ import annotations

import hashlib
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path

from sysimage.build import BuildOptions, Planned, plan
from sysimage.closure import Closure
from sysimage.destinations.disk import BootableDisk, write_disk
from sysimage.destinations.initrd import Kernel
from sysimage.errors import SysimageError
from sysimage.layers.source import LayerSource
from sysimage.progress import Progress, silent
from sysimage.rootfs.tree import Entry, Kind
from sysimage.spec import read_spec
from sysimage.store.items import StoreItem
from sysimage_vm.guest import Guest
from sysimage_vm.lease import lease
from sysimage_vm.modules import ENGINE_MODULES

FORMAT = 1
"""Raised whenever the same system becomes another disk."""
ROOT_SIZE = 12 << 30
"""Bytes of the guest's root file system; on the host it takes what is used."""
KEPT_GUESTS = 2


def build_guest(options: BuildOptions, directory: Path, progress: Progress = silent) -> Guest:
    """The guest's disk below ``directory``, made unless it is there; found by everything that shapes it.

    ``options`` says where packages come from and what is cached; its output is not used.
    """
    with resources.as_file(resources.files(__package__)) as folder:
        planned = plan(read_spec(folder / "guest.json"), folder, options, progress)
        entries = tuple(root_entries(planned.closure, planned.tree))
        key = _key(planned, entries)
        target = directory / key
        with lease(directory / "guests.lock", "the directory of guests"):
            if not (target / "root.img").exists():
                progress("guest disk", 0, None)
                _write(planned, entries, target)
                _forget(directory, keep=target)
    target.touch()
    return Guest(BootableDisk(target / "kernel", target / "initrd", target / "root.img"), key)


def _write(planned: Planned, entries: Sequence[Entry], target: Path) -> None:
    boot_program = planned.realised.boot_program
    if boot_program is None:
        raise SysimageError("cannot make a bootable disk: the guest has no init")
    write_disk(
        entries,
        target,
        kernel=find_kernel(planned.closure),
        busybox=_location(planned.closure, "busybox-static") / "bin" / "busybox",
        init=(str(boot_program), str(planned.realised.system)),
        modules=ENGINE_MODULES,
        read_only=(planned.spec.store.store_dir,),
        size=ROOT_SIZE,
    )


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


def root_entries(closure: Closure, tree: Iterable[Entry]) -> Iterator[Entry]:
    """Every file of a system's root: the tree, and the items below it as a NAR sees them (root's, and executable or
    not)."""
    for part in LayerSource("root", tuple(closure), tuple(tree)).parts():
        if isinstance(part, StoreItem):
            yield from _item_entries(part)
        else:
            yield part


def _item_entries(item: StoreItem) -> Iterator[Entry]:
    if item.location is None:
        raise SysimageError(f"cannot make a bootable disk: where {item.path} lies is not known")
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


def _location(closure: Closure, package: str) -> Path:
    found = [i.location for i in closure if i.path.name.startswith(f"{package}-") and i.location is not None]
    if len(found) != 1:
        raise SysimageError(f"cannot make a bootable disk: the closure has {len(found)} items of {package}, not one")
    return found[0]


def _key(planned: Planned, entries: Sequence[Entry]) -> str:
    """The system's store path stands for its closure; the rest of the tree is small and is read."""
    digest = hashlib.sha256(repr((FORMAT, str(planned.realised.system), ENGINE_MODULES, ROOT_SIZE)).encode())
    digest.update(resources.files("sysimage.destinations").joinpath("initrd.py").read_bytes())
    digest.update(resources.files("sysimage.destinations").joinpath("disk.py").read_bytes())
    for entry in entries:
        if not entry.owner.startswith(planned.spec.store.store_dir):
            what = (entry.path, entry.kind.value, entry.mode, entry.uid, entry.gid, entry.target)
            digest.update(repr(what).encode())
            if entry.kind is Kind.FILE:
                digest.update(entry.read())
    return digest.hexdigest()[:32]


def _forget(directory: Path, *, keep: Path) -> None:
    """Remove all but the newest disks; only called while nobody else builds one."""
    others = [path for path in directory.iterdir() if path.is_dir() and path != keep]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[KEPT_GUESTS - 1 :]:
        shutil.rmtree(path, ignore_errors=True)
