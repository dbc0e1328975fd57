"""Debian packages made in code: good ones, and ones that are wrong in just one way."""

from __future__ import annotations

import gzip
import io
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyzstd

from sysimage.digest import Digest
from sysimage_bootstrap.archive.dependencies import parse_dependencies
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.packages.resolve import Resolution

BLOCK = 512


@dataclass(frozen=True)
class Member:
    """One tar member, written exactly as specified, right or wrong."""

    name: str
    content: bytes = b""
    mode: int = 0o644
    kind: bytes = b"0"
    target: str = ""
    owner: str = "root"
    group: str = "root"
    uid: int = 0
    gid: int = 0
    size: int | None = None
    """What the header claims, when that is not the truth."""
    magic: bytes = b"ustar  \0"
    checksum: int | None = None


def directory(name: str, mode: int = 0o755, **more: Any) -> Member:
    return Member(name, mode=mode, kind=b"5", **more)


def symlink(name: str, target: str) -> Member:
    return Member(name, kind=b"2", target=target, mode=0o777)


def hard_link(name: str, target: str) -> Member:
    return Member(name, kind=b"1", target=target)


def program(name: str, content: bytes, mode: int = 0o755, **more: Any) -> Member:
    return Member(name, content, mode=mode, **more)


def header(member: Member) -> bytes:
    size = len(member.content) if member.size is None else member.size
    fields = bytearray(BLOCK)

    def put(at: int, width: int, value: bytes) -> None:
        fields[at : at + width] = value[:width].ljust(width, b"\0")

    put(0, 100, member.name.encode("utf-8", "surrogateescape"))
    put(100, 8, b"%07o\0" % member.mode)
    put(108, 8, b"%07o\0" % member.uid)
    put(116, 8, b"%07o\0" % member.gid)
    put(124, 12, b"%011o\0" % size if 0 <= size < 8**11 else b"\x80" + (size % 2**88).to_bytes(11, "big"))
    put(136, 12, b"%011o\0" % 1_700_000_000)
    put(148, 8, b" " * 8)
    put(156, 1, member.kind)
    put(157, 100, member.target.encode("utf-8", "surrogateescape"))
    put(257, 8, member.magic)
    put(265, 32, member.owner.encode())
    put(297, 32, member.group.encode())
    put(148, 8, b"%06o\0 " % (sum(fields) if member.checksum is None else member.checksum))
    return bytes(fields)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def tar(members: Sequence[Member], end: bytes = bytes(2 * BLOCK)) -> bytes:
    """A tar file; long names get the GNU header before theirs."""
    out = io.BytesIO()
    for member in members:
        for kind, text in ((b"K", member.target), (b"L", member.name)):
            raw = text.encode("utf-8", "surrogateescape")
            if len(raw) > 100:
                out.write(header(Member("././@LongLink", raw + b"\0", kind=kind)) + padded(raw + b"\0"))
        out.write(header(member) + padded(member.content))
    return out.getvalue() + end


def ar(members: Sequence[tuple[str, bytes]]) -> bytes:
    out = b"!<arch>\n"
    for name, data in members:
        out += b"%-16s%-12d%-6d%-6d%-8o%-10d`\n" % (name.encode(), 1, 0, 0, 0o100644, len(data))
        out += data + b"\n" * (len(data) % 2)
    return out


def compressed(data: bytes, how: str) -> bytes:
    if how == "xz":
        return lzma.compress(data, preset=0)
    if how == "zst":
        return pyzstd.compress(data)
    return gzip.compress(data, mtime=0) if how == "gz" else data


def control(name: str, version: str = "1.0-1", architecture: str = "amd64") -> str:
    return (
        f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n"
        "Maintainer: Nobody <nobody@example.org>\nDescription: made for a test\n and no more than that\n"
    )


def deb_bytes(
    name: str,
    members: Sequence[Member] = (),
    *,
    version: str = "1.0-1",
    compression: str = "xz",
    conffiles: str = "",
    data: bytes | None = None,
    control_text: str | None = None,
) -> bytes:
    """A whole package; ``data`` replaces the compressed data archive."""
    text = control(name, version) if control_text is None else control_text
    inner = [Member("./control", text.encode())]
    if conffiles:
        inner.append(Member("./conffiles", conffiles.encode()))
    suffix = f".{compression}" if compression else ""
    return ar(
        [
            ("debian-binary", b"2.0\n"),
            (f"control.tar{suffix}", compressed(tar(inner), compression)),
            (f"data.tar{suffix}", compressed(tar(members), compression) if data is None else data),
        ]
    )


def package_of(
    name: str,
    deb: bytes,
    *,
    version: str = "1.0-1",
    depends: str = "",
    source: str = "",
    architecture: str = "amd64",
) -> Package:
    """What the archive would say about a package."""
    return Package(
        name=name,
        version=version,
        architecture=architecture,
        suite="trixie",
        filename=f"pool/{name}.deb",
        size=len(deb),
        digest=Digest.of(deb),
        source=source or name,
        source_version=version,
        depends=parse_dependencies(depends),
    )


@dataclass
class Shelf:
    """Packages on the disk."""

    directory: Path
    debs: dict[Package, Path]

    def add(self, name: str, members: Sequence[Member], **options: str) -> Package:
        known = {key: options.pop(key) for key in ("depends", "source", "architecture") if key in options}
        deb = deb_bytes(name, members, **options)  # type: ignore[arg-type]
        package = package_of(name, deb, version=options.get("version", "1.0-1"), **known)
        path = self.directory / f"{name}.deb"
        path.write_bytes(deb)
        self.debs[package] = path
        return package

    @property
    def resolution(self) -> Resolution:
        packages = tuple(sorted(self.debs, key=lambda package: package.name))
        return Resolution(packages, self.edges(), tuple(package.name for package in packages))

    def edges(self) -> Mapping[str, tuple[str, ...]]:
        """Every package's dependencies, by name."""
        return {
            package.name: tuple(sorted(dependency.alternatives[0].name for dependency in package.depends))
            for package in self.debs
        }
