"""How an error is reported to people and to programs."""

from __future__ import annotations

import platform
import traceback
from dataclasses import replace

from sysimage import __version__
from sysimage.characters import printable
from sysimage.cli.terminal import Terminal
from sysimage.errors import SysimageError, machine_error

INTERNAL = 70
"""The exit status when the fault is ours (EX_SOFTWARE of sysexits.h)."""
_LONGEST_PLACE = 1000
"""Letters of a place that people are shown."""


def report_failure(error: Exception, terminal: Terminal, *, as_json: bool) -> int:
    """Say what happened, every issue and one hint on standard error; return the exit status.

    With ``as_json`` the same is printed as a document on standard output, where the result would have been.
    """
    if terminal.debugs:
        terminal.note("".join(traceback.format_exception(error)).rstrip())
    told = _as_user_error(error)
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
        from sysimage.documents.problems import ErrorDocument, Failure

        terminal.document(ErrorDocument(Failure.of(told, status)))
    return status


def _as_user_error(error: Exception) -> SysimageError | None:
    """The error as one that a user can act on, if it is one."""
    return error if isinstance(error, SysimageError) else machine_error(error)


def _report_internal(error: Exception, terminal: Terminal) -> None:
    terminal.note(f"sysimage: internal error: {type(error).__name__}: {error}")
    where = traceback.extract_tb(error.__traceback__)[-1:]
    for frame in where:
        terminal.note(f"  in {frame.name}, {frame.filename}:{frame.lineno}")
    terminal.note(f"  sysimage {__version__}, Python {platform.python_version()}, {platform.machine()}")
    again = "" if terminal.debugs else "; run it again with SYSIMAGE_DEBUG=1 and include the traceback"
    terminal.note(f"hint: this is a fault of sysimage; please report it to the project{again}")
