"""A lock that dies with its holder: one emulated machine at a time, one maker of a snapshot at a time."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from sysimage.errors import MachineError
from sysimage.files.locks import try_lock

LEASE_SECONDS = 1800.0


@contextlib.contextmanager
def lease(path: Path, what: str, *, seconds: float = LEASE_SECONDS) -> Iterator[None]:
    """Hold the lock on ``path`` (made if absent); a `MachineError` names who held it for ``seconds``.

    The lock is the kernel's, on an open file: a killed holder has released it, and a file that was left means nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + seconds
        while try_lock(descriptor) is False:
            if time.monotonic() > deadline:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
                raise MachineError(
                    f"cannot get {what}: process {holder} has not let go of it for {seconds:.0f} s",
                    hint="end that process, or wait for it",
                )
            time.sleep(0.1)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
