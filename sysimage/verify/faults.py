"""What is wrong with an image: gathered, so that one reading reports all of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable

from sysimage.errors import Issue
from sysimage.rules.finding import Cause, Finding, shown

__all__ = ["Faults", "MalformedError", "shown"]


class MalformedError(ValueError):
    """Input that cannot be read any further; the text says what is wrong with it."""


class Faults:
    """A list of issues that a hostile image cannot make endless. May be added to from several threads."""

    def __init__(self, per_rule: int) -> None:
        self._per_rule = per_rule
        self._counts: Counter[str] = Counter()
        self._issues: list[tuple[str, Issue]] = []
        self._lock = threading.Lock()

    def add(self, rule: str, where: str, message: str) -> None:
        """Note that ``rule`` (a short name that groups equal faults) is broken at ``where``."""
        with self._lock:
            self._counts[rule] += 1
            if self._counts[rule] <= self._per_rule:
                self._issues.append((rule, Issue(where, message)))

    def take(self, findings: Iterable[Finding], where: Callable[[Cause], str]) -> None:
        """Note what rules have found; ``where`` says in which place of an image a cause is."""
        for finding in findings:
            self.add(finding.rule, where(finding.cause), finding.message)

    def __len__(self) -> int:
        return self._counts.total()

    @property
    def issues(self) -> tuple[Issue, ...]:
        """In the order found; where a rule was broken more often than is reported, its last issue says how often."""
        shown = [issue for _, issue in self._issues]
        for rule, count in self._counts.items():
            if count > self._per_rule:
                shown.append(Issue("", f"{count - self._per_rule} more faults of this kind: {rule}"))
        return tuple(shown)
