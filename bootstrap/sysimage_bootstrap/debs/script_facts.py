"""What maintainer scripts say of a package's own files, in words that mean the same in every system.

Two commands are read where they stand as they are: ``dpkg-divert``, which moves other packages' files out of the way,
and ``setcap``. A word may hold a variable that the script sets once, to plain text, or that a loop sets to several.
What a script does after it asked debconf is not known here, and counts as not done: so it is by default with every
capability that is asked about.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, product

_ASSIGNMENT = re.compile(
    r"""(?m)^\s*(?:local\s+|readonly\s+)?([A-Za-z_]\w*)=(?:"([^"$`\\]*)"|'([^']*)'|([^\s"'$`;&|()]+))\s*$"""
)
_LOOP = re.compile(r"(?m)^\s*for\s+([A-Za-z_]\w*)\s+in\s+([^;\n$`\"'*?\[]+)[;\n]\s*do\b")
_ASKS = re.compile(r"(?m)^\s*db_(get|input)\b")
_END = frozenset({";", "&&", "||", "|", "&", ";;", "then", "do", ")", "(", "{", "}"})
_NOT_ADDING = ("--remove", "--list", "--listpackage", "--truename", "--help", "--version")
_WITH_VALUE = ("--package", "--divert", "--admindir", "--instdir", "--root")
_CAPABILITIES = re.compile(r"cap_[a-z_]+(?:,cap_[a-z_]+)*[+=][eip]{1,3}")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_MOST_WAYS = 1000
_ALIASED = ".usr-is-merged"
"""What Debian's move to one /usr calls a path that is diverted to itself: nothing is moved."""


@dataclass(frozen=True, slots=True)
class ScriptFacts:
    """Of one package. Paths are relative to the item, as they are below ``/usr``."""

    diversions: dict[str, str]
    """Path that only this package's file may have → where every other package's file of that path is instead."""
    capabilities: dict[str, str]
    """Path of a program → what it may do, as for setcap(8)."""


def script_facts(package: str, preinst: str, postinst: str) -> ScriptFacts:
    """Read two scripts of a package; what is empty says nothing."""
    diversions: dict[str, str] = {}
    capabilities: dict[str, str] = {}
    for script in (preinst, postinst):
        variables = _variables(script)
        for words in _commands(script, "dpkg-divert", variables):
            diversions |= _diversion(package, words)
        if not _ASKS.search(script):
            for words in _commands(script, "setcap", variables):
                capabilities |= _capability(words)
    return ScriptFacts(diversions, capabilities)


def _variables(script: str) -> dict[str, tuple[str, ...]]:
    """Those that are set once, and those of loops over plain words."""
    once: dict[str, set[str]] = {}
    for name, *texts in _ASSIGNMENT.findall(script):
        once.setdefault(name, set()).add("".join(texts))
    found = {name: tuple(texts) for name, texts in once.items() if len(texts) == 1}
    loops: dict[str, dict[str, None]] = {}
    for name, words in _LOOP.findall(script):
        loops.setdefault(name, {}).update(dict.fromkeys(words.split()))
    return found | {name: tuple(words) for name, words in loops.items() if name not in once}


def _commands(script: str, program: str, variables: dict[str, tuple[str, ...]]) -> Iterator[list[str]]:
    """The arguments of each call of a program, variables replaced."""
    joined = re.sub(r"\\\n", " ", script)
    for line in joined.splitlines():
        if program not in line:
            continue
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:
            continue  # it goes on in the next line, as in a here-document
        while program in words:
            words = words[words.index(program) + 1 :]
            end = next((at for at, word in enumerate(words) if word in _END or word[0] in "<>"), len(words))
            yield from _expanded(words[:end], variables)


def _expanded(words: list[str], variables: dict[str, tuple[str, ...]]) -> Iterator[list[str]]:
    """The words once for every way to set the variables in them."""
    used = sorted({name for word in words for pair in _VARIABLE.findall(word) for name in pair} & variables.keys())
    for values in islice(product(*(variables[name] for name in used)), _MOST_WAYS):
        chosen = dict(zip(used, values, strict=True))
        yield [_with(word, chosen) for word in words]


def _with(word: str, chosen: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda m: chosen.get(m[1] or m[2], m[0]), word)


def _diversion(package: str, words: list[str]) -> dict[str, str]:
    if any(word in _NOT_ADDING for word in words):
        return {}
    divert, owner, plain, waiting = "", package, [], iter(words)
    for word in waiting:
        option, _, value = word.partition("=")
        if option in _WITH_VALUE:
            value = value or next(waiting, "")
            divert = value if option == "--divert" else divert
            owner = value if option == "--package" else owner
        elif not word.startswith("-"):
            plain.append(word)
    if (
        owner != package
        or len(plain) != 1
        or not _are_paths((plain[0], divert or plain[0]))
        or divert.endswith(_ALIASED)
    ):
        return {}
    return {_below_usr(plain[0]): _below_usr(divert or f"{plain[0]}.distrib")}


def _capability(words: list[str]) -> dict[str, str]:
    words = [word for word in words if word != "-q"]
    pairs = zip(words[::2], words[1::2], strict=False)
    return {_below_usr(path): text for text, path in pairs if _CAPABILITIES.fullmatch(text) and _are_paths((path,))}


def _are_paths(words: Iterable[str]) -> bool:
    return all(word.startswith("/") and not set(word) & set("$`*?[\n") for word in words)


def _below_usr(path: str) -> str:
    return posixpath.normpath(path).lstrip("/").removeprefix("usr/")
