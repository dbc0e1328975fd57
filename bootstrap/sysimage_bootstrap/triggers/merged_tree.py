"""The file system that the packages of a system make together, as triggers look at it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sysimage_bootstrap.debian.merged_usr import LINKS_TO_USR

Found = Path | bytes | str
"""A file on this machine, the content of one, or what a symlink says."""
_MOST_LINKS = 40


@dataclass(frozen=True, slots=True)
class MergedTree:
    """The normalised image path of everything except directories → the file there."""

    paths: Collection[str]
    look: Callable[[str], Found | None]
    """What is at one of the paths."""
    store_dir: str = "/gnu/store"
    """What links into the store begin with."""
    store: Path = Path("/")
    """The root directory that holds the store on this machine."""
    _names: dict[str, list[str]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, entries: Mapping[str, Found]) -> MergedTree:
        """A tree whose content is known."""
        return cls(entries, entries.get)

    def names(self, directory: str) -> tuple[str, ...]:
        """The names in an image directory, those of its directories left out, sorted."""
        if not self._names:
            for path in self.paths:
                above, _, name = path.rpartition("/")
                self._names.setdefault(above, []).append(name)
        return tuple(sorted(self._names.get(canonical(directory), ())))

    def read(self, path: str) -> bytes | None:
        """The content of the file that an image path leads to, links followed; None without one."""
        found = self._final(path)
        return found.read_bytes() if isinstance(found, Path) else found

    def file(self, path: str) -> Path | None:
        """The file of a package on this machine that an image path leads to, links followed; None without one."""
        found = self._final(path)
        return found if isinstance(found, Path) else None

    def is_link(self, path: str) -> bool:
        """Whether a symlink is at an image path."""
        return isinstance(self.look(canonical(path)), str)

    def _final(self, path: str) -> Path | bytes | None:
        for _ in range(_MOST_LINKS):
            path = canonical(path)
            found = self._in_store(path) if path.startswith(f"{self.store_dir}/") else self.look(path)
            if not isinstance(found, str):
                return found
            path = posixpath.join(posixpath.dirname(path), found)
        return None

    def _in_store(self, path: str) -> Found | None:
        place = self.store / path.lstrip("/")
        if place.is_symlink():
            return str(place.readlink())
        return place if place.is_file() else None


def canonical(path: str) -> str:
    """An image path, normalised, with what is in /usr named there."""
    plain = "/" + posixpath.normpath(path).lstrip("/")
    return f"/usr{plain}" if plain.split("/")[1] in LINKS_TO_USR else plain
