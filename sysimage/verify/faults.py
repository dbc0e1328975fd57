"""What is wrong with an image: gathered, so that one reading reports all of it."""

from __future__ import annotations

import threading
from collections import Counter

from sysimage.errors import Issue


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


def shown(name: bytes | str) -> str:
    """A name as it can stand in a message: control characters and bytes that are no UTF-8 are escaped."""
    text = name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
    text = text if len(text) <= 300 else text[:300] + "…"
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode() for letter in text
    )
