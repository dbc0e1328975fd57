"""A strict reader of tar: ustar with pax or GNU extensions, as layers and image archives are written.

Own code, because hostile input has sent the standard library's reader into endless loops, and it repairs broken
archives; here a malformed archive is refused, no value beyond its bound is accepted, and no name is ever used as a path
of this machine. Format: POSIX.1-2017, pax; the GNU extensions from the GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sysimage.rules.paths import link_fault, path_fault
from sysimage.verify.chunk_stream import ChunkStream
from sysimage.verify.issue_collector import MalformedError, escaped
from sysimage.verify.limits import Limits
from sysimage.verify.sparse_files import (
    Segments,
    SparseRecords,
    check_segments,
    filled,
    read_map,
    take_sparse_records,
    with_one_map,
)

BLOCK = 512
CAPABILITY_XATTR = b"SCHILY.xattr.security.capability"
ATTRIBUTES = (b"SCHILY.xattr.", b"SCHILY.acl.", b"LIBARCHIVE.xattr.")
"""What the names of pax records begin with that hold extended attributes and access control lists."""
_ZERO_BLOCK = bytes(BLOCK)
_OCTAL = re.compile(rb"[0-7]+")
_PAX_RECORD = re.compile(rb"([1-9][0-9]*) ")
_PAX_NUMBER = re.compile(rb"[0-9]+")
_LARGEST_OCTAL_SIZE = 8**11 - 1
_LARGEST_SIZE = 2**62
_LARGEST_ID = 2**32 - 2
"""The next number means no owner to chown(2)."""


class MemberKind(enum.Enum):
    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARD_LINK = "hard link"
    CHARACTER_DEVICE = "character device"
    BLOCK_DEVICE = "block device"
    FIFO = "FIFO"


_KINDS = {
    b"0": MemberKind.FILE,
    b"\0": MemberKind.FILE,
    b"1": MemberKind.HARD_LINK,
    b"2": MemberKind.SYMLINK,
    b"3": MemberKind.CHARACTER_DEVICE,
    b"4": MemberKind.BLOCK_DEVICE,
    b"5": MemberKind.DIRECTORY,
    b"6": MemberKind.FIFO,
}
_EXTENSIONS = (b"x", b"g", b"L", b"K")


@dataclass(frozen=True, slots=True)
class TarMember:
    """One entry of an archive; its content comes next in the stream."""

    parts: tuple[bytes, ...]
    """The path's components; none for the root."""
    kind: MemberKind
    mode: int
    uid: int
    gid: int
    size: int
    """Bytes of content; 0 for what is not a file."""
    mtime: bytes
    """Seconds since the epoch as decimal digits; perhaps negative or with a fraction, when a pax header says so."""
    link: bytes
    """What a symlink says, or the name of a hard link's other member."""
    extended: tuple[bytes, ...] = ()
    """Names of the pax records that have no field here, sorted."""
    attributes: tuple[tuple[bytes, bytes], ...] = ()
    """The pax records of a directory's extended attributes, access control lists among them, sorted."""
    capabilities: bytes = b""
    """The attribute ``security.capability``, which the kernel obeys."""
    unusual_name: bool = False
    """Whether the name is written in another form than ``a/b`` or ``./a/b``, such as ``/a/b``, which means the same."""
    segments: Segments | None = None
    """Of a file with holes, what the archive has of it."""

    @property
    def name(self) -> str:
        """For messages."""
        return escaped("/" + "/".join(part.decode("utf-8", "surrogateescape") for part in self.parts))

    @property
    def stored(self) -> int:
        """Bytes of content that the archive has: without the holes."""
        return self.size if self.segments is None else sum(length for _, length in self.segments)

    def content(self, stream: ChunkStream) -> Iterator[bytes]:
        """The file's content in pieces, from the stream that the member came from, before the next one is asked for."""
        return stream.pieces(self.size) if self.segments is None else filled(stream, self.segments, self.size)


@dataclass(slots=True)
class _Overrides:
    """What extension headers say about the next member."""

    records: dict[bytes, bytes]
    name: bytes | None = None
    link: bytes | None = None
    sparse: SparseRecords | None = None


