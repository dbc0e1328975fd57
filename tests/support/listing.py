"""File trees as text, one line a path, so that a tree, a directory, an archive and an image can be compared and read.

    /bin         dir  0755 0:0
    /bin/sh      link 0777 0:0 -> /gnu/store/…-dash/bin/dash
    /etc/passwd  file 0644 0:0 5b41362b

The last word of a file's line are the first eight digits of its content's SHA-256. Archives are read with the standard
library here, on purpose: it is neither the code that writes images nor the code that verifies them.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import pyzstd

from sysimage.rootfs.tree import Kind, RootTree
from sysimage.store import StoreItem

Lines = dict[str, str]
"""By image path; the value is the rest of the line."""
_ROOT = "dir 0755 0:0"
"""What every engine makes of a root that no layer mentions."""


def render(lines: Lines) -> str:
    """The listing, sorted by components, without the padding that `columns` adds."""
    return "".join(f"{_printable(path)}  {lines[path]}\n" for path in sorted(lines, key=_components))


def without_owners(listing: str) -> str:
    """The same listing as it is for a user that may not give files away."""
    return "".join(
        f"{path}  {kind} {mode} {rest.partition(' ')[2]}".rstrip() + "\n"
        for path, line in (line.split("  ", 1) for line in listing.splitlines())
        for kind, mode, rest in (line.split(" ", 2),)
    )


def listing_of_tree(tree: RootTree, items: Iterable[StoreItem] = (), *, owner: tuple[int, int] = (0, 0)) -> str:
    """A `RootTree`, with the items where they belong, in the modes that a store has."""
    items = tuple(items)
    lines = {}
    for item in items:
        for above in PurePosixPath(str(item.path)).parents:
            lines[str(above)] = _line("dir", 0o1775 if str(above) == item.path.store_dir else 0o755, (0, 0))
    for entry in tree:
        who = (entry.uid, entry.gid)
        match entry.kind:
            case Kind.DIRECTORY:
                lines[entry.path] = _line("dir", entry.mode, who)
            case Kind.FILE:
                lines[entry.path] = _line("file", entry.mode, who, content=entry.read())
            case Kind.SYMLINK:
                lines[entry.path] = _line("link", 0o777, who, target=entry.target)
    for item in items:
        assert item.location is not None
        lines |= _directory(item.location, str(item.path), canonical=owner)
    return render(lines)


def listing_of_directory(top: Path) -> str:
    """A directory of this machine, as the root of an image."""
    return render(_directory(top, "/", canonical=None))


def listing_of_tar(data: bytes) -> str:
    """One tar archive."""
    return render(_tar(data, {"/": _ROOT}))


def listing_of_image(path: Path) -> str:
    """All layers of an archive or OCI layout directory on top of each other."""
    read = _reader(path)
    lines = {"/": _ROOT}
    for layer in _layers(read):
        lines = _tar(_decompressed(layer), lines)
    return render(lines)


def _layers(read: Mapping[str, bytes]) -> Iterable[bytes]:
    if "index.json" not in read:
        for name in json.loads(read["manifest.json"])[0]["Layers"]:
            yield read[name]
        return
    document = json.loads(read["index.json"])
    while "manifests" in document:
        document = json.loads(read[_blob(document["manifests"][0]["digest"])])
    for layer in document["layers"]:
        yield read[_blob(layer["digest"])]


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _reader(path: Path) -> Mapping[str, bytes]:
    if path.is_dir():
        return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    with tarfile.open(path) as archive:
        return {
            member.name: content.read() for member in archive if (content := archive.extractfile(member)) is not None
        }


def _decompressed(data: bytes) -> bytes:
    if data.startswith(b"\x1f\x8b"):
        return gzip.decompress(data)
    return pyzstd.decompress(data) if data.startswith(b"\x28\xb5\x2f\xfd") else data


def _tar(data: bytes, below: Lines) -> Lines:
    """``below`` with a layer on top."""
    lines = dict(below)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:", errors="surrogateescape", encoding="utf-8") as archive:
        members = archive.getmembers()
        for member in members:
            path = _image_path(member)
            if path.name.startswith(".wh."):
                hidden = path.parent if path.name == ".wh..wh..opq" else path.parent / path.name[4:]
                lines = {
                    name: line
                    for name, line in lines.items()
                    if not name.startswith(f"{hidden}/") and (name != str(hidden) or path.name == ".wh..wh..opq")
                }
        for member in members:
            path = _image_path(member)
            if not path.name.startswith(".wh."):
                lines[str(path)] = _member_line(archive, member)
    return lines


def _image_path(member: tarfile.TarInfo) -> PurePosixPath:
    return PurePosixPath("/", member.name.lstrip("/"))


def _member_line(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    who = (member.uid, member.gid)
    if member.isdir():
        return _line("dir", member.mode, who)
    if member.issym():
        return _line("link", 0o777, who, target=member.linkname)
    if member.islnk() and (target := archive.getmember(member.linkname)).issym():
        return _member_line(archive, target)
    if member.isdev():
        kind = "fifo" if member.isfifo() else "char" if member.ischr() else "block"
        return _line(kind, member.mode, who)
    content = archive.extractfile(member)
    assert content is not None, f"{member.name} is of an unknown kind"
    return _line("file", member.mode, who, content=content.read())


def _directory(top: Path, name: str, *, canonical: tuple[int, int] | None) -> Lines:
    lines = {}
    found = [top, *sorted(top.rglob("*"))] if top.is_dir() and not top.is_symlink() else [top]
    for path in found:
        image_path = str(PurePosixPath(name) / path.relative_to(top))
        status = path.lstat()
        who = (status.st_uid, status.st_gid) if canonical is None else canonical
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            lines[image_path] = _line("link", 0o777, who, target=os.readlink(path))  # noqa: PTH115  # Path would tidy it
        elif stat.S_ISDIR(status.st_mode):
            lines[image_path] = _line("dir", 0o555 if canonical else mode, who)
        else:
            mode = (0o555 if mode & 0o100 else 0o444) if canonical else mode
            lines[image_path] = _line("file", mode, who, content=path.read_bytes())
    return lines


def _line(
    kind: str, mode: int, owner: tuple[int, int], *, content: bytes | None = None, target: str | None = None
) -> str:
    words = [kind, f"{mode:04o}", f"{owner[0]}:{owner[1]}"]
    if content is not None:
        words.append(hashlib.sha256(content).hexdigest()[:8])
    if target is not None:
        words.append(f"-> {_printable(target)}")
    return " ".join(words)


def _printable(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\n", "\\n")


def _components(path: str) -> tuple[bytes, ...]:
    return tuple(path.encode("utf-8", "surrogateescape").strip(b"/").split(b"/"))
