"""A guest that is ready for questions: restored from a snapshot when there is one that works, booted otherwise."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sysimage_vm import accelerator, snapshot
from sysimage_vm.disk import BootableDisk
from sysimage_vm.errors import MachineFaultError
from sysimage_vm.host_lock import host_lock
from sysimage_vm.machine import Machine, MachineFiles, make_overlay, start
from sysimage_vm.qemu import Hardware

BOOT_ATTEMPTS = 2
"""A boot that died before the first question is tried once more, and reported; a question is never asked twice."""

KEPT_SNAPSHOTS = 2
"""Each takes some hundred megabytes; one whose guest has changed is never restored."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest's disk, and what stands for its content."""

    disk: BootableDisk
    key: str
    """Changes whenever anything that shaped the disk does."""


@dataclass(frozen=True, slots=True)
class Host:
    """What this machine runs guests with, and where it keeps things."""

    emulator: Path
    hardware: Hardware
    cache: Path
    """Snapshots and locks."""
    now: Callable[[], float] = time.time
    """The host's clock, seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A machine whose agent answers and whose engine is ready."""

    machine: Machine
    restored: bool
    seconds: float
    """From the start of QEMU until the engine was ready."""
    notes: tuple[str, ...]
    """What went wrong before it went right."""


ReadyCheck = Callable[[Machine], None]
"""Waits until what the tests need (the engine) is there; raises `MachineFaultError` if it never is."""


@contextmanager
def ready_machine(
    host: Host, guest: Guest, files: MachineFiles, check: ReadyCheck, *, fresh: bool = False
) -> Iterator[Ready]:
    """A machine for one run of tests, which it may damage: it ends with the ``with`` block.

    ``files.directory`` must be empty; console and QEMU's log stay there. ``fresh`` boots even if there is a snapshot.
    The machine's slot on this host is held meanwhile: two emulated machines at once would starve each other.
    """
    with host_lock(host.cache / "machine.lock", "the virtual machine of this host"):
        notes: list[str] = []
        ready = None if fresh else _restored(host, guest, files, check, notes)
        ready = ready or _booted(host, guest, files, check, notes)
        try:
            yield ready
        finally:
            ready.machine.close()
            files.overlay.unlink(missing_ok=True)


def ensure_snapshot(host: Host, guest: Guest, files: MachineFiles, check: ReadyCheck) -> str | None:
    """Make the snapshot unless it is there; how it went, or None when there was nothing to do."""
    directory = _directory(host, guest)
    with host_lock(host.cache / "machine.lock", "the virtual machine of this host"):
        if snapshot.find(directory) is not None:
            return None
        notes: list[str] = []
        ready = _booted(host, guest, files, check, notes)
        try:
            welcome = ready.machine.channel.handshake()
            began = time.monotonic()
            kept = snapshot.save(ready.machine, welcome.memory, directory)
            snapshot.forget(directory.parent, keep=KEPT_SNAPSHOTS)
        finally:
            ready.machine.close()
            files.overlay.unlink(missing_ok=True)
    megabytes = (kept.root_size + kept.state_size) / 1e6
    took = time.monotonic() - began
    return "; ".join([*notes, f"booted in {ready.seconds:.1f} s, saved {megabytes:.0f} MB in {took:.1f} s"])


def _directory(host: Host, guest: Guest) -> Path:
    # A qcow2 file names its base by path and believes whatever is there.
    root = guest.disk.root.resolve()
    status = root.stat()
    identity = f"{guest.key} {root} {status.st_size} {status.st_mtime_ns}"
    return host.cache / "snapshots" / snapshot.key(host.hardware, accelerator.emulator_version(host.emulator), identity)


def _restored(host: Host, guest: Guest, files: MachineFiles, check: ReadyCheck, notes: list[str]) -> Ready | None:
    kept = snapshot.find(_directory(host, guest))
    if kept is None:
        return None
    began = time.monotonic()
    files.directory.mkdir(parents=True, exist_ok=True)
    make_overlay(kept.root, files.overlay, base_format="qcow2")
    machine = None
    try:
        machine = _start(host, guest, files, incoming=True)
        snapshot.load(machine, kept, host.now())
        check(machine)
    except MachineFaultError as fault:
        if machine is not None:
            machine.close()
        notes.append(f"a snapshot could not be restored and was removed: {fault.message.splitlines()[0]}")
        snapshot.discard(kept.directory)
        _put_aside(files, "restore")
        return None
    except BaseException:
        if machine is not None:
            machine.close()
        raise
    return Ready(machine, True, time.monotonic() - began, tuple(notes))


def _booted(host: Host, guest: Guest, files: MachineFiles, check: ReadyCheck, notes: list[str]) -> Ready:
    attempt = 0
    while True:
        attempt += 1
        began = time.monotonic()
        files.directory.mkdir(parents=True, exist_ok=True)
        make_overlay(guest.disk.root, files.overlay)
        machine = None
        try:
            machine = _start(host, guest, files, incoming=False)
            machine.channel.handshake()
            check(machine)
        except MachineFaultError as fault:
            if machine is not None:
                machine.close()
            if attempt == BOOT_ATTEMPTS:
                raise
            notes.append(f"a boot died and was tried again: {fault.message.splitlines()[0]}")
            _put_aside(files, f"boot-{attempt}")
            continue
        except BaseException:
            if machine is not None:
                machine.close()
            raise
        return Ready(machine, False, time.monotonic() - began, tuple(notes))


def _start(host: Host, guest: Guest, files: MachineFiles, *, incoming: bool) -> Machine:
    return start(
        host.emulator,
        host.hardware,
        files,
        kernel=guest.disk.kernel,
        initrd=guest.disk.initrd,
        overlay=files.overlay,
        incoming=incoming,
    )


def _put_aside(files: MachineFiles, name: str) -> None:
    """Keep what a failed start left, out of the next one's way."""
    kept = files.directory / f"failed-{name}"
    kept.mkdir(exist_ok=True)
    for path in (files.console, files.emulator):
        if path.exists():
            shutil.move(path, kept / path.name)
    files.overlay.unlink(missing_ok=True)
