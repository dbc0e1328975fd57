"""The lines of a Dockerfile as instructions, as BuildKit reads them: continued lines, comments, here documents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sysimage.errors import Issue, SpecError

_DIRECTIVE = re.compile(r"#\s*escape\s*=\s*(\S)", re.IGNORECASE)
_HERE = re.compile(r"<<(-?)(['\"]?)([A-Za-z_][\w.-]*)\2")
_VARIABLE = re.compile(r"\\(\$)|\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::([-+])([^}]*))?\})")
INSTRUCTIONS = frozenset(
    [
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction."""

    word: str
    """In capitals."""
    rest: str
    """Its arguments, on one line."""
    line: int
    """1-based: where it begins."""
    documents: tuple[tuple[str, str], ...] = ()
    """Here documents: the word and the text."""
    literal: frozenset[str] = frozenset()
    """Those of their words that are quoted: variables in their texts stay."""


def instructions(text: str, name: str) -> list[Instruction]:
    """Every instruction in order. Raises `SpecError` for lines that are not of a Dockerfile."""
    found = list(_read(text.removeprefix("\ufeff").splitlines()))
    wrong = [
        Issue("", f"{one.word} is not an instruction of a Dockerfile", one.line)
        for one in found
        if one.word not in INSTRUCTIONS
    ]
    if not any(one.word == "FROM" for one in found):
        wrong.append(Issue("", "there is no FROM"))
    if wrong:
        raise SpecError(f"cannot read {name}: it is not a Dockerfile", issues=wrong)
    return found


def _read(lines: list[str]) -> Iterator[Instruction]:
    escape = next((found[1] for line in lines[:3] if (found := _DIRECTIVE.match(line))), "\\")
    index = 0
    while index < len(lines):
        start = index
        parts: list[str] = []
        while index < len(lines):
            line = lines[index].strip()
            index += 1
            if line.startswith("#") or (not line and parts):
                continue
            if line.endswith(escape):
                parts.append(line[:-1])
                continue
            parts.append(line)
            break
        whole = " ".join(part.strip() for part in parts if part.strip())
        if not whole:
            continue
        word, _, rest = whole.partition(" ")
        documents, literal = [], set()
        if word.upper() in ("RUN", "COPY", "ADD"):
            for dash, quote, end in _HERE.findall(rest):
                literal |= {end} if quote else set()
                body = []
                while index < len(lines) and (lines[index].lstrip("\t") if dash else lines[index]) != end:
                    body.append(lines[index].lstrip("\t") if dash else lines[index])
                    index += 1
                index += 1
                documents.append((end, "".join(f"{line}\n" for line in body)))
        first = next((number for number in range(start, index) if lines[number].strip()[:1] not in ("", "#")), start)
        yield Instruction(word.upper(), rest.strip(), first + 1, tuple(documents), frozenset(literal))


def substituted(text: str, variables: Mapping[str, str]) -> str:
    """A text with variables replaced; those without a value are empty, as Docker has it."""

    def value(match: re.Match[str]) -> str:
        if match[1]:
            return "$"
        known = variables.get(match[2] or match[3], "")
        if match[4] == "-":
            return known or match[5]
        if match[4] == "+":
            return match[5] if known else ""
        return known

    return _VARIABLE.sub(value, text)
