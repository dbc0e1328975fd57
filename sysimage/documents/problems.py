"""What is wrong, or worth a note, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sysimage import errors
from sysimage.documents.json_value import Document, Part


@dataclass(frozen=True, slots=True)
class Issue(Part):
    """One thing that is wrong, or worth a note, and its place."""

    where: str
    """A JSON pointer, a path, or a name; empty for the whole."""
    file: str | None
    """The file that has it, where the message as a whole does not name it."""
    line: int | None
    """Counted from 1."""
    column: int | None
    """Counted from 1."""
    message: str
    suggestion: str | None
    """The word that was probably meant."""

    @classmethod
    def of(cls, issue: errors.Issue) -> Issue:
        """From the value of the same name that all rooms know."""
        return cls(issue.where, issue.file or None, issue.line, issue.column, issue.message, issue.suggestion)


def issues_of(found: Iterable[errors.Issue]) -> tuple[Issue, ...]:
    """Each as documents have it."""
    return tuple(map(Issue.of, found))


@dataclass(frozen=True, slots=True)
class Failure(Part):
    """Why a verb did not do what it was asked."""

    message: str
    """One line: `cannot <verb> <object>: <cause>`."""
    issues: tuple[Issue, ...]
    """Every fault of the input."""
    hint: str | None
    """What to do next."""
    exit_status: int

    @classmethod
    def of(cls, error: errors.SysimageError, exit_status: int | None = None) -> Failure:
        """From an error; ``exit_status`` is another one than its class has."""
        status = error.exit_status if exit_status is None else exit_status
        return cls(error.message, issues_of(error.issues), error.hint, status)


@dataclass(frozen=True, slots=True)
class ErrorDocument(Document):
    """Any verb that fails, in place of its own document."""

    KIND = "error"

    error: Failure
