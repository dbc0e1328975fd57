"""A directory of store items and nothing else: references by scanning, NAR hashes computed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sysimage.errors import MachineError
from sysimage.store.paths import StorePath
from sysimage.store.query.facts import PathFacts
from sysimage.store.scan import scan_and_hash


class DirectoryCatalogue:
    """Items that lie in ``location`` and would lie in ``store_dir``. Each is read when it is asked for.

    What is no item by its name (``.links``, lock files) is passed over. References are found among the items that are
    there: one to an item that is not there cannot be told from chance.
    """

    def __init__(self, location: Path, store_dir: str) -> None:
        self._location = location
        self._items: dict[StorePath, Path] = {}
        try:
            entries = sorted(location.iterdir())
        except OSError as error:
            raise MachineError(f"cannot read {location}: {error.strerror}") from error
        for entry in entries:
            try:
                path = StorePath.parse(f"{store_dir}/{entry.name}")
            except ValueError:
                continue
            if not entry.name.endswith((".lock", ".drv.chroot")):
                self._items[path] = entry

    def __bool__(self) -> bool:
        return bool(self._items)

    def find(self, path: StorePath) -> PathFacts | None:
        place = self._items.get(path)
        if place is None:
            return None
        nar_hash, nar_size, references = scan_and_hash(place, self._items)
        return PathFacts(path, tuple(sorted(references)), nar_hash, nar_size)

    def paths(self) -> Iterator[StorePath]:
        return iter(self._items)

    def close(self) -> None:
        """Nothing is open."""