def read_members(stream: ChunkStream, limits: Limits, *, end_required: bool = True) -> Iterator[TarMember]:
    """Members in order. Content that the consumer leaves is skipped. MalformedError if the input is not strict tar.

    The generator reads the archive to its very end: after the two zero blocks only NUL padding may follow. Without
    ``end_required`` they may be missing, and with them what fills the last file's block, as in layers by umoci: for
    those whose length something else vouches for.
    """
    pending: _Overrides | None = None
    holes = 0
    while True:
        header = stream.take(BLOCK)
        if not header and not end_required and pending is None:
            return
        if len(header) < BLOCK:
            where = "inside a header" if header else "without its end blocks"
            raise MalformedError(f"ends {where}, at byte {stream.offset}")
        if header == _ZERO_BLOCK:
            if pending is not None:
                raise MalformedError("ends after an extension header")
            _read_end(stream, limits)
            return
        _check(header, stream.offset - BLOCK)
        kind = header[156:157]
        size = _number(header[124:136], "size")
        if kind in _EXTENSIONS:
            pending = _extension(kind, _content(stream, size, limits), pending or _Overrides({}))
            continue
        member = _member(header, size, pending)
        if pending is not None and pending.sparse is not None:
            member = _with_holes(member, pending.sparse, stream, limits)
            holes += member.size - member.stored
            if holes > limits.uncompressed_size:
                raise MalformedError(f"has holes of more than {limits.uncompressed_size} bytes in its files")
        pending = None
        begin = stream.offset
        yield member
        padding = -member.stored % BLOCK
        stream.skip(begin + member.stored - stream.offset + (padding if end_required else 0))
        if not end_required:
            stream.take(padding)  # at the end it is missing, too


def _check(header: bytes, offset: int) -> None:
    magic = header[257:265]
    if magic not in (b"ustar\x0000", b"ustar  \0"):
        raise MalformedError(f"holds no tar header at byte {offset}")
    stated = _number(header[148:156], "checksum")
    if sum(header[:148]) + 32 * 8 + sum(header[156:]) != stated:
        raise MalformedError(f"has a header with a wrong checksum at byte {offset}")


def _number(data: bytes, what: str) -> int:
    if data[0] == 0x80:
        return int.from_bytes(data[1:], "big")
    if data[0] & 0x80:
        raise MalformedError(f"has a negative or malformed {what}")
    digits = data.strip(b" \0")
    if not digits:
        return 0
    if not _OCTAL.fullmatch(digits):
        raise MalformedError(f"has a malformed {what}: {digits!r}")
    return int(digits, 8)


def _time(data: bytes) -> int:
    """Before 1970, too: of some files' dates nothing is known but that they are wrong."""
    return int.from_bytes(data[1:], "big", signed=True) if data[0] == 0xFF else _number(data, "mtime")


def _content(stream: ChunkStream, size: int, limits: Limits) -> bytes:
    if size > limits.extended_header:
        raise MalformedError(f"has an extension header of {size} bytes")
    data = b"".join(stream.pieces(size + -size % BLOCK))
    return data[:size]


def _extension(kind: bytes, data: bytes, pending: _Overrides) -> _Overrides:
    if kind == b"L":
        pending.name = data.rstrip(b"\0")
    elif kind == b"K":
        pending.link = data.rstrip(b"\0")
    else:
        records = with_one_map(_pax_records(data))
        if kind == b"g":
            # A global header changes every later member; only the comment that `git archive` writes is harmless.
            if set(records) - {b"comment"}:
                raise MalformedError("has a global pax header")
        else:
            pending.records.update(records)
    return pending


def _pax_records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        match = _PAX_RECORD.match(data, at, at + 9)
        if match is None:
            raise MalformedError("has a malformed pax record")
        end = at + int(match[1])
        key, equals, value = data[match.end() : end - 1].partition(b"=")
        if data[end - 1 : end] != b"\n" or not equals or not key:
            raise MalformedError("has a malformed pax record")
        yield key, value
        at = end


