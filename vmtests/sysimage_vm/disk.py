"""A system as a disk that a machine boots: kernel, initrd and an ext4 root file system, all made without root.

``mke2fs -d`` fills the file system from a staging directory, whose files are links to where the contents are anyway;
owners, modes and times, which an ordinary user cannot give to their own files, are then written into the inodes by
``debugfs``. Nothing depends on the machine: the file system's identifier comes from what it boots, times are constant,
and the features are spelled out instead of taken from the machine's configuration.
"""

from __future__ import annotations

import os
import shutil
import stat
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sysimage import process
from sysimage.errors import IntegrityError, SysimageError
from sysimage.files.atomic import sync
from sysimage.files.temporary import scratch_directory
from sysimage.rootfs.tree import Entry, Kind
from sysimage_vm.initrd import BOOT_MODULES, Kernel, initrd, resolve_modules

DISK_TIME = 1
"""Seconds since the epoch: the time of every file, as in a functional store."""
ROOT_DEVICE = "/dev/vda"
"""Where the root disk is: the machine's first virtio disk."""

_FEATURES = (
    "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,"
    "huge_file,dir_nlink,extra_isize,metadata_csum"
)
_TYPES = {Kind.DIRECTORY: stat.S_IFDIR, Kind.FILE: stat.S_IFREG, Kind.SYMLINK: stat.S_IFLNK}


@dataclass(frozen=True, slots=True)
class BootableDisk:
    """What a machine needs to boot; the files of one directory."""

    kernel: Path
    initrd: Path
    root: Path
    """A raw ext4 file system without a partition table, sparse; the machine's first virtio disk."""


def write_disk(
    entries: Iterable[Entry],
    directory: Path,
    *,
    kernel: Kernel,
    busybox: Path,
    init: Sequence[str],
    modules: Sequence[str] = BOOT_MODULES,
    read_only: Sequence[str] = (),
    size: int,
) -> BootableDisk:
    """Write ``kernel``, ``initrd`` and ``root.img`` into ``directory``, which must not exist and appears whole.

    ``entries``: the whole root, store items included, in any order, each path once. ``init``: argument vector of
    process 1. ``busybox``: a statically linked one. ``modules``: loaded before the root is mounted, with all they
    depend on. ``read_only``: directories of the root protected from writing. ``size``: of the root file system, bytes;
    unused blocks take no space. Raises `MachineError` without e2fsprogs, `SysimageError` when the files don't fit.
    """
    loaded = resolve_modules(kernel.modules, modules)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with scratch_directory(directory.parent, f".{directory.name}.") as scratch:
        output = scratch / "output"
        output.mkdir()
        shutil.copyfile(kernel.image, output / "kernel")
        with open(output / "initrd", "wb") as file:
            file.writelines(initrd(busybox, loaded, init, read_only=read_only, device=ROOT_DEVICE))
        _root(entries, output / "root.img", scratch / "stage", str(uuid.uuid5(uuid.NAMESPACE_OID, repr(init))), size)
        for path in sorted(output.iterdir()):
            sync(path)
        output.rename(directory)
    sync(directory.parent)
    return BootableDisk(directory / "kernel", directory / "initrd", directory / "root.img")


def _root(entries: Iterable[Entry], image: Path, stage: Path, identifier: str, size: int) -> None:
    stage.mkdir(mode=0o755)
    ordered = sorted(entries, key=lambda entry: entry.path.split("/"))
    _stage(ordered, stage)
    clock = {"E2FSPROGS_FAKE_TIME": str(DISK_TIME), "MKE2FS_CONFIG": "/dev/null"}
    options = f"root_owner=0:0,hash_seed={identifier},lazy_itable_init=1,nodiscard"
    with open(image, "wb") as file:
        file.truncate(size)
    mke2fs = process.find("mke2fs", package="e2fsprogs")
    process.run(
        [mke2fs, "-q", "-F", "-t", "ext4", "-b", "4096", "-I", "256", "-i", "16384", "-m", "0", "-J", "size=16",
         "-O", _FEATURES, "-U", identifier, "-E", options, "-d", stage, image],
        env=clock,
    )  # fmt: skip
    script = stage.with_name("inodes")
    script.write_text("\n".join(_inode_commands(ordered)) + "\n")
    debugfs = process.find("debugfs", package="e2fsprogs")
    done = process.run([debugfs, "-w", "-f", script, image], env=clock)
    # debugfs ends with status 0 whatever happened; it writes errors to stderr, after one line with its version.
    complaints = [
        line for line in done.stderr.decode("utf-8", "replace").splitlines() if not line.startswith("debugfs ")
    ]
    if complaints:
        raise IntegrityError(f"cannot write owners and modes into {image.name}: {complaints[0]}")


def _stage(entries: Sequence[Entry], stage: Path) -> None:
    linked: set[tuple[int, int]] = set()
    names: dict[tuple[Path, int, int, int], Path] = {}
    for entry in entries:
        path = Path(f"{stage}{entry.path}")
        if any(ord(letter) < 32 for letter in entry.path):
            raise SysimageError(f"cannot put {entry.path!r} on a disk: its name holds a control character")
        if entry.kind is Kind.DIRECTORY:
            path.mkdir(mode=0o755, exist_ok=entry.path == "/")
        elif entry.kind is Kind.SYMLINK:
            path.symlink_to(entry.target or "")
        elif isinstance(entry.content, Path):
            # A file of an item has another name below /usr: one inode, on the disk as well.
            first = names.setdefault((entry.content, entry.mode, entry.uid, entry.gid), path)
            if first is path:
                _link_or_copy(entry.content, path, linked)
            else:
                os.link(first, path)
        else:
            path.write_bytes(entry.content or b"")


def _link_or_copy(source: Path, target: Path, linked: set[tuple[int, int]]) -> None:
    """A link costs nothing, but no inode may be linked twice: it would be one inode with one mode on the disk as well,
    and whether a store keeps equal files as one does not concern the disk's bytes."""
    status = source.stat()
    key = status.st_dev, status.st_ino
    if key not in linked:
        linked.add(key)
        try:
            os.link(source, target)
        except OSError:  # another file system, or another user's file
            pass
        else:
            return
    shutil.copyfile(source, target)


def _inode_commands(entries: Sequence[Entry]) -> Iterator[str]:
    yield f"set_current_time @{DISK_TIME}"
    for path in ("/lost+found", *(entry.path for entry in entries)):
        for field in ("atime", "ctime", "mtime", "crtime"):
            yield f"sif {_quoted(path)} {field} @{DISK_TIME}"
        for field in ("atime_extra", "ctime_extra", "mtime_extra", "crtime_extra"):
            yield f"sif {_quoted(path)} {field} 0"
    for entry in entries:
        yield f"sif {_quoted(entry.path)} mode 0{_TYPES[entry.kind] | entry.mode:o}"
        yield f"sif {_quoted(entry.path)} uid {entry.uid}"
        yield f"sif {_quoted(entry.path)} gid {entry.gid}"


def _quoted(path: str) -> str:
    return '"' + path.replace('"', '""') + '"'
