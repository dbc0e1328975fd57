"""Unpacks a package's data into a directory, and says what is in it.

Only directories and regular files are made, each one below directories that this run made itself: there is no symlink
on the disk that could lead a later member elsewhere. Symlinks go into the inventory and are made by whoever knows
where they should lead. No owner, no special permission and no time is taken over.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sysimage_bootstrap.archive.package import Package, require_control
from sysimage_bootstrap.items.changelog import changelog_dates, changelog_names
from sysimage_bootstrap.items.deb import open_deb
from sysimage_bootstrap.items.elf import MAGIC, ElfError, read_elf
from sysimage_bootstrap.items.inventory import Attributes, Inventory, LinkedFile
from sysimage_bootstrap.items.tar import Member, TarError, TarReader, Type, show

_HEAD = 256
"""Bytes of a file that are looked at: as many as Linux reads of a script's first line."""
_CHANGELOG_LIMIT = 8 << 20


@dataclass(slots=True)
class _Unpacked:
    """What has been seen so far, by path in the item."""

    top: bytes
    directories: set[bytes] = field(default_factory=set)
    files: dict[bytes, Member] = field(default_factory=dict)
    links: dict[bytes, Member] = field(default_factory=dict)
    heads: dict[bytes, bytes] = field(default_factory=dict)
    attributes: dict[bytes, Member] = field(default_factory=dict)


def unpack(deb: Path, top: Path, package: Package) -> Inventory:
    """Unpack ``deb``, which should be ``package``, into the directory ``top``, which is made.

    ``usr/`` is stripped, as in the items of Guix. Everything wrong with the package is an `IntegrityError`.
    """
    top.mkdir()
    with open_deb(deb, package.digest, str(package)) as opened:
        require_control(package, opened.control)
        unpacked = _Unpacked(os.fsencode(top))
        for member in opened.data:
            _place(member, opened.data, unpacked)
        return _inventory(package, opened.conffiles, unpacked)


def _place(member: Member, data: TarReader, unpacked: _Unpacked) -> None:
    name = _in_item(member.name)
    if not name:
        if member.type is not Type.DIRECTORY:
            raise TarError(f"{show(member.name)} is no directory")
        return
    if member.type is Type.SYMLINK and _in_item(member.target.lstrip(b"/")) == name and b"/" not in name:
        return  # base-files says bin -> usr/bin; in an item, they are one
    if name in unpacked.files or name in unpacked.links:
        raise TarError(f"{show(member.name)} is there twice")
    if member.type is Type.DIRECTORY:
        _make_directories(name, unpacked)
    elif name in unpacked.directories:
        raise TarError(f"{show(member.name)} is there twice")
    else:
        _make_directories(name.rpartition(b"/")[0], unpacked)
        if member.type is Type.SYMLINK:
            unpacked.links[name] = member
            return
        _make_file(name, member, data, unpacked)
    if _is_special(member):
        unpacked.attributes[name] = member


def _in_item(name: bytes) -> bytes:
    return b"" if name == b"usr" else name.removeprefix(b"usr/")


def _is_special(member: Member) -> bool:
    readable = 0o005 if member.type is Type.DIRECTORY else 0o004
    return (
        bool(member.mode & 0o7000)
        or member.mode & readable != readable
        or ((member.owner, member.group) != (b"root", b"root"))
    )


def _make_directories(name: bytes, unpacked: _Unpacked) -> None:
    made = unpacked.directories
    if not name or name in made:
        return
    for end in [i for i, byte in enumerate(name) if byte == 0x2F] + [len(name)]:
        directory = name[:end]
        if directory in made:
            continue
        if directory in unpacked.files or directory in unpacked.links:
            raise TarError(f"{show(name)} lies below {show(directory)}, which is no directory")
        os.mkdir(os.path.join(unpacked.top, directory))  # noqa: PTH102, PTH118 - bytes
        made.add(directory)


def _make_file(name: bytes, member: Member, data: TarReader, unpacked: _Unpacked) -> None:
    content: Iterable[bytes] = data.content()
    if member.type is Type.HARD_LINK:
        original = _in_item(member.target)
        if original not in unpacked.files:
            raise TarError(f"{show(member.name)} is a hard link to {show(member.target)}, which is no earlier file")
        member = unpacked.files[original]
        content = _content_of(unpacked.top, original)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    mode = 0o700 if member.mode & 0o111 else 0o600
    descriptor = os.open(os.path.join(unpacked.top, name), flags, mode)  # noqa: PTH118 - bytes
    head = b""
    with open(descriptor, "wb", buffering=0) as file:
        for piece in content:
            file.write(piece)
            if len(head) < _HEAD:
                head += piece[:_HEAD]
    unpacked.files[name] = member
    unpacked.heads[name] = head[:_HEAD]


def _content_of(top: bytes, name: bytes) -> Iterable[bytes]:
    with open(os.path.join(top, name), "rb") as file:  # noqa: PTH118 - bytes
        while piece := file.read(1 << 18):
            yield piece


def _inventory(package: Package, conffiles: tuple[str, ...], unpacked: _Unpacked) -> Inventory:
    linked = {}
    for name, head in unpacked.heads.items():
        if head.startswith(MAGIC):
            try:
                elf = read_elf(os.path.join(unpacked.top, name))  # noqa: PTH118 - bytes
            except ElfError:
                continue  # debugging symbols, test data: nothing that could be linked
            if elf is not None:
                linked[name] = LinkedFile(elf.machine, elf.interpreter, elf.needed, elf.runpath)
    scripts = {
        name: head[2:].partition(b"\n")[0]
        for name, head in unpacked.heads.items()
        if head.startswith(b"#!") and b"\n" in head and unpacked.files[name].mode & 0o111
    }
    return Inventory(
        package=package.name,
        version=package.version,
        architecture=package.architecture,
        files=tuple(sorted(map(_text, unpacked.files))),
        links={_text(name): _text(unpacked.links[name].target) for name in sorted(unpacked.links)},
        root_links=frozenset(_text(n) for n, member in unpacked.links.items() if not member.name.startswith(b"usr/")),
        linked={_text(name): linked[name] for name in sorted(linked)},
        scripts={_text(name): _text(scripts[name]) for name in sorted(scripts)},
        attributes={
            _text(name): Attributes(m.mode, _text(m.owner), _text(m.group), m.type is Type.DIRECTORY)
            for name, m in sorted(unpacked.attributes.items())
        },
        conffiles=conffiles,
        changed=_changed(package, unpacked),
    )


def _changed(package: Package, unpacked: _Unpacked) -> tuple[int, ...]:
    for name in changelog_names(package.name):
        path = Path(os.fsdecode(unpacked.top), name)
        if name.encode() in unpacked.files and path.stat().st_size <= _CHANGELOG_LIMIT:
            return changelog_dates(path.read_bytes())
    return ()


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
