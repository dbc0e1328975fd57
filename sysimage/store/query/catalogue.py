"""What a source of store items says, before it is checked: the one form for every kind of source."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sysimage.digest import Digest, from_nix_base32
from sysimage.errors import SpecError
from sysimage.store.paths import StorePath

_HEX_LENGTH, _BASE32_LENGTH = 64, 52


class StoreSourceError(SpecError):
    """A source of store items cannot be read, or lacks what was asked for; the issues name every path."""


@dataclass(frozen=True, slots=True)
class PathInfo:
    """What a source says about one store path."""

    path: StorePath
    references: tuple[StorePath, ...]
    """Sorted, distinct."""
    nar_hash: Digest | None = None
    """None where the source does not know; it is computed then."""
    nar_size: int | None = None
    """Bytes."""
    deriver: StorePath | None = None

    def __post_init__(self) -> None:
        if self.nar_size is not None and self.nar_size <= 0:
            raise ValueError(f"NAR size of {self.path} is {self.nar_size}, must be positive")


class Catalogue(Protocol):
    """A source that is open. Answers what is asked for: a store may hold a hundred times what a system needs."""

    def find(self, paths: Sequence[StorePath]) -> Mapping[StorePath, PathInfo]:
        """The facts about those of the paths that are valid there."""
        ...

    def paths(self) -> Iterable[StorePath]:
        """Every valid path, in any order."""
        ...

    def close(self) -> None:
        """Let go of files. Called at the end, however it came."""
        ...


class ListedCatalogue:
    """A catalogue that was read whole, from a text."""

    def __init__(self, facts: Iterable[PathInfo]) -> None:
        """Two different facts about one path are a ValueError."""
        self._facts: dict[StorePath, PathInfo] = {}
        for one in facts:
            if self._facts.setdefault(one.path, one) != one:
                raise ValueError(f"says two different things of {one.path}")

    def find(self, paths: Sequence[StorePath]) -> dict[StorePath, PathInfo]:
        return {path: self._facts[path] for path in paths if path in self._facts}

    def paths(self) -> Iterator[StorePath]:
        return iter(self._facts)

    def close(self) -> None:
        """Nothing is open."""


def parse_hash(text: str) -> Digest:
    """A SHA-256 in any of the ways that Nix and Guix write one: hexadecimal, nix base-32 or base-64, with or without
    ``sha256:`` or ``sha256-`` in front. A ValueError for anything else."""
    body = text.removeprefix("sha256:").removeprefix("sha256-")
    if len(body) == _HEX_LENGTH:
        return Digest(body.lower())
    if len(body) == _BASE32_LENGTH:
        return Digest(from_nix_base32(body).hex())
    try:
        return Digest(base64.b64decode(body, validate=True).hex())
    except (binascii.Error, ValueError):
        raise ValueError(f"not a SHA-256 hash: {text!r}") from None


def sorted_paths(texts: Iterable[str]) -> tuple[StorePath, ...]:
    """References as facts hold them."""
    return tuple(sorted({StorePath.parse(text) for text in texts}))
