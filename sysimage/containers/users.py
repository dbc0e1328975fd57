"""Which users and groups exist in containers without root: those of /etc/subuid and /etc/subgid for this user."""

from __future__ import annotations

import contextlib
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from sysimage import process
from sysimage.errors import MachineError

CAP_SYS_ADMIN = 21
Range = tuple[int, int, int]
"""First ID inside, first ID here, how many."""


@dataclass(frozen=True, slots=True)
class UserMap:
    """The IDs of a user namespace."""

    uids: tuple[Range, ...]
    gids: tuple[Range, ...]
    helped: bool
    """Whether the programs of Debian's ``uidmap`` must write them, because they are more than our own."""

    @property
    def several(self) -> bool:
        """Whether there is any other user than root."""
        return len(self.uids) > 1 or self.uids[0][2] > 1

    def write(self, pid: int) -> None:
        """Give the new user namespace of ``pid`` these IDs. OSError, or the helper's refusal."""
        if self.helped:
            for program, ranges in (("newuidmap", self.uids), ("newgidmap", self.gids)):
                words = [str(number) for one in ranges for number in one]
                process.run([process.find(program, package="uidmap"), str(pid), *words])
            return
        below = Path(f"/proc/{pid}")
        if not self.several:
            (below / "setgroups").write_text("deny")
        for name, ranges in (("uid_map", self.uids), ("gid_map", self.gids)):
            (below / name).write_text("".join(f"{inside} {here} {count}\n" for inside, here, count in ranges))


def is_privileged() -> bool:
    """Whether we may mount and give files away without a user namespace of our own."""
    with open("/proc/self/status") as file:
        rights = next((int(line.split()[1], 16) for line in file if line.startswith("CapEff:")), 0)
    return os.geteuid() == 0 and bool(rights >> CAP_SYS_ADMIN & 1)


def user_map() -> UserMap:
    """The most users that a container can have: all of the machine's for root, the subordinate range, or root alone."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        return UserMap(_all("/proc/self/uid_map"), _all("/proc/self/gid_map"), helped=False)
    names = {str(uid)}
    with contextlib.suppress(KeyError):
        names.add(pwd.getpwuid(uid).pw_name)
    uids, gids = _subordinate("/etc/subuid", names), _subordinate("/etc/subgid", names)
    with contextlib.suppress(MachineError):
        if uids and gids and process.find("newuidmap") and process.find("newgidmap"):
            return UserMap(((0, uid, 1), *uids), ((0, gid, 1), *gids), helped=True)
    return UserMap(((0, uid, 1),), ((0, gid, 1),), helped=False)


def _all(name: str) -> tuple[Range, ...]:
    lines = [line.split() for line in Path(name).read_text().splitlines()]
    return tuple((int(inside), int(inside), int(count)) for inside, _, count in lines)


def _subordinate(name: str, users: set[str]) -> tuple[Range, ...]:
    """Ranges of a file in the form of subuid(5), one after the other from ID 1 on."""
    found: list[Range] = []
    inside = 1
    with contextlib.suppress(OSError, ValueError):
        for line in Path(name).read_text().splitlines():
            user, first, count = line.split(":")
            if user in users:
                found.append((inside, int(first), int(count)))
                inside += int(count)
    return tuple(found)
