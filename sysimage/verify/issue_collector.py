"""What is wrong with an image: gathered, so that one reading reports all of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable

from sysimage.errors import Issue
from sysimage.rules.finding import Cause, Finding, escaped

__all__ = ["IssueCollector", "MalformedError", "escaped"]


class MalformedError(ValueError):
    """Input that cannot be read any further; the text says what is wrong with it."""


class IssueCollector:
    """Lists of issues that a hostile image cannot make endless. May be added to from several threads.

    A fault is what is unsafe, untrue, or refused by an engine; a note is what engines take and a careful writer avoids.
    """

    def __init__(self, per_rule: int) -> None:
        self._faults = _Issues(per_rule, "faults")
        self._notes = _Issues(per_rule, "notes")
        self._lock = threading.Lock()

    def add(self, rule: str, where: str, message: str) -> None:
        """Record that ``rule`` (a short name that groups equal faults) is broken at ``where``."""
        with self._lock:
            self._faults.add(rule, Issue(where, message))

    def note(self, rule: str, where: str, message: str) -> None:
        """Record something of which ``rule`` advises against, but with which the image works."""
        with self._lock:
            self._notes.add(rule, Issue(where, message))

    def style(self, *, ours: bool) -> Callable[[str, str, str], None]:
        """How to record a fault that is forbidden in images of sysimage (``ours``) and allowed in others: `add` or
        `note`."""
        return self.add if ours else self.note

    def add_findings(self, findings: Iterable[Finding], where: Callable[[Cause], str]) -> None:
        """Note what rules have found; ``where`` says in which place of an image a cause is."""
        for finding in findings:
            self.add(finding.rule, where(finding.cause), finding.message)

    def broken(self, rules: Iterable[str]) -> bool:
        """Whether a fault of one of the rules was found."""
        return any(self._faults.has(rule) for rule in rules)

    def __len__(self) -> int:
        """How many faults there are; notes do not count."""
        return self._faults.count()

    @property
    def issues(self) -> tuple[Issue, ...]:
        """The faults in the order found; where a rule was broken more often than is reported, its last issue says how
        often."""
        return self._faults.listed()

    @property
    def notes(self) -> tuple[Issue, ...]:
        """The notes, in the same form."""
        return self._notes.listed()


class _Issues:
    def __init__(self, per_rule: int, what: str) -> None:
        self._per_rule, self._what = per_rule, what
        self._counts: Counter[str] = Counter()
        self._issues: list[Issue] = []

    def add(self, rule: str, issue: Issue) -> None:
        self._counts[rule] += 1
        if self._counts[rule] <= self._per_rule:
            self._issues.append(issue)

    def has(self, rule: str) -> bool:
        return rule in self._counts

    def count(self) -> int:
        return self._counts.total()

    def listed(self) -> tuple[Issue, ...]:
        more = [
            Issue("", f"{count - self._per_rule} more {self._what} of this kind: {rule}")
            for rule, count in self._counts.items()
            if count > self._per_rule
        ]
        return (*self._issues, *more)
