"""What two texts inside a jar say: its manifest, and the properties that Maven leaves in it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

_LINE = re.compile(r"\r\n|\n|\r")
_KEYS = ("groupId", "artifactId", "version")


def main_attributes(text: bytes) -> dict[str, str]:
    """The attributes of a whole manifest, by lower-case name: those before its first empty line."""
    found: dict[str, str] = {}
    name = ""
    for line in _LINE.split(text.decode("utf-8", "replace")):
        if not line:
            break
        if line.startswith(" "):  # a line ends after 72 bytes, in the middle of a word
            if name:
                found[name] += line[1:]
            continue
        name, _, value = line.partition(":")
        name = name.strip().lower()
        found[name] = value.removeprefix(" ")
    return found


def reached(class_path: tuple[str, ...], path: str) -> Iterator[str]:
    """The paths of the files that a jar at a path names in its attribute Class-Path, those of directories left out."""
    for entry in class_path:
        with suppress(ValueError):  # no address: Java ignores it
            address = urlsplit(entry)
            if not address.scheme and not address.netloc and address.path and not address.path.endswith("/"):
                yield posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(address.path)))


@dataclass(frozen=True, slots=True, order=True)
class Artifact:
    """What Maven calls a jar."""

    group: str
    name: str
    version: str

    @property
    def purl(self) -> str:
        """Its package URL."""
        group, name, version = (quote(part, safe="") for part in (self.group, self.name, self.version))
        return f"pkg:maven/{group}/{name}@{version}"

    @classmethod
    def of(cls, properties: bytes) -> Artifact | None:
        """What a ``pom.properties`` says; None where it says too little."""
        said = _properties(properties.decode("utf-8", "replace"))
        parts = [said.get(key, "") for key in _KEYS]
        return cls(*parts) if all(parts) and all(map(str.isprintable, parts)) else None


def _properties(text: str) -> Mapping[str, str]:
    """Keys and values as Maven writes them: a pair a line, without escapes."""
    lines = (line.strip() for line in _LINE.split(text))
    pairs = (line.partition("=")[::2] for line in lines if "=" in line and line[0] not in "#!")
    return {key.strip(): value.strip() for key, value in pairs}
