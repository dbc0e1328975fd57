"""Unpacks a package's data into a directory, and lists what is in it.

Only directories and regular files are made, each one below directories that this run made itself: there is no symlink
on the disk that could lead a later member elsewhere. Symlinks go into the inventory and are made by the one that knows
where they should lead. A further name of a file (a hard link) becomes a symlink to its first one: neither an item nor a
layer knows hard links, and what Debian links is sometimes large. No owner, no special permission and no time is taken
over.
"""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from sysimage_bootstrap.archive.package import Package, require_control
from sysimage_bootstrap.debs.changelog import changelog_dates, changelog_names
from sysimage_bootstrap.debs.deb import Deb, open_deb
from sysimage_bootstrap.debs.elf import MAGIC, ElfError, read_elf
from sysimage_bootstrap.debs.guile import modules_in_library, modules_in_source
from sysimage_bootstrap.debs.inventory import WATCHED, Attributes, Inventory, LinkedFile
from sysimage_bootstrap.debs.stanza import stanza
from sysimage_bootstrap.debs.tar import PackageMember, TarError, TarReader, Type, as_text

_HEAD = 256
"""Bytes of a file that are looked at: as many as Linux reads of a script's first line."""
_CHANGELOG_LIMIT = 8 << 20
_IN_USR = (b"bin", b"sbin", b"lib", b"lib32", b"lib64", b"libx32")
"""Directories that are links into /usr in the image."""
_SCRIPT_LIMIT = 4 << 20
"""Bytes of a script that are searched for `WATCHED`: installers have archives after theirs."""
_WATCHED = re.compile(rf"(?<![\w.-])({'|'.join(WATCHED)})(?![\w-]|\.\w)".encode())


@dataclass(slots=True)
class _Unpacked:
    """What has been seen so far, by path in the item."""

    top: bytes
    directories: set[bytes] = field(default_factory=set)
    files: dict[bytes, PackageMember] = field(default_factory=dict)
    links: dict[bytes, PackageMember] = field(default_factory=dict)
    first_names: dict[bytes, bytes] = field(default_factory=dict)
    """Of files that have several."""
    heads: dict[bytes, bytes] = field(default_factory=dict)
    attributes: dict[bytes, PackageMember] = field(default_factory=dict)


def unpack(deb: Path, top: Path, package: Package) -> Inventory:
    """Unpack ``deb``, which should be ``package``, into the directory ``top``, which is made.

    ``usr/`` is stripped, as in the items of Guix. Everything wrong with the package is an `IntegrityError`.
    """
    top.mkdir()
    with open_deb(deb, package.digest, str(package)) as opened:
        fields = require_control(package, opened.control)
        unpacked = _Unpacked(os.fsencode(top))
        for member in opened.data:
            _place(member, opened.data, unpacked)
        return _inventory(package, opened, fields.get("replaces", ""), unpacked)


def _place(member: PackageMember, data: TarReader, unpacked: _Unpacked) -> None:
    name = _in_item(member.name)
    if not name:
        if member.type is not Type.DIRECTORY:
            raise TarError(f"{as_text(member.name)} is not a directory")
        return
    if member.type is Type.SYMLINK and _means_itself(member, name):
        return  # base-files says bin -> usr/bin, others usr/bin/x -> /bin/x; in an item, they are one
    if name in unpacked.files or name in unpacked.links:
        raise TarError(f"{as_text(member.name)} occurs twice")
    if member.type is Type.DIRECTORY:
        _make_directories(name, unpacked)
    elif name in unpacked.directories:
        raise TarError(f"{as_text(member.name)} occurs twice")
    else:
        above = name.rpartition(b"/")[0]
        _make_directories(above, unpacked)
        match member.type:
            case Type.SYMLINK:
                unpacked.links[name] = member
                return
            case Type.HARD_LINK if (symlink := _linked_symlink(member, unpacked)) is not None:
                unpacked.links[name] = replace(member, target=symlink.target)
                return
            case Type.HARD_LINK:
                first = unpacked.first_names[name] = _first_name(member, unpacked)
                unpacked.links[name] = replace(member, target=posixpath.relpath(first, above or b"."))
                member = unpacked.files[first]
            case _:
                _make_file(name, member, data, unpacked)
    if _is_special(member):
        unpacked.attributes[name] = member


def _in_item(name: bytes) -> bytes:
    return b"" if name == b"usr" else name.removeprefix(b"usr/")


def _means_itself(link: PackageMember, name: bytes) -> bool:
    """Whether a symlink leads to its own place where /bin and its like are in /usr."""
    if b"/" in name and name.partition(b"/")[0] not in _IN_USR:
        return False
    meant = posixpath.normpath(posixpath.join(b"/", posixpath.dirname(link.name), link.target)).lstrip(b"/")
    return _in_item(meant) == name


