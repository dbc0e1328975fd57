"""What people and machines are told when something goes wrong."""

from __future__ import annotations

import errno
import platform
import traceback
from dataclasses import replace

from sysimage import __version__
from sysimage.characters import printable
from sysimage.cli.terminal import Terminal
from sysimage.errors import MachineError, SysimageError

INTERNAL = 70
"""The exit status when the fault is ours (EX_SOFTWARE of sysexits.h)."""
_LONGEST_PLACE = 1000
"""Letters of a place that people are shown."""
_OF_THE_MACHINE = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO", "EMFILE", "ENFILE", "ENOMEM", "EFBIG", "EBUSY")
}
"""Errors of the system that say something about the machine whatever we were doing."""


def report_failure(error: Exception, terminal: Terminal, *, as_json: bool) -> int:
    """Say what happened, every issue and one hint on standard error; return the exit status.

    With ``as_json`` the same is printed as a document on standard output, where the result would have been.
    """
    if terminal.debugs:
        terminal.note("".join(traceback.format_exception(error)).rstrip())
    told = _told(error)
    if told is None:
        _report_internal(error, terminal)
        told, status = SysimageError(f"internal error: {type(error).__name__}: {error}"), INTERNAL
    else:
        status = told.exit_status
        terminal.note(f"sysimage: {told.message}")
        for issue in told.issues:
            where = issue.where if len(issue.where) <= _LONGEST_PLACE else f"{issue.where[:_LONGEST_PLACE]}…"
            terminal.note("  " + str(replace(issue, where=printable(where))).replace("\n", "\n    "))
        if told.hint:
            terminal.note(f"hint: {told.hint}")
    if as_json:
        terminal.document({"error": error_document(told, status)})
    return status


def _told(error: Exception) -> SysimageError | None:
    """The error as one that a user can act on, if it is one."""
    if isinstance(error, SysimageError):
        return error
    if isinstance(error, MemoryError):
        return MachineError("cannot go on: there is no memory left", hint="fewer --jobs need less")
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        return MachineError(f"cannot use {error.filename or 'a file'}: {error.strerror}")
    return None


def _report_internal(error: Exception, terminal: Terminal) -> None:
    terminal.note(f"sysimage: internal error: {type(error).__name__}: {error}")
    where = traceback.extract_tb(error.__traceback__)[-1:]
    for frame in where:
        terminal.note(f"  in {frame.name}, {frame.filename}:{frame.lineno}")
    terminal.note(f"  sysimage {__version__}, Python {platform.python_version()}, {platform.machine()}")
    again = "" if terminal.debugs else "; run it again with SYSIMAGE_DEBUG=1 and include the traceback"
    terminal.note(f"hint: this is a fault of sysimage; please report it to the project{again}")


def error_document(error: SysimageError, status: int) -> dict[str, object]:
    """An error for machines."""
    return {
        "message": error.message,
        "issues": [
            {
                "where": issue.where,
                "line": issue.line,
                "column": issue.column,
                "message": issue.message,
                "suggestion": issue.suggestion,
            }
            for issue in error.issues
        ],
        "hint": error.hint,
        "exit_status": status,
    }
