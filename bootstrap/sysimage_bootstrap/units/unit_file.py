"""Unit files: sections, assignments and drop-ins, as systemd.syntax(7) has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

_BLANKS = " \t\r\f\v"
"""What may be around a line, a key or a value."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One line, continued ones joined."""

    section: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class UnitFile:
    """The assignments of a unit file, and of the drop-ins that follow it, in their order."""

    assignments: tuple[Assignment, ...] = ()
    odd_lines: tuple[str, ...] = ()
    """What is neither a section, an assignment, nor a comment: systemd ignores it with a warning."""

    @classmethod
    def parse(cls, text: str) -> UnitFile:
        """Read a text; nothing in it is an error, as for systemd."""
        section = ""
        assignments: list[Assignment] = []
        odd: list[str] = []
        for line in _joined(text):
            key, equals, value = line.partition("=")
            if line.startswith("[") and line.endswith("]"):
                section = line[1:-1]
            elif equals and section and key.strip(_BLANKS):
                assignments.append(Assignment(section, key.strip(_BLANKS), value.strip(_BLANKS)))
            else:
                odd.append(line)
        return cls(tuple(assignments), tuple(odd))

    @classmethod
    def of(cls, sections: Mapping[str, Mapping[str, Sequence[str]]]) -> UnitFile:
        """The unit with these values, by section and key."""
        return cls(
            tuple(
                Assignment(section, key, value)
                for section, keys in sections.items()
                for key, values in keys.items()
                for value in values
            )
        )

    def with_drop_ins(self, drop_ins: Iterable[UnitFile]) -> UnitFile:
        """This unit, and after it what the drop-ins say."""
        parts = (self, *drop_ins)
        return UnitFile(
            tuple(chain.from_iterable(part.assignments for part in parts)),
            tuple(chain.from_iterable(part.odd_lines for part in parts)),
        )

    def values(self, section: str, key: str) -> tuple[str, ...]:
        """All values of a key that may be there several times; an empty one takes back those before it."""
        found: list[str] = []
        for one in self.assignments:
            if (one.section, one.key) == (section, key):
                found = [*found, one.value] if one.value else []
        return tuple(found)

    def value(self, section: str, key: str) -> str | None:
        """The value of a key of which the last counts; None without one, or after an empty one."""
        found = self.values(section, key)
        return found[-1] if found else None

    def words(self, section: str, key: str) -> tuple[str, ...]:
        """The words of all values of a key, each once, in their order."""
        return tuple(dict.fromkeys(chain.from_iterable(value.split() for value in self.values(section, key))))

    def keys(self) -> tuple[tuple[str, str], ...]:
        """Every section and key with a value that counts, in the order of their first lines."""
        seen = dict.fromkeys((one.section, one.key) for one in self.assignments)
        return tuple(key for key in seen if self.values(*key))


def _joined(text: str) -> Iterable[str]:
    """The lines that say something: a backslash at the end takes the next line in, comments between them vanish."""
    pending = ""
    for raw in text.replace("\r\n", "\n").split("\n"):
        line = raw.strip(_BLANKS)
        if line.startswith(("#", ";")):
            continue
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        line = (pending + line).strip(_BLANKS)
        pending = ""
        if line:
            yield line
    if pending.strip(_BLANKS):
        yield pending.strip(_BLANKS)