def _linked_symlink(member: PackageMember, unpacked: _Unpacked) -> PackageMember | None:
    """The symlink that a hard link is a further name of: it says the same there."""
    name = _in_item(member.target)
    return None if name in unpacked.first_names else unpacked.links.get(name)


def _is_special(member: PackageMember) -> bool:
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
            raise TarError(f"{as_text(name)} is below {as_text(directory)}, which is not a directory")
        os.mkdir(os.path.join(unpacked.top, directory))  # noqa: PTH102, PTH118 - bytes
        made.add(directory)


def _first_name(member: PackageMember, unpacked: _Unpacked) -> bytes:
    """What the file that a hard link means was called first."""
    name = _in_item(member.target)
    name = unpacked.first_names.get(name, name)
    if name not in unpacked.files:
        raise TarError(
            f"{as_text(member.name)} is a hard link to {as_text(member.target)}, which is not an earlier file"
        )
    return name


def _make_file(name: bytes, member: PackageMember, data: TarReader, unpacked: _Unpacked) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    mode = 0o700 if member.mode & 0o111 else 0o600
    descriptor = os.open(os.path.join(unpacked.top, name), flags, mode)  # noqa: PTH118 - bytes
    head = b""
    with open(descriptor, "wb", buffering=0) as file:
        for piece in data.content():
            file.write(piece)
            if len(head) < _HEAD:
                head += piece[:_HEAD]
    unpacked.files[name] = member
    unpacked.heads[name] = head[:_HEAD]


def _inventory(package: Package, deb: Deb, replaces: str, unpacked: _Unpacked) -> Inventory:
    linked = {}
    for name, head in unpacked.heads.items():
        if head.startswith(MAGIC):
            try:
                elf = read_elf(os.path.join(unpacked.top, name))  # noqa: PTH118 - bytes
            except ElfError:
                continue  # debugging symbols, test data: nothing that could be linked
            if elf is not None:
                converts = b"iconv_open\0" in elf.strings
                linked[name] = LinkedFile(elf.machine, elf.interpreter, elf.needed, elf.runpath, converts)
    scripts = {
        name: head[2:].partition(b"\n")[0]
        for name, head in unpacked.heads.items()
        if head.startswith(b"#!") and b"\n" in head and unpacked.files[name].mode & 0o111
    }
    words = {_text(name): _words(Path(os.fsdecode(unpacked.top), os.fsdecode(name))) for name in sorted(scripts)}
    return Inventory(
        package=package.name,
        version=package.version,
        architecture=package.architecture,
        stanza=stanza(deb.control),
        files=tuple(sorted(map(_text, unpacked.files))),
        links={_text(name): _text(unpacked.links[name].target) for name in sorted(unpacked.links)},
        root_links=frozenset(_text(n) for n, member in unpacked.links.items() if not member.name.startswith(b"usr/")),
        linked={_text(name): linked[name] for name in sorted(linked)},
        scripts={_text(name): _text(scripts[name]) for name in sorted(scripts)},
        words={name: found for name, found in words.items() if found},
        modules=_modules(unpacked),
        attributes={
            _text(name): Attributes(m.mode, _text(m.owner), _text(m.group), m.type is Type.DIRECTORY, m.uid, m.gid)
            for name, m in sorted(unpacked.attributes.items())
        },
        conffiles=deb.conffiles,
        replaces=replaces,
        changed=_changed(package, unpacked),
        maintainer_files=dict(deb.maintainer_files),
    )


def _words(script: Path) -> tuple[str, ...]:
    """Which of `WATCHED` a script has, not counting its first line and what only looks like them (``perl.org``)."""
    with script.open("rb") as file:
        text = file.read(_SCRIPT_LIMIT).partition(b"\n")[2]
    return tuple(sorted({found.decode("ascii") for found in _WATCHED.findall(text)}))


def _modules(unpacked: _Unpacked) -> dict[str, frozenset[str]]:
    """What Guile's sources and its library name."""
    found = {}
    for name in sorted(unpacked.files):
        path = Path(os.fsdecode(unpacked.top), os.fsdecode(name))
        if name.startswith(b"share/guile/") and name.endswith((b".scm", b".sls")):
            found[_text(name)] = modules_in_source(path.read_bytes())
        elif posixpath.basename(name).startswith(b"libguile-") and unpacked.heads[name].startswith(MAGIC):
            found[_text(name)] = modules_in_library(path.read_bytes())
    return found


def _changed(package: Package, unpacked: _Unpacked) -> tuple[int, ...]:
    for name in changelog_names(package.name):
        path = Path(os.fsdecode(unpacked.top), name)
        if name.encode() in unpacked.files and path.stat().st_size <= _CHANGELOG_LIMIT:
            return changelog_dates(path.read_bytes())
    return ()


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
