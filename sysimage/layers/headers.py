"""Headers of a tar member, in the ustar format of POSIX.1-2001, with a pax header only where ustar has no room.

Names and link targets are written as the bytes they are; every reader we met takes them so, and no character set has
to be known. A long name goes into the prefix field, which takes most store paths, and costs nothing; what does not
fit there, a longer target, a file of 8 GiB, or an owner above 2 097 151 gets a pax header before it.

A header is put together from parts that are the same for many members, because a store has many small files and
whatever is done for each of them counts. So is its checksum: the sum of all bytes is the sum of the parts' sums.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from zlib import adler32 as _adler32

from sysimage.errors import IntegrityError
from sysimage.rules.paths import link_fault, path_fault

BLOCK = 512
END = bytes(2 * BLOCK)
"""Ends an archive."""

MTIME = 1
"""Seconds since the epoch: as in a store, where time does not exist and 0 looks like a fault to some programs."""

_FILE, _HARD_LINK, _SYMLINK, _DIRECTORY, _PAX = b"0", b"1", b"2", b"5", b"x"
_CAPABILITIES = b"SCHILY.xattr.security.capability"
_MTIME = b"%011o\0" % MTIME
_MAGIC_TO_DEVICES = b"ustar\x0000" + bytes(64) + b"0000000\x000000000\0"
_MOST_OCTAL_SIZE = 8**11 - 1
_MOST_OCTAL_ID = 8**7 - 1
_MOST_TAILS = 4096

_Summed = tuple[bytes, int]
"""Bytes of a header and their sum."""


def _sum(part: bytes) -> int:
    """The sum of the bytes of one field.

    The lower half of Adler-32 is one more than that modulo 65 521, which no field reaches; it comes ten times as fast
    as ``sum``.
    """
    return (_adler32(part) & 0xFFFF) - 1


def _summed(part: bytes) -> _Summed:
    return part, _sum(part)


_SUM_OF_CONSTANTS = _sum(_MTIME) + 8 * 0x20  # the checksum field itself counts as eight blanks


class Headers:
    """Headers of members that belong to one owner. Member names are relative and have no slash at the end."""

    __slots__ = ("_directory", "_executable", "_file", "_link", "_owner", "_records", "_tails")

    def __init__(self, uid: int, gid: int) -> None:
        if min(uid, gid) < 0:
            raise ValueError(f"owner {uid}:{gid}")
        self._tails: dict[bytes, _Summed] = {}
        self._records = [
            (key, b"%d" % value) for key, value in ((b"gid", gid), (b"uid", uid)) if value > _MOST_OCTAL_ID
        ]
        self._owner = b"".join(b"%07o\0" % (0 if value > _MOST_OCTAL_ID else value) for value in (uid, gid))
        self._file = self._mode(0o444)
        self._executable = self._directory = self._mode(0o555)
        self._link = self._mode(0o777)

    def length(self, name: bytes, target: bytes, size: int) -> int:
        """Bytes of the header of a member; to a directory's name belongs the slash at its end.

        Asking for a header's length, instead of making it, takes 0.8 of the time of finding sizes.
        """
        length = len(name)
        if (
            (length <= 100 or 0 < name.find(b"/", length - 101, length - 1) <= 155)
            and len(target) <= 100
            and size <= _MOST_OCTAL_SIZE
            and not self._records
        ):
            return BLOCK
        return len(self._with_pax(name, self._file, size, _FILE, target))

    def _mode(self, mode: int) -> _Summed:
        return _summed(b"%07o\0" % mode + self._owner)

    def item_file(self, name: bytes, size: int, executable: bool) -> bytes:
        """A file of a store item; only the owner's executable bit distinguishes files there."""
        return self._member(name, self._executable if executable else self._file, size, _FILE, b"")

    def item_link(self, name: bytes, other: bytes, executable: bool) -> bytes:
        """Another name of a file of a store item, which the archive has as ``other`` already."""
        return self._member(name, self._executable if executable else self._file, 0, _HARD_LINK, other)

    def item_directory(self, name: bytes) -> bytes:
        """A directory of a store item."""
        return self._member(name + b"/", self._directory, 0, _DIRECTORY, b"")

    def file(self, name: bytes, mode: int, size: int, capabilities: bytes = b"") -> bytes:
        """A file; one with capabilities has them in a pax header, as every engine reads them."""
        if capabilities:
            return self._with_pax(name, self._mode(mode), size, _FILE, b"", [(_CAPABILITIES, capabilities)])
        return self._member(name, self._mode(mode), size, _FILE, b"")

    def directory(self, name: bytes, mode: int, attributes: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
        """A directory; ``attributes`` are pax records of its extended attributes."""
        if attributes:
            return self._with_pax(name + b"/", self._mode(mode), 0, _DIRECTORY, b"", attributes)
        return self._member(name + b"/", self._mode(mode), 0, _DIRECTORY, b"")

    def symlink(self, name: bytes, target: bytes) -> bytes:
        """A symbolic link."""
        return self._member(name, self._link, 0, _SYMLINK, target)

    def _member(self, name: bytes, mode_and_owner: _Summed, size: int, kind: bytes, target: bytes) -> bytes:
        prefix = b""
        length = len(name)
        if length > 100:
            # The first slash with at most 100 bytes after it; not the last byte, which has no bytes after it.
            slash = name.find(b"/", length - 101, length - 1)
            if not 0 < slash <= 155:
                return self._with_pax(name, mode_and_owner, size, kind, target)
            prefix = name[:slash]
        if len(target) > 100 or size > _MOST_OCTAL_SIZE or self._records:
            return self._with_pax(name, mode_and_owner, size, kind, target)
        if prefix:
            name = name[slash + 1 :]
        if kind != _FILE:
            return _block(name, mode_and_owner, size, _tail(kind, target, prefix))
        tail = self._tails.get(prefix)
        if tail is None:
            if len(self._tails) >= _MOST_TAILS:
                self._tails.clear()
            tail = self._tails[prefix] = _tail(kind, target, prefix)
        return _block(name, mode_and_owner, size, tail)

    def _with_pax(
        self,
        name: bytes,
        mode_and_owner: _Summed,
        size: int,
        kind: bytes,
        target: bytes,
        more: Sequence[tuple[bytes, bytes]] = (),
    ) -> bytes:
        # A name or a target that readers refuse is longer than what fits into a plain header.
        wrong = path_fault(tuple(name.rstrip(b"/").split(b"/"))) or (link_fault(target) if target else None)
        if wrong:
            raise IntegrityError(f"cannot put /{os.fsdecode(name)} into a layer: the name {wrong}")
        records = [*self._records, *more]
        if len(target) > 100:
            records.append((b"linkpath", target))
        if len(name) > 100:
            records.append((b"path", name))
        if size > _MOST_OCTAL_SIZE:
            records.append((b"size", b"%d" % size))
            size = 0
        body = b"".join(_record(key, value) for key, value in sorted(records))
        plain_owner = _summed(b"%07o\0" % 0o644 + b"%07o\0" % 0 * 2)
        return b"".join(
            (
                _block(b"././@PaxHeader", plain_owner, len(body), _tail(_PAX, b"", b"")),
                body,
                bytes(-len(body) % BLOCK),
                _block(name[:100], mode_and_owner, size, _tail(kind, target[:100], b"")),
            )
        )


def _record(key: bytes, value: bytes) -> bytes:
    """A pax record begins with its own length, of which the digits of the length are a part."""
    rest = b" %b=%b\n" % (key, value)
    length = len(rest) + 1
    while len(rest) + len(str(length)) != length:
        length = len(rest) + len(str(length))
    return b"%d%b" % (length, rest)


def _tail(kind: bytes, target: bytes, prefix: bytes) -> _Summed:
    """Everything after the checksum."""
    tail = b"%b%b%b%b" % (kind, target.ljust(100, b"\0"), _MAGIC_TO_DEVICES, prefix.ljust(167, b"\0"))
    return tail, _sum(kind) + _sum(target) + _sum(_MAGIC_TO_DEVICES) + _sum(prefix)


def _block(name: bytes, mode_and_owner: _Summed, size: int, tail: _Summed) -> bytes:
    octal = b"%011o" % size
    checksum = _sum(name) + _sum(octal) + mode_and_owner[1] + tail[1] + _SUM_OF_CONSTANTS
    return b"%b%b%b\0%b%06o\0 %b" % (name.ljust(100, b"\0"), mode_and_owner[0], octal, _MTIME, checksum, tail[0])
