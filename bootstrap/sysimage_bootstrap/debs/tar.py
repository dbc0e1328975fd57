"""A strict reader of the tar files in packages: ustar and GNU long names, as dpkg-deb writes them, and nothing else.

Everything that readers of tar are known to disagree about is refused: pax headers, sparse files, numbers that are not
plain octal, names that climb, a stream that does not end as it should. Nothing here touches the disk.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

BLOCK = 512
NAME_LIMIT = 255
"""Bytes of one component, as on Linux."""
PATH_LIMIT = 4095
"""Bytes of a path or a link target."""
_PIECE = 1 << 18


class TarError(ValueError):
    """The stream is not a tar file that a package may hold."""


class Type(enum.Enum):
    FILE = b"0"
    HARD_LINK = b"1"
    SYMLINK = b"2"
    DIRECTORY = b"5"


@dataclass(frozen=True, slots=True)
class PackageMember:
    """One entry. Names are relative to the root, normalised, as bytes; the root itself is ``b""``."""

    name: bytes
    type: Type
    mode: int
    """Permission bits, set-ID and sticky bits included."""
    owner: bytes
    """The owner's name, or their number where the archive has no name; ``root`` for 0."""
    group: bytes
    size: int
    """Bytes of content; 0 for all but files."""
    target: bytes
    """The target of a symlink, or the normalised name that a hard link repeats."""
    uid: int = 0
    gid: int = 0


