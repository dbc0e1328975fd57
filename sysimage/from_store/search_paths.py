"""Variables under which programs find what store items have: those that a Guix profile sets, and a PATH for others.

A profile's ``etc/profile`` is a shell script of assignments (guix/build/profiles.scm, guix/search-paths.scm in Guix):

    export PATH="${GUIX_PROFILE:-/gnu/store/…-profile}/bin:${GUIX_PROFILE:-/gnu/store/…-profile}/sbin${PATH:+:}$PATH"

It is read by the shell's rules for words and parameters, and nothing is run. What is not an assignment is an error: a
variable that is left out without a message is noticed only when a program does not work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from sysimage.errors import Issue, SpecError
from sysimage.from_store.item_files import ItemFiles
from sysimage.store.paths import StorePath

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_ASSIGNMENT = re.compile(rf"\s*export\s+({_NAME})=")
_PARAMETER = re.compile(rf"\$(?:({_NAME})|\{{({_NAME})(?::([-+])([^}}$`\"'\\]*))?\}})")
"""``$NAME``, ``${NAME}``, ``${NAME:-word}`` and ``${NAME:+word}``, whose words are never evaluated themselves."""
_LITERAL = re.compile(r"[A-Za-z0-9_/.,:=@%+^-]+")
_LITERAL_IN_QUOTES = re.compile(r"[^\\\"`$]+")
_ESCAPED = re.compile(r"\\(.)")
_ESCAPED_IN_QUOTES = re.compile(r"\\([\\\"`$])")
_SINGLE_QUOTED = re.compile(r"'([^']*)'")
_END = re.compile(r"\s*;?\s*\Z|\s+#")


def search_paths(roots: Sequence[StorePath], files: ItemFiles, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that all ``roots`` set in ``environment``; directories of the first root come first.

    A Guix profile, which has a ``manifest``, lists its own; of other items, ``bin`` and ``sbin`` are the PATH. A
    `SpecError` names every line of a profile that cannot be read.
    """
    values = dict(environment)
    names: list[str] = []
    for root in reversed(roots):  # each one puts its own before what there is
        profile = files.find(f"{root}/etc/profile") if files.find(f"{root}/manifest") is not None else None
        found = _of_profile(root, profile, values) if profile is not None else _of_programs(root, files, values)
        names = [*found, *names]
        values |= found
    return {name: values[name] for name in names}


def _of_programs(root: StorePath, files: ItemFiles, values: Mapping[str, str]) -> dict[str, str]:
    places = [f"{root}/{name}" for name in ("bin", "sbin") if files.find(f"{root}/{name}") is not None]
    return {"PATH": ":".join([*places, *filter(None, [values.get("PATH")])])} if places else {}


def _of_profile(root: StorePath, profile: Path, values: Mapping[str, str]) -> dict[str, str]:
    try:
        return assignments(profile.read_text("utf-8"), {**values, "GUIX_PROFILE": str(root)})
    except UnicodeDecodeError as error:
        issues = [Issue(f"{root}/etc/profile", f"is not UTF-8: {error.reason} at byte {error.start}")]
    except ValueError as error:
        issues = [Issue(f"{root}/etc/profile", text, line) for line, text in error.args[0]]
    raise SpecError(
        f"cannot read the variables of the profile {root}: its etc/profile is not as Guix writes it",
        hint='put the items of the profile into "paths", and the variables into "environment"',
        issues=issues,
    )


def assignments(script: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a script of exported assignments sets, one a line, evaluated in ``environment``.

    A ValueError holds a list of (1-based line, what is wrong) for every other line except comments.
    """
    values = dict(environment)
    found: dict[str, str] = {}
    faults = []
    for number, line in enumerate(script.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _ASSIGNMENT.match(line)
        if match is None:
            faults.append((number, f"is not an exported assignment: {line.strip()[:120]}"))
            continue
        try:
            values[match[1]] = found[match[1]] = _value(line, match.end(), values)
        except ValueError as error:
            faults.append((number, f"{error}: {line.strip()[:120]}"))
    if faults:
        raise ValueError(faults)
    return found


def _value(line: str, start: int, values: Mapping[str, str]) -> str:
    """What the word that begins at ``start`` and ends the line is worth."""
    parts = []
    quoted = False
    while quoted or not _END.match(line, start):
        literal, escaped = (_LITERAL_IN_QUOTES, _ESCAPED_IN_QUOTES) if quoted else (_LITERAL, _ESCAPED)
        if line.startswith('"', start):
            quoted = not quoted
            start += 1
            continue
        if match := _PARAMETER.match(line, start):
            parts.append(_parameter(match, values))
        elif match := literal.match(line, start):
            parts.append(match[0])
        elif (match := escaped.match(line, start)) or (not quoted and (match := _SINGLE_QUOTED.match(line, start))):
            parts.append(match[1])
        elif quoted and line.startswith("\\", start):
            parts.append("\\")
            start += 1
            continue
        else:
            rest = line[start:]
            raise ValueError(f"what begins with {rest[:20]!r} is not a value" if rest else "a quote is not closed")
        start = match.end()
    return "".join(parts)


def _parameter(match: re.Match[str], values: Mapping[str, str]) -> str:
    value = values.get(match[1] or match[2]) or ""
    if match[3] is None:
        return value
    return (value or match[4]) if match[3] == "-" else (match[4] if value else "")
