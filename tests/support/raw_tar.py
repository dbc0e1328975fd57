"""Tar archives made byte by byte, so that every field can be wrong. Shares no code with writer or verifier."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

END = bytes(1024)


def header(
    name: bytes,
    kind: bytes = b"0",
    *,
    size: int | bytes = 0,
    mode: int | bytes = 0o644,
    uid: int | bytes = 0,
    gid: int | bytes = 0,
    mtime: int | bytes = 1,
    link: bytes = b"",
    prefix: bytes = b"",
    magic: bytes = b"ustar\x0000",
    checksum: bytes | None = None,
) -> bytes:
    """One header block; numbers may be given as the bytes of their field."""

    def number(value: int | bytes, width: int) -> bytes:
        return value.ljust(width, b"\0") if isinstance(value, bytes) else b"%0*o\0" % (width - 1, value)

    block = b"".join(
        (
            name[:100].ljust(100, b"\0"),
            number(mode, 8),
            number(uid, 8),
            number(gid, 8),
            number(size, 12),
            number(mtime, 12),
            b" " * 8,
            kind,
            link[:100].ljust(100, b"\0"),
            magic,
            bytes(64 + 16),
            prefix.ljust(155, b"\0"),
            bytes(12),
        )
    )
    stated = b"%06o\0 " % sum(block) if checksum is None else checksum
    return block[:148] + stated + block[156:]


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)


def file(name: bytes, content: bytes = b"", **fields: Any) -> bytes:
    return header(name, b"0", **{"size": len(content), **fields}) + padded(content)


def directory(name: bytes, mode: int = 0o755, **fields: Any) -> bytes:
    return header(name, b"5", mode=mode, **fields)


def symlink(name: bytes, target: bytes, **fields: Any) -> bytes:
    return header(name, b"2", mode=0o777, link=target, **fields)


def hard_link(name: bytes, target: bytes, **fields: Any) -> bytes:
    return header(name, b"1", link=target, **fields)


def pax(records: Iterable[tuple[bytes, bytes]], kind: bytes = b"x") -> bytes:
    """An extended header for the member after it."""
    return raw_pax(b"".join(pax_record(key, value) for key, value in records), kind)


def raw_pax(body: bytes, kind: bytes = b"x") -> bytes:
    return header(b"pax", kind, size=len(body)) + padded(body)


def pax_record(key: bytes, value: bytes) -> bytes:
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


def long_name(name: bytes, kind: bytes = b"L") -> bytes:
    """GNU's way to a long name (or, with ``K``, a long link target)."""
    return header(b"././@LongLink", kind, size=len(name) + 1, magic=b"ustar  \0") + padded(name + b"\0")


def archive(*members: bytes) -> bytes:
    return b"".join(members) + END
