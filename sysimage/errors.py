"""The errors a user can act on, and the exit status each ends the program with.

Grammar of every message: ``cannot <verb> <object>: <cause>``. Any other exception that escapes is a bug.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault of an input: where it is, and what is wrong there."""

    where: str
    """A JSON pointer, a path, or a name; empty for the input as a whole."""
    message: str
    line: int | None = None
    """The 1-based line in the source text, where it is known."""
    suggestion: str | None = None
    """The word that was probably meant."""
    column: int | None = None
    """The 1-based column in that line, where it is known."""
    file: str | None = None
    """The name of the source text, or of the flag, where the message as a whole does not say it."""

    def __str__(self) -> str:
        line = "" if self.line is None else f"line {self.line}: "
        message = self.message
        if self.file and self.line is not None:
            line = f"{self.file}:{self.line}:{self.column or 1}: "
            message = message.removeprefix(f"column {self.column}: ")
        elif self.file:
            line = f"{self.file}: "
        where = f"{self.where}: " if self.where else ""
        meant = f" (did you mean {self.suggestion!r}?)" if self.suggestion else ""
        return f"{line}{where}{message}{meant}"


class SysimageError(Exception):
    """Base of every error that is reported without a traceback."""

    exit_status = 1

    def __init__(self, message: str, *, hint: str | None = None, issues: Iterable[Issue] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        """One sentence that says what to do next."""
        self.issues: tuple[Issue, ...] = tuple(issues)
        """All faults of one input, reported together."""

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {issue}" for issue in self.issues)])

    def __reduce__(self) -> tuple[Any, ...]:
        # Whole, whatever a subclass asks for when it is made: it may come from another process.
        return _again, (type(self), self.args), self.__dict__


def _again(kind: type[SysimageError], args: tuple[object, ...]) -> SysimageError:
    error = kind.__new__(kind, *args)
    error.args = args
    return error


class SpecError(SysimageError):
    """system.json, or a combination of flags, does not say what can be built."""

    exit_status = 2


class LockError(SysimageError):
    """The lock file does not match what would be built."""

    exit_status = 3


class IntegrityError(SysimageError):
    """Something is not what it was promised to be: a digest, a size, a signature, an image that fails to verify."""

    exit_status = 4


class BootTestError(SysimageError):
    """The image was tested and did not pass."""

    exit_status = 5


class RegistryError(SysimageError):
    """A registry or the package archive cannot be reached, or refuses."""

    exit_status = 6


class MachineError(SysimageError):
    """This machine lacks something: a program, a permission, room on a disk."""

    exit_status = 7


_OF_THE_MACHINE = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO", "EMFILE", "ENFILE", "ENOMEM", "EFBIG", "EBUSY")
}
"""Errors of the system that say something about the machine whatever was being done."""


def machine_error(error: BaseException) -> MachineError | None:
    """An exception of Python's as the fault of this machine that it stands for; None if it stands for none."""
    if isinstance(error, MemoryError):
        return MachineError("cannot go on: there is no memory left", hint="fewer --jobs need less")
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        return MachineError(f"cannot use {error.filename or 'a file'}: {cause_of(error, error.filename)}")
    return None


def cause_of(error: OSError, path: object, needs: int = 0) -> str:
    """What the system says of an error at ``path`` and, if there is no room, how much the file system there has, and
    how many bytes are needed where that is known."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return str(error.strerror)
    try:
        room = os.statvfs(os.path.dirname(os.fsdecode(path)) or ".")  # type: ignore[arg-type] # noqa: PTH120
    except (TypeError, OSError):
        return str(error.strerror)
    left = room.f_bavail * room.f_frsize // 10**6
    wanted = f"it needs {-(-needs // 10**6)} MB, and " if needs else ""
    return f"{error.strerror}; {wanted}its file system has {left} MB left"
