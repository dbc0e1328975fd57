"""The file systems of a container: its image's files, and what it has besides, as its root."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from sysimage.containers.kernel_calls import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    bring_up,
    mount,
    pivot_root_here,
    set_host_name,
)

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
READ_ONLY = ("bus", "fs", "irq", "sys", "sysrq-trigger")
MASKED = ("acpi", "asound", "interrupts", "kcore", "keys", "latency_stats", "scsi", "timer_list")
_HIDDEN = MS_NOSUID | MS_NODEV | MS_NOEXEC


def furnish(todo: dict[str, Any]) -> None:
    """Mount what a container has besides its image, and make that the root.

    Links of the image must never lead to files of this machine: whatever is below the new root is found from inside of
    it, and what comes from here is held open.
    """
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    place = todo["place"]
    new = f"{place}/new"
    os.makedirs(new, exist_ok=True)
    _mount_image(todo, new)
    outside = os.open("/", os.O_PATH | os.O_CLOEXEC)
    files = _held({f"/etc/{one}": f"{place}/{one}" for one in ("hostname", "hosts", "resolv.conf")})
    devices = _held({f"/dev/{one}": f"/dev/{one}" for one in DEVICES})
    os.chroot(new)
    inside = os.open("/", os.O_PATH | os.O_CLOEXEC)
    _mount_kernel_files(files, devices)
    _mount_asked(todo)
    set_host_name(todo["hostname"])
    bring_up("lo")
    os.fchdir(outside)
    os.chroot(".")
    os.fchdir(inside)
    pivot_root_here()
    os.chdir("/")


def _mount_image(todo: dict[str, Any], new: str) -> None:
    """The image's files, or a place to write above them, where what is written is found again."""
    place = todo["place"]
    if not todo["upper"]:
        mount(f"{place}/root", new, None, MS_BIND)
        return
    upper, work = (f"{place}/{kind}-{todo['upper']}" for kind in ("upper", "work"))
    for directory in (upper, work):
        os.makedirs(directory, exist_ok=True)
    os.chmod(upper, 0o755)  # noqa: S103 - the root directory
    more = ",userxattr" if todo["own_users"] else ""
    mount("overlay", new, "overlay", 0, f"lowerdir={place}/root,upperdir={upper},workdir={work}{more}")


def _mount_kernel_files(files: dict[str, int], devices: dict[str, int]) -> None:
    """/proc, /sys and /dev, and the ``files`` of /etc that come from outside."""
    for directory in ("/proc", "/sys", "/dev", "/etc"):
        os.makedirs(directory, exist_ok=True)
    mount("proc", "/proc", "proc", _HIDDEN)
    _bind(files)
    _mount_devices(devices)
    with contextlib.suppress(OSError), open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w") as file:
        file.write("0")  # as Docker has it: a service need not be root to listen on port 80
    _protect_settings()
    mount("sysfs", "/sys", "sysfs", _HIDDEN | MS_RDONLY)


def _mount_asked(todo: dict[str, Any]) -> None:
    """What this container has and others do not."""
    if todo["cgroup"]:
        mount("cgroup2", "/sys/fs/cgroup", "cgroup2", _HIDDEN)
        mount("tmpfs", "/run", "tmpfs", _HIDDEN, "mode=0755")
    if todo["cwd"]:
        os.makedirs(todo["cwd"], exist_ok=True)
    for path in todo["tmpfs"]:
        os.makedirs(path, exist_ok=True)  # as engines do: /run/lock is not in a new /run
        mount("tmpfs", path, "tmpfs", _HIDDEN, "mode=1777")
    if todo["read_only"]:
        mount("none", "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY)


def _held(files: dict[str, str]) -> dict[str, int]:
    """Path inside -> descriptor of the file of this machine that is to be there."""
    return {inside: os.open(outside, os.O_PATH | os.O_CLOEXEC) for inside, outside in files.items()}


def _bind(files: dict[str, int]) -> None:
    for path, descriptor in files.items():
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        mount(f"/proc/self/fd/{descriptor}", path, None, MS_BIND)
        os.close(descriptor)


def _mount_devices(devices: dict[str, int]) -> None:
    mount("tmpfs", "/dev", "tmpfs", MS_NOSUID, "mode=755")
    _bind(devices)
    for name, target in {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
                         "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"}.items():  # fmt: skip
        os.symlink(target, f"/dev/{name}")
    for name, kind, data in (("pts", "devpts", "newinstance,ptmxmode=0666,mode=620"), ("shm", "tmpfs", "mode=1777")):
        os.mkdir(f"/dev/{name}")
        mount(kind, f"/dev/{name}", kind, MS_NOSUID | MS_NOEXEC, data)


def _protect_settings() -> None:
    """Root of a container is root to the kernel's files below /proc: settings of the machine are not for it."""
    for path in filter(os.path.exists, (f"/proc/{name}" for name in READ_ONLY)):
        mount(path, path, None, MS_BIND)
        mount("none", path, None, MS_REMOUNT | MS_BIND | MS_RDONLY | _HIDDEN)
    for path in filter(os.path.exists, (f"/proc/{name}" for name in MASKED)):
        if os.path.isdir(path):
            mount("tmpfs", path, "tmpfs", MS_RDONLY | _HIDDEN)
        else:
            mount("/dev/null", path, None, MS_BIND)
