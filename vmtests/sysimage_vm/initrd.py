"""The first file system of a booting machine: a static busybox, the kernel modules it needs, and one short script.

The script loads the modules, mounts the root disk and what a container's runtime would have mounted (``/proc``,
``/sys``, ``/dev``, ``/run``, cgroups), and hands over to the system's own init. Every step that fails writes so to the
console and ends the script, which the kernel answers with a panic: nothing waits for a person.
"""

from __future__ import annotations

import gzip
import io
import lzma
import re
import shlex
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile

from sysimage.errors import Issue, SysimageError

BOOT_MODULES = ("virtio_blk", "virtio_rng", "overlay")
"""Modules of Debian's cloud kernel without which the root disk is not found or no container's file system is made."""

_MODULE_FILE = re.compile(r"(?P<name>.+)\.ko(?P<compression>\.xz|\.gz|\.zst)?")


class KernelError(SysimageError):
    """The kernel or its modules are not what a bootable disk needs."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel that was not built by us: Debian's kernel, or any other with its modules beside it."""

    image: Path
    """The compressed kernel (``vmlinuz-*``)."""
    modules: Path
    """The directory ``lib/modules/<release>``; its modules may be compressed with xz, gzip or zstd."""


@dataclass(frozen=True, slots=True)
class Module:
    """One kernel module, uncompressed."""

    name: str
    """With underscores, as the kernel itself calls it."""
    content: bytes


def _zstd(data: bytes) -> bytes:
    import pyzstd

    return bytes(pyzstd.decompress(data))


_DECOMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".xz": lzma.decompress,
    ".gz": gzip.decompress,
    ".zst": _zstd,
}


def resolve_modules(directory: Path, wanted: Iterable[str]) -> tuple[Module, ...]:
    """``wanted`` and all they depend on, in the order in which they can be loaded.

    A module's dependencies are read from the module itself (``depends=`` in ``.modinfo``), because ``modules.dep`` is
    made on the machine that a kernel is installed on. A name that is built into the kernel is left out; one that is
    nowhere raises `KernelError` with all such names.
    """
    files: dict[str, tuple[Path, str]] = {}
    for path in sorted(directory.rglob("*.ko*")):
        if match := _MODULE_FILE.fullmatch(path.name):
            files[_normal(match["name"])] = path, match["compression"] or ""
    built_in = _built_in(directory)
    ordered: dict[str, Module] = {}
    missing: list[Issue] = []

    def place(name: str, wanted_by: str, above: tuple[str, ...]) -> None:
        if name in ordered or name in built_in:
            return
        if name not in files:
            missing.append(Issue(name, f"is neither built in nor among the modules (wanted by {wanted_by})"))
            return
        if name in above:
            raise KernelError(f"cannot order the kernel's modules: {' → '.join((*above, name))} is a cycle")
        path, compression = files[name]
        content = _DECOMPRESS[compression](path.read_bytes())
        for dependency in _depends(content, path):
            place(dependency, name, (*above, name))
        ordered[name] = Module(name, content)

    for name in sorted({_normal(name) for name in wanted}):
        place(name, "the caller", ())
    if missing:
        raise KernelError(f"cannot find kernel modules below {directory}: some are not there", issues=missing)
    return tuple(ordered.values())


def _normal(name: str) -> str:
    return name.replace("-", "_")


def _built_in(directory: Path) -> frozenset[str]:
    listing = directory / "modules.builtin"
    lines = listing.read_text().splitlines() if listing.exists() else []
    return frozenset(_normal(Path(line).name.removesuffix(".ko")) for line in lines)


def _depends(content: bytes, path: Path) -> list[str]:
    section = ELFFile(io.BytesIO(content)).get_section_by_name(".modinfo")
    if section is None:
        raise KernelError(f"cannot read {path}: it has no .modinfo section, so it is not a kernel module")
    fields = [field.partition(b"=") for field in section.data().split(b"\0")]
    names = ",".join(value.decode() for key, _, value in fields if key == b"depends")
    return [_normal(name) for name in names.split(",") if name]


def initrd(
    busybox: Path, modules: Sequence[Module], init: Sequence[str], *, read_only: Sequence[str] = (), device: str
) -> Iterator[bytes]:
    """The initrd as pieces of one uncompressed ``newc`` archive.

    ``init`` is the argument vector of process 1 on the root disk ``device`` (``/dev/vda``); ``read_only`` are
    directories of the root that are mounted over themselves so that nothing can be written there.
    """
    files: list[tuple[str, int, bytes]] = [
        (name, stat.S_IFDIR | 0o755, b"") for name in ("bin", "dev", "modules", "proc", "root", "run", "sys")
    ]
    files.append(("bin/busybox", stat.S_IFREG | 0o755, busybox.read_bytes()))
    files.append(("bin/sh", stat.S_IFLNK | 0o777, b"busybox"))
    files.append(("init", stat.S_IFREG | 0o755, _script(modules, init, read_only, device).encode()))
    files += [(f"modules/{module.name}.ko", stat.S_IFREG | 0o644, module.content) for module in modules]
    for number, (name, mode, content) in enumerate([*files, ("TRAILER!!!", 0, b"")], start=1):
        yield from _member(number, name, mode, content)


def _member(number: int, name: str, mode: int, content: bytes) -> Iterator[bytes]:
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (number, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + "".join(f"{field:08x}" for field in fields).encode() + name.encode() + b"\0"
    yield header + bytes(-len(header) % 4)
    yield content + bytes(-len(content) % 4)


def _script(modules: Sequence[Module], init: Sequence[str], read_only: Sequence[str], device: str) -> str:
    loads = "\n".join(f"insmod /modules/{module.name}.ko || fail load the module {module.name}" for module in modules)
    binds = "\n".join(
        f"mount -o bind {path} {path} && mount -o remount,bind,ro {path} || fail protect {shlex.quote(directory)}"
        for directory in read_only
        for path in [shlex.quote("/root" + directory)]
    )
    return f"""#!/bin/sh
export PATH=/bin
/bin/busybox --install -s /bin
fail() {{ echo "sysimage-initrd: cannot $*"; exit 1; }}
mount -t devtmpfs dev /dev || fail mount /dev
exec </dev/console >/dev/console 2>&1
echo "sysimage-initrd: started"
mount -t proc proc /proc && mount -t sysfs sys /sys || fail mount /proc and /sys
{loads}
tries=0
while [ ! -b {device} ]; do
  tries=$((tries + 1))
  [ $tries -le 600 ] || fail find the root disk {device}
  sleep 0.1
done
mount -t ext4 -o rw,noatime {device} /root || fail mount the root disk {device}
mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /root/run || fail mount /run
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup || fail mount cgroups
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o mode=0620,gid=5,ptmxmode=0666 devpts /dev/pts || fail mount /dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /dev/shm || fail mount /dev/shm
mount -t mqueue -o nosuid,nodev,noexec mqueue /dev/mqueue || fail mount /dev/mqueue
ln -sf /proc/self/fd /dev/fd
ln -sf /proc/self/fd/0 /dev/stdin
ln -sf /proc/self/fd/1 /dev/stdout
ln -sf /proc/self/fd/2 /dev/stderr
ifconfig lo 127.0.0.1 up
{binds}
for directory in dev sys proc; do
  mount -o move /$directory /root/$directory || fail move /$directory to the root disk
done
echo "sysimage-initrd: starting" {shlex.join(init)}
exec env -i TERM=linux /bin/switch_root /root {shlex.join(init)}
"""
