"""Files with holes, as pax archives have them: the three forms of GNU tar, which engines read, and bsdtar writes, too.

The member's data are those of all segments, one after the other; a map says where in the file each of them belongs. It
is in pax records (forms 0.0 and 0.1) or before the data (form 1.0). See "Storing Sparse Files" in the manual of GNU
tar. The older form, members of the type ``S``, is one that engines refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sysimage.verify.chunk_stream import CHUNK, ChunkStream
from sysimage.verify.issue_collector import MalformedError

Segments = tuple[tuple[int, int], ...]
"""Offset in the file, and bytes of data; what is between is zeros."""
_PREFIX = b"GNU.sparse."
_MAP = _PREFIX + b"map"
_PAIRS = (_PREFIX + b"offset", _PREFIX + b"numbytes")
_BLOCK = 512
_NUMBER = re.compile(rb"[0-9]{1,18}")
_ZEROS = bytes(CHUNK)


@dataclass(frozen=True, slots=True)
class SparseRecords:
    """What pax records say of a file with holes."""

    name: bytes | None
    size: int
    """Bytes of the file, holes and all."""
    segments: Segments | None
    """None where the map is before the data."""


def with_one_map(records: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Records as a dictionary: of form 0.0, which has two for each segment, those become the map that form 0.1 has."""
    found: dict[bytes, bytes] = {}
    numbers: list[bytes] = []
    for key, value in records:
        if key in _PAIRS:
            if key != _PAIRS[len(numbers) % 2]:
                raise MalformedError("has a malformed map of a sparse file")
            numbers.append(value)
        else:
            found[key] = value
    if numbers:
        found[_MAP] = b",".join(numbers)
    return found


def take_sparse_records(records: dict[bytes, bytes]) -> SparseRecords | None:
    """Remove from ``records`` what is stated of a file with holes; None where nothing is."""
    stated = {key[len(_PREFIX) :]: records.pop(key) for key in sorted(records) if key.startswith(_PREFIX)}
    if not stated:
        return None
    form = stated.get(b"major", b"0"), stated.get(b"minor", b"0")
    if form == (b"1", b"0") and b"map" not in stated:
        return SparseRecords(stated.get(b"name"), _number(stated.get(b"realsize", b"")), None)
    if form in ((b"0", b"0"), (b"0", b"1")) and b"map" in stated:
        numbers = [_number(text) for text in stated[b"map"].split(b",")] if stated[b"map"] else []
        return SparseRecords(stated.get(b"name"), _number(stated.get(b"size", b"")), _pairs(numbers))
    raise MalformedError("has a sparse file in a form that is not known")


def read_map(stream: ChunkStream, most: int) -> Segments:
    """The map that is before the data, whole blocks of lines with one number each: how many pairs, then those."""
    lines: list[bytes] = []
    wanted = 1
    taken, rest = 0, b""
    while len(lines) < wanted:
        block = stream.take(_BLOCK)
        taken += _BLOCK
        if len(block) < _BLOCK or taken > most:
            raise MalformedError("has a malformed map of a sparse file")
        *complete, rest = (rest + block).split(b"\n")
        lines += complete
        if lines:
            wanted = 1 + 2 * _number(lines[0])
    return _pairs([_number(line) for line in lines[1:wanted]])


def check_segments(segments: Segments, size: int, stored: int) -> None:
    """Refuse segments that are not in order within the file, or that are not what the archive has of it."""
    end = 0
    for offset, length in segments:
        if offset < end:
            raise MalformedError("has a sparse file whose segments are out of order")
        end = offset + length
    if end > size or sum(length for _, length in segments) != stored:
        raise MalformedError("has a sparse file whose segments are not its data")


def filled(stream: ChunkStream, segments: Segments, size: int) -> Iterator[bytes]:
    """A file's content with zeros in its holes; its data are what comes next."""
    at = 0
    for offset, length in (*segments, (size, 0)):
        while at < offset:
            yield _ZEROS[: offset - at]
            at += min(offset - at, CHUNK)
        yield from stream.pieces(length)
        at += length


def _pairs(numbers: list[int]) -> Segments:
    if len(numbers) % 2:
        raise MalformedError("has a malformed map of a sparse file")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _number(text: bytes) -> int:
    if not _NUMBER.fullmatch(text):
        raise MalformedError("has a malformed number of a sparse file")
    return int(text)
