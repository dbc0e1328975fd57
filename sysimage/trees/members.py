"""What a directory or an archive holds, in one form for both: members with paths below the tree's top."""

from __future__ import annotations

import contextlib
import io
import lzma
import os
import posixpath
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Self, cast

import pyzstd

from sysimage.errors import SpecError

_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    pyzstd.ZstdError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)
"""What the libraries raise on archives that are cut off, encrypted or of an unknown kind: zipfile RuntimeError for the
second and NotImplementedError for the last."""
DIRECTORY, FILE, LINK, OTHER = "directory", "file", "link", "something else"


@dataclass(frozen=True, slots=True)
class Member:
    """One file, directory or symlink of a source."""

    path: str
    """Relative to the top, as the source says it."""
    kind: str
    """`DIRECTORY`, `FILE`, `LINK`, or `OTHER` for what no tree can have."""
    executable: bool = False
    target: str = ""
    """What a link says."""
    same_as: str = ""
    """The path of an earlier member, of which this is another name."""
    state: str = ""
    """Moves whenever the content may have changed; empty where only reading shows that."""
    open: Callable[[], IO[bytes]] = io.BytesIO
    """The content of a file, to be read before the next member is asked for."""


Skip = Callable[[str, bool], bool]
"""Whether what is at a path is left out, which is a directory or not; a directory with everything in it."""


def members(source: Path, skip: Skip) -> Iterator[Member]:
    """Everything in ``source`` except what ``skip`` selects, parents first. A `SpecError` if it cannot be read."""
    try:
        if source.is_dir():
            yield from _of_directory(source, "", skip)
        elif source.suffix == ".zip":
            yield from _of_zip(source, skip)
        else:
            yield from _of_tar(source, skip)
    except OSError as error:
        raise _unreadable(source, error) from error
    except _DAMAGED as error:
        raise SpecError(f"cannot read the tree {source}: it is not an archive that can be read: {error}") from error


def archive_state(source: Path) -> str:
    """What an archive looks like from outside, which moves with every change of its content. A `SpecError` if it cannot
    be seen."""
    try:
        return _state(source.stat())
    except OSError as error:
        raise _unreadable(source, error) from error


def _unreadable(source: Path, error: OSError) -> SpecError:
    cause = f"{error.strerror}: {error.filename or source}" if error.strerror else str(error)
    return SpecError(f"cannot read the tree {source}: {cause}")


def _state(status: os.stat_result) -> str:
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _of_directory(directory: Path, above: str, skip: Skip) -> Iterator[Member]:
    with os.scandir(directory) as found:
        entries = sorted(found, key=lambda entry: os.fsencode(entry.name))
    for entry in entries:
        path = above + entry.name
        status = entry.stat(follow_symlinks=False)
        is_directory = stat.S_ISDIR(status.st_mode)
        if skip(path, is_directory):
            continue
        if is_directory:
            yield Member(path, DIRECTORY)
            yield from _of_directory(Path(entry.path), f"{path}/", skip)
        elif stat.S_ISLNK(status.st_mode):
            yield Member(path, LINK, target=os.readlink(entry.path))  # noqa: PTH115 - as text, whatever it says
        elif stat.S_ISREG(status.st_mode):
            yield Member(
                path, FILE, bool(status.st_mode & 0o100), state=_state(status), open=partial(_open, entry.path)
            )
        else:
            yield Member(path, OTHER)


def _open(place: str) -> IO[bytes]:
    return os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


_ENDS = (tarfile.EOFHeaderError, tarfile.EmptyHeaderError)  # type: ignore[attr-defined]  # a block of zeros; no block


class _TarMember(tarfile.TarInfo):
    """A member of an archive that is damaged if a header is: the library takes any but the first for the end."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile, /) -> Self:
        try:
            return super().fromtarfile(tarfile_)
        except _ENDS:
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from None


def _of_tar(source: Path, skip: Skip) -> Iterator[Member]:
    with contextlib.ExitStack() as stack:
        if source.name.endswith(".zst"):
            stream = stack.enter_context(pyzstd.ZstdFile(source))
            archive = stack.enter_context(
                tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|", tarinfo=_TarMember)
            )
        else:
            archive = stack.enter_context(tarfile.open(source, mode="r|*", tarinfo=_TarMember))
        for found in archive:
            path = _relative(found.name)
            if path == "." or skip(path, found.isdir()):
                continue
            if found.isdir():
                yield Member(path, DIRECTORY)
            elif found.issym():
                yield Member(path, LINK, target=found.linkname)
            elif found.islnk():
                yield Member(path, FILE, same_as=_relative(found.linkname))
            elif found.isfile():
                yield Member(path, FILE, bool(found.mode & 0o100), open=partial(_content, archive, found))
            else:
                yield Member(path, OTHER)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    return cast("IO[bytes]", archive.extractfile(member))  # it is a regular file


def _of_zip(source: Path, skip: Skip) -> Iterator[Member]:
    with zipfile.ZipFile(source) as archive:
        for found in archive.infolist():
            path, mode = _relative(found.filename), found.external_attr >> 16
            if path == "." or skip(path, found.is_dir()):
                continue
            if found.is_dir():
                yield Member(path, DIRECTORY)
            elif stat.S_ISLNK(mode):
                yield Member(path, LINK, target=os.fsdecode(archive.read(found)))
            elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
                yield Member(path, FILE, bool(mode & 0o100), open=partial(archive.open, found))
            else:
                yield Member(path, OTHER)


def _relative(name: str) -> str:
    """A member's name without ``./`` before and ``/`` after it; what leads out stays as it is, to be refused."""
    return name if name.startswith("/") or ".." in name.split("/") else posixpath.normpath(name)