def _member(header: bytes, size: int, pending: _Overrides | None) -> TarMember:
    code = header[156:157]
    if code not in _KINDS:
        if code == b"S":
            raise MalformedError(
                "holds a sparse file in GNU tar's old form, which engines refuse; pax has one they take"
            )
        raise MalformedError(f"holds a member of the type {code.decode('latin-1')!r}, which layers may not")
    kind = _KINDS[code]
    name = header[:100].partition(b"\0")[0]
    link = header[157:257].partition(b"\0")[0]
    if header[257:263] == b"ustar\0":
        prefix = header[345:500].partition(b"\0")[0]
        name = prefix + b"/" + name if prefix else name
    mode, uid, gid = (_number(header[at : at + 8], what) for at, what in ((100, "mode"), (108, "uid"), (116, "gid")))
    mtime = b"%d" % _time(header[136:148])
    extended: tuple[bytes, ...] = ()
    attributes: tuple[tuple[bytes, bytes], ...] = ()
    capabilities = b""
    if pending is not None:
        records = pending.records
        pending.sparse = take_sparse_records(records)
        name = records.pop(b"path", pending.name if pending.name is not None else name)
        link = records.pop(b"linkpath", pending.link if pending.link is not None else link)
        size = _pax_size(records.pop(b"size"), size) if b"size" in records else size
        uid = _pax_number(records, b"uid", uid)
        gid = _pax_number(records, b"gid", gid)
        mtime = records.pop(b"mtime", mtime)
        if pending.sparse is not None and pending.sparse.name is not None:
            name = pending.sparse.name  # the other one is for programs that do not know the form
        extended = tuple(sorted(records))
        capabilities = records.get(CAPABILITY_XATTR, b"")
        if kind is MemberKind.DIRECTORY:
            attributes = tuple(sorted(one for one in records.items() if one[0].startswith(ATTRIBUTES)))
    if size > _LARGEST_SIZE or (kind is not MemberKind.FILE and size):
        raise MalformedError(f"has a {kind.value} of {size} bytes: {escaped(name)}")
    if uid > _LARGEST_ID or gid > _LARGEST_ID:
        raise MalformedError(f"{escaped(name)} has an owner beyond {_LARGEST_ID}")
    if kind in (MemberKind.SYMLINK, MemberKind.HARD_LINK) and (wrong := link_fault(link)):
        raise MalformedError(f"{escaped(name)} {wrong}")
    parts = split_name(name, directory=kind is MemberKind.DIRECTORY)
    unusual = name.removeprefix(b"./").removesuffix(b"/") not in (b"/".join(parts), b"." if not parts else None)
    return TarMember(
        parts, kind, mode & 0o7777, uid, gid, size, mtime, link, extended, attributes, capabilities, unusual
    )


def _with_holes(member: TarMember, said: SparseRecords, stream: ChunkStream, limits: Limits) -> TarMember:
    """The member as a file with holes, what comes next in the stream being its data."""
    if member.kind is not MemberKind.FILE or said.size > _LARGEST_SIZE:
        raise MalformedError(f"has a sparse {member.kind.value} of {said.size} bytes: {member.name}")
    begin = stream.offset
    segments = said.segments if said.segments is not None else read_map(stream, limits.extended_header)
    check_segments(segments, said.size, member.size - (stream.offset - begin))
    return replace(member, size=said.size, segments=segments)


def _pax_size(value: bytes, header_size: int) -> int:
    if not _PAX_NUMBER.fullmatch(value) or len(value) > 19:
        raise MalformedError(f"has a malformed pax size: {value[:40]!r}")
    size = int(value)
    # Readers disagree on which of two sizes counts, and so on what is a header: only one may say something.
    if header_size not in (0, size) and size <= _LARGEST_OCTAL_SIZE:
        raise MalformedError(f"has a pax size of {size} against {header_size} in the header")
    return size


def _pax_number(records: dict[bytes, bytes], key: bytes, fallback: int) -> int:
    if key not in records:
        return fallback
    value = records.pop(key)
    if not _PAX_NUMBER.fullmatch(value) or len(value) > 19:
        raise MalformedError(f"has a malformed pax {key.decode()}: {value[:40]!r}")
    return int(value)


def split_name(name: bytes, *, directory: bool) -> tuple[bytes, ...]:
    """A member's name as components, read as engines read it: relative to the root, however many slashes it has.

    A MalformedError for what could mean another path to another reader.
    """
    if not name or b"\0" in name:
        raise MalformedError(f"has a member with an impossible name: {escaped(name[:80])!r}")
    parts = tuple(part for part in name.split(b"/") if part not in (b"", b"."))
    if b".." in parts:
        raise MalformedError(f"has a member whose name leads upwards: {escaped(name)!r}")
    if not directory and (not parts or name.endswith((b"/", b"/."))):
        raise MalformedError(f"has a member that is not a directory but has the name of one: {escaped(name)!r}")
    if wrong := path_fault(parts):
        raise MalformedError(f"has a name that {wrong}: {escaped(name)}")
    return parts


def _read_end(stream: ChunkStream, limits: Limits) -> None:
    if stream.take(BLOCK) != _ZERO_BLOCK:
        raise MalformedError("does not end with two blocks of zeros")
    padding = 0
    for piece in stream.rest():
        padding += len(piece)
        if piece.strip(b"\0"):
            raise MalformedError("has something after its end")
        if padding > limits.padding:
            raise MalformedError(f"has more than {limits.padding} bytes of padding")
