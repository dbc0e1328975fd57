"""QEMU's command line: what machine is made of, as a value, and the two accelerators' differences."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sysimage_vm.agent import PORT_NAME

IMAGE_SLOTS = 4
"""Disks that can be plugged in while the machine runs."""

KERNEL_ARGUMENTS = (
    "console=ttyS0",
    "earlyprintk=ttyS0,115200",  # the first line comes before the console's driver does
    "panic=-1",  # a panic is a reboot, a reboot ends QEMU (-no-reboot): nothing waits out a timeout
    "sysctl.vm.panic_on_oom=1",  # a guest without memory is hard to diagnose once something was killed
    "random.trust_cpu=on",
    "cryptomgr.notests",
    "mitigations=off",
    "no_timer_check",
    # What is switched on with the first container is switched on by changing code of the allocator and of sockets while
    # they run; an emulated second processor may run into the temporary breakpoint, and panics.
    "cgroup.memory=nokmem,nosocket,nobpf",
    "cgroup_disable=cpuset",
)
_AMD64_ONLY = ("console=ttyS0", "earlyprintk=ttyS0,115200", "no_timer_check")
ARM64_KERNEL_ARGUMENTS = ("console=ttyAMA0", *(word for word in KERNEL_ARGUMENTS if word not in _AMD64_ONLY))


class Accelerator(enum.StrEnum):
    KVM = "kvm"
    TCG = "tcg"


@dataclass(frozen=True, slots=True)
class Board:
    """A kind of machine: its processor, and what that is put on."""

    program: str
    """QEMU for it."""
    package: str
    """The Debian package that has that."""
    words: tuple[str, ...]
    acceleration: Mapping[Accelerator, tuple[str, ...]]


AMD64 = Board(
    "qemu-system-x86_64",
    "qemu-system-x86",
    ("-machine", "q35,usb=off,vmport=off"),
    {
        Accelerator.KVM: ("-accel", "kvm", "-cpu", "host,-arch-capabilities"),
        # CMPXCHG16B as QEMU 7.2 emulates it crashes about one kernel in ten in its allocator; kernels do without it.
        # With a model without AVX, programs that choose their code by processor run a tenth faster than with "max".
        Accelerator.TCG: ("-accel", "tcg,thread=multi,tb-size=256", "-cpu", "Nehalem,-cx16"),
    },
)
ARM64 = Board(
    "qemu-system-aarch64",
    "qemu-system-arm",
    ("-machine", "virt"),
    {Accelerator.TCG: ("-accel", "tcg,thread=multi,tb-size=256", "-cpu", "cortex-a72")},
)
QEMU, QEMU_PACKAGE = AMD64.program, AMD64.package


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the machine is made of; every field shapes the state that a snapshot holds."""

    accelerator: Accelerator
    cpus: int = 2
    memory: int = 2048
    """MiB."""
    arguments: tuple[str, ...] = KERNEL_ARGUMENTS
    """The kernel's command line."""


def command(
    qemu: Path,
    hardware: Hardware,
    *,
    kernel: Path,
    initrd: Path | None,
    root: Path | None,
    console: Path,
    qmp: int,
    agent: int,
    incoming: bool = False,
    board: Board = AMD64,
) -> list[str]:
    """The command line. ``root`` is a qcow2 overlay; ``qmp`` and ``agent`` are connected sockets that QEMU inherits.

    With ``incoming`` the machine does not boot but waits for a saved state.
    """
    words: Sequence[str | Path] = [
        qemu,
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *(*board.words, *board.acceleration[hardware.accelerator]),
        *("-smp", str(hardware.cpus), "-m", str(hardware.memory)),
        *("-kernel", kernel, "-append", " ".join(hardware.arguments)),
        *(("-initrd", initrd) if initrd is not None else ()),
        *("-chardev", f"file,id=console,path={_escaped(console)}", "-serial", "chardev:console"),
        *("-chardev", f"socket,id=qmp,fd={qmp}", "-mon", "chardev=qmp,mode=control"),
        *("-chardev", f"socket,id=agent,fd={agent}", "-device", "virtio-serial-pci,id=ports,max_ports=4"),
        *("-device", f"virtserialport,bus=ports.0,chardev=agent,id=agent,name={PORT_NAME}"),
        *("-object", "rng-random,id=random,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=random"),
        *(_root_disk(root) if root is not None else ()),
        *(
            word
            for slot in range(IMAGE_SLOTS)
            for word in ("-device", f"pcie-root-port,id=slot{slot},chassis={slot + 1},slot={slot + 1}")
        ),
        *(("-incoming", "defer") if incoming else ()),
    ]
    return [str(word) for word in words]


def _root_disk(overlay: Path) -> tuple[str, ...]:
    # Nothing in the overlay outlives the host's next power cut, so nothing is ever flushed.
    caching = "cache.no-flush=on,discard=unmap"
    return (
        *("-blockdev", f"file,node-name=root-file,filename={_escaped(overlay)},{caching}"),
        *("-blockdev", f"qcow2,node-name=root,file=root-file,{caching}"),
        *("-device", "virtio-blk-pci,drive=root,id=root,serial=root"),
    )


def _escaped(path: Path) -> str:
    return str(path).replace(",", ",,")
