"""How a registry wants a client to log in that it does not know yet (RFC 9110, 11.6.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a grammar's word
_PART = re.compile(
    rf"\s*(?P<name>{_TOKEN})"
    r'(?:\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]+))|(?P<end>(?=[\s,]|$)))'
)
_MOST = 64
"""Schemes and parameters that are read."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to log in."""

    scheme: str
    """In lower case."""
    parameters: Mapping[str, str]
    """Names in lower case."""


def parse_challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges of one or several headers, each of which may hold a list of them. What is not a challenge is left
    out."""
    found: list[tuple[str, dict[str, str]]] = []
    for value in values:
        own: dict[str, str] | None = None
        at = 0
        for _ in range(_MOST):
            while at < len(value) and value[at] in ", \t":
                at += 1
            match = _PART.match(value, at)
            if match is None:
                break
            at = match.end()
            name = match["name"].lower()
            if match["end"] is not None:
                own = {}
                found.append((name, own))
            elif own is not None:
                text = match["plain"] if match["quoted"] is None else re.sub(r"\\(.)", r"\1", match["quoted"])
                own.setdefault(name, text)
    return tuple(Challenge(scheme, parameters) for scheme, parameters in found)
