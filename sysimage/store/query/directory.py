"""A directory of store items and nothing else: references by scanning, NAR hashes computed, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sysimage.errors import MachineError
from sysimage.progress import Progress, silent
from sysimage.store.paths import StorePath
from sysimage.store.query.catalogue import PathInfo
from sysimage.store.query.item_measurements import MeasurementOptions, Measurer


class DirectoryCatalogue:
    """Items that are in ``location`` and would be in ``store_dir``. Each is read when it is first asked for.

    A name that is not an item's (``.links``, lock files) is skipped. References are found among the items that are
    there: one to a missing item cannot be distinguished from chance.
    """

    def __init__(
        self, location: Path, store_dir: str, memory: MeasurementOptions | None = None, progress: Progress = silent
    ) -> None:
        self._progress = progress
        self._items: dict[StorePath, Path] = {}
        try:
            entries = list(location.iterdir())
        except OSError as error:
            raise MachineError(f"cannot read {location}: {error.strerror}") from error
        for entry in entries:
            try:
                path = StorePath.parse(f"{store_dir}/{entry.name}")
            except ValueError:
                continue
            if not entry.name.endswith((".lock", ".drv.chroot")):
                self._items[path] = entry
        self._measurer = Measurer(location, self._items, scan=True, memory=memory or MeasurementOptions())

    def __bool__(self) -> bool:
        return bool(self._items)

    def find(self, paths: Sequence[StorePath]) -> dict[StorePath, PathInfo]:
        present = tuple(path for path in paths if path in self._items)
        measured = self._measurer.measure(present, self._progress)
        return {path: PathInfo(path, one.references, one.nar_hash, one.nar_size) for path, one in measured.items()}

    def paths(self) -> Iterator[StorePath]:
        return iter(self._items)

    def close(self) -> None:
        """Keep what the items gave."""
        self._measurer.keep()
