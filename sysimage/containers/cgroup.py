"""Cgroups of version 2 for containers that need one of their own: systemd keeps its services in cgroups below it."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sysimage.errors import MachineError

_OURS = "sysimage-"
"""What the names of cgroups begin with; the number of the process that made it follows."""
_numbers = itertools.count()
_DYING_SECONDS = 5.0
"""How long processes that were killed may take to be gone."""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """A new cgroup below that of this process."""

    directory: Path

    @classmethod
    def make(cls) -> Cgroup:
        """A `MachineError` where this machine, or this user, can have none."""
        above = _own_directory()
        _sweep(above)
        directory = above / f"{_OURS}{os.getpid()}-{next(_numbers)}"
        try:
            directory.mkdir()
        except OSError as error:
            hint = None
            if error.errno in (errno.EACCES, errno.EPERM):
                hint = "start it as root, or by `systemd-run --user --scope -p Delegate=yes sysimage …`"
            raise MachineError(
                f"cannot boot systemd in namespaces: it needs a cgroup of its own, and none can be made below {above}: "
                f"{error.strerror}",
                hint=hint,
            ) from None
        return cls(directory)

    @contextlib.contextmanager
    def opened(self) -> Iterator[dict[str, int]]:
        """Descriptors to go into it, ``own``, and back, ``above``: only what is open before can be used in a namespace
        whose root it is."""
        own = os.open(self.directory / "cgroup.procs", os.O_WRONLY)
        try:
            above = os.open(self.directory.parent / "cgroup.procs", os.O_WRONLY)
            try:
                yield {"own": own, "above": above}
            finally:
                os.close(above)
        finally:
            os.close(own)

    def remove(self) -> None:
        """Kill what still runs in it, and remove it when that is gone."""
        with contextlib.suppress(OSError):
            (self.directory / "cgroup.kill").write_text("1")
        deadline = time.monotonic() + _DYING_SECONDS
        while not _removed(self.directory) and time.monotonic() < deadline:
            time.sleep(0.02)


def _own_directory() -> Path:
    """The cgroup of this process, where this machine has those of version 2."""
    for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
        fields, _, more = line.partition(" - ")
        if more.startswith("cgroup2 "):
            lines = Path("/proc/self/cgroup").read_text(errors="surrogateescape").splitlines()
            own = next((one[3:] for one in lines if one.startswith("0::")), "/")
            return Path(fields.split()[4], own.lstrip("/"))
    raise MachineError(
        "cannot boot systemd in namespaces: it needs cgroups of version 2, and this machine has mounted none",
        hint="say --in vm",
    )


def _sweep(above: Path) -> None:
    """Remove what processes have left that were killed."""
    for one in above.glob(f"{_OURS}*"):
        number = one.name.removeprefix(_OURS).partition("-")[0]
        if number.isdecimal() and not Path(f"/proc/{number}").exists():
            _removed(one)


def _removed(directory: Path) -> bool:
    """Remove a cgroup and all below it; whether that went well."""
    try:
        for below, _, _ in os.walk(directory, topdown=False):
            Path(below).rmdir()
    except OSError:
        return False
    return True
