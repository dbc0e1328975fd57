"""The one walk over the files of a store item; every reader of items is a visitor of it.

Entries come in the order of an archive: a directory, what it holds sorted by the bytes of names, the end of the
directory. The types that a directory itself knows are enough: no status is asked for by name.
"""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import ClassVar

from sysimage.errors import IntegrityError

OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""How a file of an item is opened: a link that took its place is not followed, a pipe is not waited for."""
_by_name = attrgetter("name")


class Top:
    """An item itself, with those attributes of a directory's entry that visitors use; it has no name."""

    __slots__ = ("path",)
    name = b""

    def __init__(self, path: bytes) -> None:
        self.path = path

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        """As of `os.DirEntry`."""
        return os.stat(self.path, follow_symlinks=follow_symlinks)  # noqa: PTH116 (bytes)


Entry = os.DirEntry[bytes] | Top


@dataclass(frozen=True, slots=True)
class Purpose:
    """What an item is walked for: it decides which names are refused, and is part of messages."""

    task: str
    """What cannot be done with a file that is refused; ``{}`` stands for its path."""
    reserved: bytes = b""
    """Names that begin so are refused; empty refuses none."""
    reserved_because: str = ""

    def refuse_special(self, path: bytes) -> IntegrityError:
        """The error for what is neither file, directory nor symlink."""
        return IntegrityError(
            f"cannot {self.task.format(os.fsdecode(path))}: it is neither a file, a directory nor a symlink",
            hint="devices, pipes and sockets cannot be in a store",
        )

    def refuse_reserved(self, path: bytes) -> IntegrityError:
        """The error for a reserved name."""
        return IntegrityError(f"cannot {self.task.format(os.fsdecode(path))}: {self.reserved_because}")


FOR_ARCHIVE = Purpose("archive {}")


class Visitor(ABC):
    """What is done with each entry of an item.

    ``name`` is the entry's path as the caller of `walk` calls the item, without a slash at the end.
    """

    __slots__ = ()
    purpose: ClassVar[Purpose] = FOR_ARCHIVE

    @abstractmethod
    def file(self, entry: Entry, name: bytes) -> None:
        """A regular file."""

    @abstractmethod
    def link(self, entry: Entry, name: bytes) -> None:
        """A symbolic link."""

    def enter(self, entry: Entry, name: bytes) -> None:  # noqa: B027 (not all need it)
        """A directory; what it holds comes next."""

    def leave(self, depth: int) -> None:  # noqa: B027 (not all need it)
        """The end of the directory entered last, which is ``depth`` directories below the item."""


class ContentVisitor(Visitor):
    """A visitor that needs what files and links hold: each is opened or read once."""

    __slots__ = ()

    @abstractmethod
    def content(self, entry: Entry, name: bytes, fd: int, size: int, executable: bool) -> None:
        """An open regular file of ``size`` bytes; ``executable`` for its owner."""

    @abstractmethod
    def target(self, entry: Entry, name: bytes, target: bytes) -> None:
        """A symbolic link to ``target``."""

    def file(self, entry: Entry, name: bytes) -> None:
        """Open the file and see that it is one."""
        fd = os.open(entry.path, OPEN_FLAGS)
        try:
            status = os.fstat(fd)
            mode = status.st_mode
            if not stat.S_ISREG(mode):
                raise self.purpose.refuse_special(entry.path)
            self.content(entry, name, fd, status.st_size, mode & 0o100 != 0)
        finally:
            os.close(fd)

    def link(self, entry: Entry, name: bytes) -> None:
        """Read the link."""
        self.target(entry, name, os.readlink(entry.path))  # noqa: PTH115 (bytes)


def walk(path: bytes, visitor: Visitor, name: bytes = b"") -> None:
    """Show ``visitor`` the item at ``path``, which is a file, a symlink or a directory, and everything below it.

    ``name`` is what the item is called in the names that the visitor gets. What is neither of the three, and a name
    that the visitor's purpose reserves, is an `IntegrityError`; what cannot be read is an `OSError`.
    """
    top = Top(path)
    mode = os.lstat(path).st_mode
    if stat.S_ISDIR(mode):
        visitor.enter(top, name)
        _walk_below(path, visitor, name)
    elif stat.S_ISLNK(mode):
        visitor.link(top, name)
    elif stat.S_ISREG(mode):
        visitor.file(top, name)
    else:
        raise visitor.purpose.refuse_special(path)


def _walk_below(directory: bytes, visitor: Visitor, name: bytes) -> None:
    # A stack instead of recursion: directories may be nested deeper than Python likes to call. As a generator, whose
    # user needs no call for an entry, this takes 0.94 of the time where only sizes are asked for, 0.99 of an archive's.
    file, link, enter, leave, purpose = visitor.file, visitor.link, visitor.enter, visitor.leave, visitor.purpose
    unfinished: list[tuple[bytes, Iterator[os.DirEntry[bytes]]]] = [(name + b"/", _entries(directory, purpose))]
    while unfinished:
        above, entries = unfinished[-1]
        for entry in entries:
            name = above + entry.name
            if entry.is_file(follow_symlinks=False):
                file(entry, name)
            elif entry.is_symlink():
                link(entry, name)
            elif entry.is_dir(follow_symlinks=False):
                enter(entry, name)
                unfinished.append((name + b"/", _entries(entry.path, purpose)))
                break
            else:
                raise purpose.refuse_special(entry.path)
        else:
            unfinished.pop()
            leave(len(unfinished))


def _entries(directory: bytes, purpose: Purpose) -> Iterator[os.DirEntry[bytes]]:
    """What a directory holds, sorted by the bytes of names."""
    with os.scandir(directory) as found:
        entries = sorted(found, key=_by_name)
    # A look at the first name alone, which is past the reserved ones in nearly all directories.
    reserved = purpose.reserved
    if reserved and entries and entries[0].name[: len(reserved)] <= reserved:
        at = bisect_left(entries, reserved, key=_by_name)
        if at < len(entries) and entries[at].name.startswith(reserved):
            raise purpose.refuse_reserved(entries[at].path)
    return iter(entries)
