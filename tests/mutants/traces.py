"""Which tests run which lines: what makes the trial of a mutant short.

The fast tests of a room run once with a trace. Then a mutant is tried with the tests that run its line, and a line that
only runs in programs that tests start, or while modules are imported, is tried with the tests that run its module.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Traces:
    """Names of tests (``tests/…/test_x.py::test_y[z]``) by the lines of the modules that they run."""

    seconds: dict[str, float] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    """Without any mutant: of no use here."""
    by_line: dict[tuple[str, int], set[str]] = field(default_factory=lambda: defaultdict(set))
    at_import: set[tuple[str, int]] = field(default_factory=set)
    """Lines that run while modules are imported: what they made, any test of the module may use."""
    by_module: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, document: Path) -> None:
        """The trace of one process, as `pytest_plugin` writes it."""
        found = json.loads(document.read_text())
        names = ["", *found["seconds"]]
        self.seconds |= found["seconds"]
        self.failed |= set(found["failed"])
        for module, lines in found["lines"].items():
            for line, numbers in lines.items():
                tests = {names[number] for number in numbers if number} - self.failed
                self.by_line[module, int(line)] |= tests
                if 0 in numbers:
                    self.at_import.add((module, int(line)))
                self.by_module[module] |= tests

    def tests_of(self, module: str, lines: range) -> set[str]:
        """The tests that run one of the lines; those of the whole module if none is known to, or its import does; and
        all where none runs the module, whose constants any of them may use. The tests beside a module count as its
        own, also those that only use what its import made."""
        tests: set[str] = set()
        for line in lines:
            tests |= self.by_line.get((module, line), set())
        if not tests or any((module, line) in self.at_import for line in lines):
            sound = set(self.seconds) - self.failed
            if not (running := self.by_module.get(module)):
                return sound
            return running | {test for test in sound if f"/test_{Path(module).name}::" in test}
        return tests

    def shortest(self, names: Iterable[str], limit: float) -> list[str]:
        """Tests that together take ``limit`` seconds, the shortest first; one at least."""
        chosen: list[str] = []
        total = 0.0
        for name in sorted(names, key=lambda name: (self.seconds[name], name)):
            total += self.seconds[name]
            if chosen and total > limit:
                break
            chosen.append(name)
        return chosen
