"""Files of store items, found by the paths that they have in the image, wherever they are on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from sysimage.store.items import StoreItem

_MOST_LINKS = 40


class ItemFiles:
    """Follows links from item to item as a process in the image would, without leaving the items."""

    def __init__(self, items: Iterable[StoreItem]) -> None:
        self._locations = {str(item.path): item.location for item in items if item.location is not None}

    def find(self, path: str) -> Path | None:
        """Where the file or directory at ``path`` is on this machine; None where it leads nowhere, or out of the
        items."""
        for _ in range(_MOST_LINKS):
            found = self._step(path)
            if isinstance(found, Path) or found is None:
                return found
            path = found
        return None

    def link(self, path: str) -> str | None:
        """The target of the symlink at ``path`` itself; None for anything else."""
        above, _, name = path.rpartition("/")
        place = self._locations[path] if path in self._locations else self.find(above)
        if place is not None and path not in self._locations:
            place = place / name
        return str(place.readlink()) if place is not None and place.is_symlink() else None

    def is_program(self, path: str) -> bool:
        """Whether an executable file is there."""
        found = self.find(path)
        return found is not None and found.is_file() and os.access(found, os.X_OK)

    def _step(self, path: str) -> Path | str | None:
        """The place of ``path``; where a link is part of it, the path that the link leads to."""
        top = next((str(above) for above in self._above(path) if str(above) in self._locations), None)
        if top is None:
            return None
        place = self._locations[top]
        rest = PurePosixPath(path).relative_to(top).parts
        for count in range(len(rest) + 1):
            below = "/".join(rest[:count])
            here = place / below
            if not os.path.lexists(here):
                return None
            if here.is_symlink():
                link = PurePosixPath(top, *rest[:count]).parent / here.readlink()
                return os.path.normpath(str(link.joinpath(*rest[count:])))
        return place.joinpath(*rest)

    @staticmethod
    def _above(path: str) -> list[PurePosixPath]:
        pure = PurePosixPath(path)
        return [pure, *pure.parents]
