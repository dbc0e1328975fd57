"""From nothing to a machine that can be started: programs, the guest, its disk, and the accelerator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sysimage import process
from sysimage.closure import Closure
from sysimage.errors import MachineError, SysimageError
from sysimage.progress import Progress, silent
from sysimage.rootfs.system import SystemResult
from sysimage.rootfs.tree import RootTree
from sysimage_vm.accelerator import Choice, Verdict, choose
from sysimage_vm.guest import Guest, Host
from sysimage_vm.guest_disk import GuestSystem, ensure_guest, guest_spec
from sysimage_vm.qemu import QEMU, QEMU_PACKAGE, Hardware

PROGRAMS = {QEMU: QEMU_PACKAGE, "qemu-img": "qemu-utils", "mke2fs": "e2fsprogs", "debugfs": "e2fsprogs"}
"""What must be installed on the host, and the Debian package that has it."""


class PlannedSystem(Protocol):
    """What is known of a system before its image is written; `sysimage.pipeline.build.plan` returns one."""

    @property
    def realised(self) -> SystemResult: ...
    @property
    def closure(self) -> Closure: ...
    @property
    def tree(self) -> RootTree: ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that machines are started with."""

    guest: Guest
    host: Host
    verdict: Verdict
    """Which accelerator, and why."""


def prepare(
    plan_system: Callable[[Path], PlannedSystem],
    choice: Choice,
    cache: Path,
    progress: Progress = silent,
) -> Prepared:
    """Build the guest and its disk unless they are there, and find out which accelerator works.

    ``plan_system`` makes the store of the system.json that it is given; ``cache`` is the directory that builds keep
    things in. Raises `MachineError` for what the host lacks, before anything is built.
    """
    emulator = require_programs()
    with guest_spec() as spec:
        planned = plan_system(spec)
        realised = planned.realised
        if realised.boot_program is None:
            raise SysimageError("cannot make a bootable disk: the guest's system has no boot program")
        system = GuestSystem(planned.closure, planned.tree, realised.boot_program, realised.system)
        guest = ensure_guest(system, cache / "vm" / "guests", progress)
    verdict = choose(choice, emulator, guest.disk.kernel, cache / "vm")
    return Prepared(guest, Host(emulator, Hardware(verdict.accelerator), cache / "vm"), verdict)


def require_programs() -> Path:
    """Where QEMU is; a `MachineError` that names every program that is missing and what to install."""
    missing = []
    for program, package in PROGRAMS.items():
        try:
            process.find(program, package=package)
        except MachineError:
            missing.append((program, package))
    if missing:
        what, verb = ", ".join(program for program, _ in missing), "is" if len(missing) == 1 else "are"
        packages = " ".join(sorted({package for _, package in missing}))
        raise MachineError(
            f"cannot start a virtual machine: {what} {verb} not installed",
            hint=f"apt-get install --no-install-recommends {packages}",
        )
    return process.find(QEMU, package=QEMU_PACKAGE)