class TarReader:
    """Iterates over the members of a stream; `content` gives what the current one holds."""

    def __init__(self, pieces: Iterable[bytes], *, member_limit: int) -> None:
        self._pieces = iter(pieces)
        self._buffer = bytearray()
        self._left = 0
        """Bytes of the current member, padding included, that have not been read."""
        self._padding = 0
        self._member_limit = member_limit

    def __iter__(self) -> Iterator[PackageMember]:
        """The members in their order; a `TarError` names the fault and the member."""
        count = 0
        while (header := self._header()) is not None:
            count += 1
            if count > self._member_limit:
                raise TarError(f"it has more than {self._member_limit} members")
            yield self._member(header)
            for _ in self.content():
                pass
        for piece in self._rest():
            if piece.strip(b"\0"):
                raise TarError("something follows its end")

    def content(self) -> Iterator[bytes]:
        """The rest of the current member's bytes."""
        while self._left > self._padding:
            piece = self._read_some(min(self._left - self._padding, _PIECE))
            self._left -= len(piece)
            yield piece
        if self._left:
            if self._read(self._left).strip(b"\0"):
                raise TarError("its padding is not empty")
            self._left = self._padding = 0

    def _header(self) -> bytes | None:
        """The next header, or None where two empty blocks end the archive."""
        header = self._read(BLOCK)
        if header.strip(b"\0"):
            return header
        if self._read(BLOCK).strip(b"\0"):
            raise TarError("an empty block precedes a member")
        return None

    def _member(self, header: bytes) -> PackageMember:
        long_name = long_target = None
        while (kind := header[156:157]) in (b"L", b"K"):
            _check(header)
            text = self._long(header)
            if kind == b"L" and long_name is None:
                long_name = text
            elif kind == b"K" and long_target is None:
                long_target = text
            else:
                raise TarError("a long name is given twice")
            following = self._header()
            if following is None:
                raise TarError("it ends after a long name")
            header = following
        _check(header)
        member = _parse(header, long_name, long_target)
        self._left = -(-member.size // BLOCK) * BLOCK
        self._padding = self._left - member.size
        return member

    def _long(self, header: bytes) -> bytes:
        size = _octal(header[124:136])
        if not 0 < size <= PATH_LIMIT + 1:
            raise TarError(f"a name of {size} bytes is too long")
        text, _, rest = self._read(-(-size // BLOCK) * BLOCK).partition(b"\0")
        if rest.strip(b"\0"):
            raise TarError("a long name holds a NUL")
        return text

    def _read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            piece = next(self._pieces, b"")
            if not piece:
                raise TarError("it is cut short")
            self._buffer += piece
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _read_some(self, most: int) -> bytes:
        """At least one byte and at most ``most``, reading no more of the stream than necessary."""
        if not self._buffer:
            self._buffer += next(self._pieces, b"")
        return self._read(min(most, max(1, len(self._buffer))))

    def _rest(self) -> Iterator[bytes]:
        yield bytes(self._buffer)
        self._buffer.clear()
        yield from self._pieces


def _check(header: bytes) -> None:
    if header[257:263] not in (b"ustar\0", b"ustar "):
        raise TarError("a header is not of ustar or GNU tar")
    if _octal(header[148:156]) != sum(header) - sum(header[148:156]) + 8 * 0x20:
        raise TarError("the checksum of a header is wrong")


def _parse(header: bytes, long_name: bytes | None, long_target: bytes | None) -> PackageMember:
    raw = _text(header[0:100])
    if header[257:263] == b"ustar\0" and header[345:500].strip(b"\0"):
        raw = _text(header[345:500]) + b"/" + raw
    raw = raw if long_name is None else long_name
    kind = header[156:157]
    try:
        type_ = Type.FILE if kind == b"\0" else Type(kind)
    except ValueError:
        raise TarError(f"{as_text(raw)} is of type {kind!r}: not a file, directory, symlink or hard link") from None
    name = normalised(raw)
    size = _octal(header[124:136])
    if size and type_ is not Type.FILE:
        raise TarError(f"{as_text(raw)} has content but is not a file")
    if not name and type_ is not Type.DIRECTORY:
        raise TarError(f"{as_text(raw)} names the root, but is not a directory")
    target = _text(header[157:257]) if long_target is None else long_target
    if type_ is Type.HARD_LINK:
        target = normalised(target)
    elif type_ is Type.SYMLINK:
        if not target or len(target) > PATH_LIMIT:
            raise TarError(f"{as_text(raw)} is a symlink to {as_text(target[:80])}")
    else:
        target = b""
    uid, gid = _octal(header[108:116]), _octal(header[116:124])
    return PackageMember(
        name=name,
        type=type_,
        mode=_octal(header[100:108]) & 0o7777,
        owner=_text(header[265:297]) or (b"%d" % uid if uid else b"root"),
        group=_text(header[297:329]) or (b"%d" % gid if gid else b"root"),
        size=size,
        target=target,
        uid=uid,
        gid=gid,
    )


def normalised(raw: bytes) -> bytes:
    """A member's name without ``./`` and slashes at its end; a `TarError` for every name that could lead elsewhere."""
    name = raw.rstrip(b"/")
    while name.startswith(b"./"):
        name = name[2:]
    if name in (b".", b"") and raw.startswith(b"."):
        return b""
    parts = name.split(b"/")
    if raw.startswith(b"/") or any(part in (b"", b".", b"..") for part in parts):
        raise TarError(f"{as_text(raw)} is not a path below the root")
    if len(name) > PATH_LIMIT or any(len(part) > NAME_LIMIT for part in parts):
        raise TarError(f"{as_text(raw[:80])}… is too long")
    if any(part.startswith(b".wh.") for part in parts):
        raise TarError(f"{as_text(raw)} would be a whiteout in a layer")
    return name


def as_text(name: bytes) -> str:
    """A name for messages: on one line and without control characters, whatever it is."""
    return repr(name.decode("utf-8", "backslashreplace"))


def _text(field: bytes) -> bytes:
    text, _, rest = field.partition(b"\0")
    if rest.strip(b"\0"):
        raise TarError(f"a header field has something after its end: {as_text(field)}")
    return text


def _octal(field: bytes) -> int:
    digits = field.strip(b" \0")
    if digits.strip(b"01234567"):
        raise TarError(f"a number in a header is not octal: {as_text(field)}")
    return int(digits or b"0", 8)
