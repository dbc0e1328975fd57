"""A lock that dies with its holder: one emulated machine at a time, one maker of a snapshot at a time."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

from sysimage.errors import MachineError
from sysimage.files.locks import try_lock
from sysimage_vm.resource_usage import UsageMeter, family
from sysimage_vm.waiting import TURN, Patience, ProgressClock, Signs, exhausted

HOLDER = Patience(quiet=1800.0, work=math.inf, bound=24 * 3600.0)
"""For the holder of a lock, which may work as long as it has to."""


@contextlib.contextmanager
def host_lock(path: Path, what: str, *, patience: Patience = HOLDER) -> Iterator[None]:
    """Hold the lock on ``path`` (made if absent). Its holder is waited for as long as it does something; a
    `MachineError` names one that does nothing.

    The kernel holds the lock, on an open file: it releases that of a killed process, and a leftover file has no effect.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, what, patience)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, what: str, patience: Patience) -> None:
    def holder() -> str:
        return os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()

    meter = UsageMeter(lambda: family(int(holder())) if holder().isdigit() else ())
    began = looked = time.monotonic()
    clock = ProgressClock(began, Signs((holder(),), meter.read()))
    while try_lock(descriptor) is False:
        now = time.monotonic()
        if now - looked >= TURN:
            clock.look(now, Signs((holder(),), meter.read()))
            looked = now
        if (end := exhausted(clock, patience, now - began)) is not None:
            raise MachineError(
                f"cannot get {what}: process {holder() or 'unknown'} has not let go of it, and {end[1]}",
                hint="end that process, or wait for it",
            )
        time.sleep(0.1)
