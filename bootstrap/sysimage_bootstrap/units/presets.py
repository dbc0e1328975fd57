"""Presets: which units a system enables unasked (systemd.preset(5))."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Presets:
    """The rules of all preset files in the order in which systemd reads them."""

    rules: tuple[tuple[str, bool], ...] = ()
    """Pattern of unit names, and whether units that match are enabled; the first that matches counts."""

    @classmethod
    def parse(cls, texts: Mapping[str, str]) -> Presets:
        """Read files by name; lines that are not rules are ignored, as systemd does."""
        rules = []
        for name in sorted(texts):
            for line in texts[name].splitlines():
                word, *patterns = line.split() or [""]
                if word in ("enable", "disable") and patterns:
                    rules.append((patterns[0], word == "enable"))
        return cls(tuple(rules))

    def enables(self, unit: str) -> bool:
        """Whether a unit is enabled by default; one that no rule mentions is."""
        return next((enabled for pattern, enabled in self.rules if fnmatch.fnmatchcase(unit, pattern)), True)
