"""Reads a spec and the files that it includes, each once, those that are included before those that include them."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sysimage.errors import Issue, SpecError
from sysimage.spec.composition_keys import KEYS, CompositionKeys
from sysimage.spec.field_metadata import ANY, FILE_OR_NAME, INSIDE, SPEC_PATH, Pattern, SpecPath, marked
from sysimage.spec.image_reference import is_registry_name
from sysimage.spec.json_text import pointer, read_json
from sysimage.spec.merge import issue_at
from sysimage.spec.model import SystemSpec
from sysimage.spec.other_formats import SPEC_SUFFIXES, allows_comments, is_spec, refuse_other_formats
from sysimage.spec.source_locations import Located, located, plain
from sysimage.spec.text_file import read_text
from sysimage.spec.validation_errors import translate

MOST_NESTED = 32
"""Files of which each includes the next."""


@dataclass(frozen=True, slots=True)
class SpecText:
    """The text of a spec, and where it is from."""

    text: str
    source: str
    """Its name in messages."""
    directory: Path | None
    """What its paths are relative to; None where they are not looked for."""
    from_here: str = ""
    """The path from the directory of the spec that is built to this one's; empty if they are the same."""

    @classmethod
    def of_file(cls, path: Path) -> SpecText:
        """A file; a `SpecError` if it cannot be read."""
        return cls(read_text(path), str(path), path.parent)


@dataclass(slots=True)
class IncludedTexts:
    """What a spec and all that it includes say: each text once, before those that include it."""

    values: list[Located] = field(default_factory=list)
    """Paths in them are relative to the spec itself."""
    files: list[Path] = field(default_factory=list)
    """The files that were included."""
    issues: list[Issue] = field(default_factory=list)
    complete: bool = True
    """Whether every text was read to its end."""
    _chain: list[tuple[str, str]] = field(default_factory=list)
    """The real paths and names of the texts that are read, the outermost first."""
    _read: set[str] = field(default_factory=set)

    def add(self, text: SpecText) -> None:
        """Read a text, and first what it includes."""
        refuse_other_formats(text.text, text.source)
        read = read_json(text.text, comments=allows_comments(text.source))
        for issue in read.issues:
            self.issues.append(replace(issue, file=text.source))
        self.complete &= read.complete
        value = located(read, text.source)
        keys = self._composition_keys(value) if read.complete else CompositionKeys()
        name = "" if text.directory is None else os.path.realpath(text.directory / posixpath.basename(text.source))
        self._chain.append((name, text.source))
        self._read.add(name)
        for index, path in enumerate(keys.include):
            self._include(path, text, value, pointer("include", index))
        self._chain.pop()
        self.values.append(self._rebased(value, text))

    def _include(self, path: str, text: SpecText, value: Located, where: str) -> None:
        place = _at(value, ("include", int(where.rpartition("/")[2]))).place

        def fault(message: str) -> None:
            self.issues.append(issue_at(place, where, message))

        if text.directory is None:
            fault("a text without a file includes nothing")
            return
        if len(self._chain) > MOST_NESTED:
            fault(f"files include one another more than {MOST_NESTED} deep")
            return
        if not is_spec(path):
            fault(f"must be a file called {' or '.join(SPEC_SUFFIXES)}")
            return
        if posixpath.isabs(path):
            fault("must be relative to this file: the same spec is then the same elsewhere")
            return
        file = text.directory / path
        name = os.path.realpath(file)
        if name in (names := [one for one, _ in self._chain]):
            circle = [source for _, source in self._chain[names.index(name) :]]
            fault(f"includes itself: {' -> '.join([*circle, circle[0]])}")
            return
        if name in self._read:
            return
        source = os.path.normpath(file)
        from_here = posixpath.normpath(posixpath.join(text.from_here, posixpath.dirname(path)))
        try:
            below = SpecText(read_text(file), source, file.parent, "" if from_here == "." else from_here)
            self.files.append(file)
            self.add(below)
        except SpecError as error:
            fault(": ".join([error.message, *map(str, error.issues)]))
            self.complete = False

    def _composition_keys(self, value: Located) -> CompositionKeys:
        """What the text says beside its system, as far as it is sound."""
        content = plain(value)
        said = {key: content[key] for key in KEYS if key in content} if isinstance(content, dict) else {}
        try:
            return CompositionKeys.model_validate(said, strict=False, by_alias=True)
        except ValidationError as error:
            for place, issue in translate(error, said):
                self.issues.append(issue_at(_at(value, place).place, issue.where, issue.message, issue.suggestion))
                said.pop(str(place[0]) if place else "", None)
        try:
            return CompositionKeys.model_validate(said, by_alias=True)
        except ValidationError:
            return CompositionKeys()

    def _rebased(self, value: Located, text: SpecText) -> Located:
        """The value with paths relative to the spec itself."""
        for pattern, mark in _paths():
            for keys in _places(value, pattern):
                path = _at(value, keys)
                if not isinstance(path.content, str) or (mark.or_name and "/" not in path.content):
                    continue
                if mark.within and (posixpath.isabs(path.content) or ".." in path.content.split("/")):
                    outside = "must be a path inside the spec's own directory: relative, and without '..'"
                    self.issues.append(issue_at(path.place, pointer(*keys), outside))
                elif keys[-1] == "from-image" and _is_elsewhere(path.content, text):
                    continue
                elif text.from_here and not posixpath.isabs(path.content):
                    moved = posixpath.normpath(posixpath.join(text.from_here, path.content))
                    value = _with(value, keys, Located(moved, path.place))
        return value


def _is_elsewhere(content: str, text: SpecText) -> bool:
    """Whether an image is in a registry: it has such a name, and no file has it."""
    return is_registry_name(content) and not (text.directory is not None and (text.directory / content).exists())


def _paths() -> Iterator[tuple[Pattern, SpecPath]]:
    """Where paths are that are relative to the file, and what holds of them."""
    for mark in (SPEC_PATH, INSIDE, FILE_OR_NAME):
        for pattern in (*marked(SystemSpec, mark), *((("from-store", "contents", ANY),) if mark is SPEC_PATH else ())):
            yield pattern, mark
            yield ("variants", ANY, *pattern), mark


def _places(value: Located, pattern: Pattern) -> list[tuple[str | int, ...]]:
    """The keys that lead to what a pattern is about, as far as it is there."""
    if not pattern:
        return [()]
    content = value.content
    below: list[tuple[str | int, Located]] = []
    if isinstance(content, dict):
        below = [(key, one) for key, one in content.items() if pattern[0] in (ANY, key)]
    elif isinstance(content, list) and pattern[0] == ANY:
        below = list(enumerate(content))
    return [(key, *rest) for key, one in below for rest in _places(one, pattern[1:])]


def _at(value: Located, keys: tuple[str | int, ...]) -> Located:
    """The value at the keys, or the deepest existing part above it."""
    for key in keys:
        content: Any = value.content
        try:
            value = content[key]
        except (LookupError, TypeError):
            break
    return value


def _with(value: Located, keys: tuple[str | int, ...], part: Located) -> Located:
    """The value with another part at a place that it has."""
    if not keys:
        return part
    content: Any = value.content
    changed = _with(content[keys[0]], keys[1:], part)
    if isinstance(content, dict):
        return Located({**content, str(keys[0]): changed}, value.place)
    return Located([changed if index == keys[0] else one for index, one in enumerate(content)], value.place)
