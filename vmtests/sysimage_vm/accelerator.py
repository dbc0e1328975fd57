"""Which accelerator works on this host: found by booting, because no cheaper test is reliable.

There are hosts where /dev/kvm opens, the API version is right, a virtual CPU can be made, QEMU says that KVM is
enabled, and no Linux kernel boots. So the harness's own kernel is booted without a disk; its first line on the console
within seconds is the only proof that counts. The verdict is kept with everything that it depends on.
"""

from __future__ import annotations

import enum
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sysimage import process
from sysimage.digest import Digest
from sysimage.errors import MachineError
from sysimage.files.code_digest import code_digest
from sysimage.files.codec import Codec
from sysimage.files.memo import Memo
from sysimage_vm.errors import DeadlineError, GuestPanicError, GuestSilentError, MachineFaultError
from sysimage_vm.machine import MachineFiles, start
from sysimage_vm.qemu import Accelerator, Hardware
from sysimage_vm.waiting import Patience

PROBE = Patience(quiet=6.0, work=6.0, bound=120.0)
"""For a kernel until its first line. With working KVM it takes a fraction of a second; what others take of the host's
processors does not count, because a verdict is kept."""
KVM_DEVICE = Path("/dev/kvm")
_FIRST_LINE = "Linux version"


class Choice(enum.StrEnum):
    """What the user asked for."""

    AUTO = "auto"
    KVM = "kvm"
    TCG = "tcg"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which accelerator is used, and why."""

    accelerator: Accelerator
    reason: str
    seconds: float = 0.0
    """How long it took to find out; 0 when nothing was tried."""
    cached: bool = False

    def __str__(self) -> str:
        source = (
            " (found out earlier)" if self.cached else f" (found out in {self.seconds:.1f} s)" if self.seconds else ""
        )
        return f"{self.accelerator}: {self.reason}{source}"


def choose(choice: Choice, emulator: Path, kernel: Path, cache: Path) -> Verdict:
    """The accelerator to use. ``cache`` is a directory that may not exist yet.

    With `Choice.KVM`, anything but a working KVM raises `MachineError` with the reason.
    """
    if choice is Choice.TCG:
        return Verdict(Accelerator.TCG, "asked for")
    verdict = _cheap_refusal() or _known(emulator, kernel, cache)
    if choice is Choice.KVM and verdict.accelerator is not Accelerator.KVM:
        raise MachineError(
            f"cannot use KVM: {verdict.reason}",
            hint="give --accel auto or --accel tcg to emulate the processor instead",
        )
    return verdict


def _cheap_refusal() -> Verdict | None:
    if not KVM_DEVICE.exists():
        return Verdict(Accelerator.TCG, f"there is no {KVM_DEVICE}")
    try:
        os.close(os.open(KVM_DEVICE, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return Verdict(Accelerator.TCG, f"{KVM_DEVICE} cannot be opened: {error.strerror}")
    return None


def _known(emulator: Path, kernel: Path, cache: Path) -> Verdict:
    key = "\n".join(_circumstances(emulator, kernel))
    memo, codec = Memo(cache / "accelerators", made_by=code_digest(probe)), Codec(Verdict)
    text = memo.find(key)
    if text is not None:
        return replace(codec.loads(text), cached=True)
    verdict = probe(emulator, kernel)
    memo.keep(key, codec.dumps(verdict))
    return verdict


def _circumstances(emulator: Path, kernel: Path) -> Iterator[str]:
    """Everything that the verdict depends on: the host's boot, its KVM modules, QEMU, the kernel that is booted."""
    yield Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    yield os.uname().release
    for module in sorted(Path("/sys/module").glob("kvm*")):
        version = module / "srcversion"
        yield f"{module.name} {version.read_text().strip() if version.exists() else ''}"
    yield emulator_version(emulator)
    with open(kernel, "rb") as file:
        yield str(Digest.of_file(file))


def emulator_version(emulator: Path) -> str:
    """The first line of ``qemu --version``."""
    return process.run([emulator, "--version"]).stdout.decode().splitlines()[0]


def probe(emulator: Path, kernel: Path, *, patience: Patience = PROBE) -> Verdict:
    """Boot ``kernel`` with KVM and no disk, until its first line."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sysimage-probe-") as directory:
        try:
            reason = _boot(emulator, kernel, Path(directory), patience)
        except MachineFaultError as fault:
            reason = _first_sentence(fault)
    took = time.monotonic() - began
    if reason is None:
        return Verdict(Accelerator.KVM, "a kernel boots with it", took)
    return Verdict(Accelerator.TCG, f"KVM answers but does not boot a kernel: {reason}", took)


def _boot(emulator: Path, kernel: Path, directory: Path, patience: Patience) -> str | None:
    """None when the kernel spoke, otherwise what happened instead."""
    with start(emulator, Hardware(Accelerator.KVM, memory=256), MachineFiles(directory), kernel=kernel) as machine:
        try:
            machine.wait(
                "the kernel's first line",
                lambda: _FIRST_LINE in machine.console.text() or None,
                patience,
            )
        except GuestPanicError:
            # Without a disk a kernel that boots ends in a panic, possibly between two looks at its console.
            return None if _FIRST_LINE in machine.console.text() else "the guest ended before its first line"
        except (DeadlineError, GuestSilentError) as fault:
            cause = fault.message.splitlines()[0].rpartition(": ")[2]
            return f"no first line, and {cause} ({machine.console.size} bytes on the console)"
    return None


def _first_sentence(fault: MachineFaultError) -> str:
    lines = [line.strip() for line in fault.message.splitlines()]
    errors = [line for line in lines if "error" in line.lower()]
    return f"{lines[0].partition(': ')[2]}" + (f"; {errors[-1]}" if errors else "")
