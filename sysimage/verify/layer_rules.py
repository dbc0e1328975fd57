"""What a layer must be like. Some rules hold for every layer, others only for those that sysimage wrote."""

from __future__ import annotations

from sysimage.rules.paths import Parts
from sysimage.verify.issue_collector import IssueCollector, escaped
from sysimage.verify.tar import CAPABILITY_XATTR, MemberKind, TarMember
from sysimage.verify.tree import WHITEOUT, item_of

_SPECIAL = (MemberKind.CHARACTER_DEVICE, MemberKind.BLOCK_DEVICE, MemberKind.FIFO)
_MTIME = b"1"
"""Seconds since the epoch of everything in a store."""


class LayerRules:
    """Checks the members of one layer as they come."""

    def __init__(self, where: str, faults: IssueCollector, *, ours: bool) -> None:
        self._where = where
        self._faults = faults
        self._ours = ours
        self._previous: tuple[bytes, ...] | None = None
        self._previous_outside: Parts = ()
        self._item: Parts | None = None
        self._outside: set[Parts] = set()
        self._directories: set[tuple[bytes, ...]] = {()}

    def check(self, member: TarMember) -> None:
        """Note every rule that ``member`` breaks."""
        if member.kind in _SPECIAL:
            self._advice("special files", member, f"is a {member.kind.value}, which rootless engines cannot make")
        if member.segments is not None:
            self._advice("sparse files", member, "is a sparse file: engines run an image with one, and fail to save it")
        if member.unusual_name:
            self._advice("names", member, "has its name in an unusual form")
        if any(b"xattr.trusted.overlay." in name for name in member.extended):
            self._fault("extended attributes", member, "has attributes of an overlay file system")
        if self._ours:
            self._check_order(member)
            self._check_ours(member)

    def _check_order(self, member: TarMember) -> None:
        """Members are sorted, except that the files an item shows outside of the store are among its members, sorted
        for each item."""
        parts = member.parts
        item = item_of(parts)
        if item is None and parts in self._outside:
            self._fault("order", member, "occurs twice")
        elif item is None and self._item is not None and parts > self._previous_outside:
            self._previous_outside = parts
        else:
            # What no item shows is before or after all of them.
            self._item = item
            if item == parts:
                self._previous_outside = ()
            if self._previous is not None and parts <= self._previous:
                self._fault("order", member, "occurs twice" if parts == self._previous else "is out of order")
            self._previous = parts
        if item is None:
            self._outside.add(parts)
        if parts and parts[:-1] not in self._directories:
            self._fault("parents", member, "occurs without its parent directory")
        if member.kind is MemberKind.DIRECTORY:
            self._directories.add(parts)

    def _check_hard_link(self, member: TarMember) -> None:
        """Only a file of an item has two names: it, and the same path below a directory outside of the store."""
        item = item_of(member.parts)
        below = () if item is None else member.parts[len(item) :]
        other = tuple(member.link.split(b"/"))
        if not below or len(other) <= len(below) or other[-len(below) :] != below or item_of(other) is not None:
            self._fault(
                "hard links",
                member,
                f"is a hard link to {escaped(member.link)}, which is not the other name of a store item's file",
            )

    def _check_ours(self, member: TarMember) -> None:
        if member.kind is MemberKind.HARD_LINK:
            self._check_hard_link(member)
        if member.parts and member.parts[-1].startswith(WHITEOUT):
            self._fault("whiteout", member, "is a whiteout")
        if member.mtime != _MTIME:
            self._fault(
                "times", member, f"has the time {escaped(member.mtime)}, every entry should have {_MTIME.decode()}"
            )
        if member.kind is MemberKind.SYMLINK and member.mode != 0o777:
            self._fault("modes", member, f"is a symlink of mode {member.mode:04o}")
        taken_over = {name for name, _ in member.attributes}  # of a directory that the base has, too
        if foreign := [
            escaped(name) for name in member.extended if name != CAPABILITY_XATTR and name not in taken_over
        ]:
            self._fault("extended headers", member, f"has extended headers: {', '.join(foreign)}")

    def _advice(self, rule: str, member: TarMember, message: str) -> None:
        """Record a fault in a layer that sysimage wrote, and a note in any other."""
        self._faults.style(ours=self._ours)(rule, self._where, f"{member.name} {message}")

    def _fault(self, rule: str, member: TarMember, message: str) -> None:
        self._faults.add(rule, self._where, f"{member.name} {message}")
