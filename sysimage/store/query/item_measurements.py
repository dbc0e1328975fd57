"""What only reading an item shows: NAR hash, size, references; cached between builds.

A store with a database knows this already. For one without, or a list that leaves something out, the items are read
once. The results are used as long as nothing below them has another number, size, mode or time than when they
were read: a change of content moves at least a file's change time, which no program can set.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sysimage.digest import Digest
from sysimage.files.code_digest import code_digest
from sysimage.files.memo import Memo
from sysimage.progress import Progress, silent
from sysimage.store.nar import nar_hash_and_size
from sysimage.store.paths import StorePath
from sysimage.store.scan import Candidates, scan_and_hash
from sysimage.store.tree_fingerprint import tree_fingerprint
from sysimage.workers import Report, run_tasks

STAGE = "store"


@dataclass(frozen=True, slots=True)
class ItemMeasurement:
    """What reading one item gave."""

    nar_hash: Digest
    nar_size: int
    references: tuple[StorePath, ...]
    """Sorted; empty if not requested."""


@dataclass(frozen=True, slots=True)
class MeasurementOptions:
    """How items are read, and the directory in which what they gave is kept."""

    directory: Path | None = None
    """None keeps nothing."""
    workers: int = 1
    """Processes that read."""


class Measurer:
    """Reads the items of one store directory, or remembers what reading gave.

    With ``scan``, references among the ``paths`` that are in the store are found too: in one read with the hash.
    """

    def __init__(self, store: Path, paths: Mapping[StorePath, Path], *, scan: bool, memory: MeasurementOptions) -> None:
        self._places = paths
        self._candidates = Candidates(paths) if scan else None
        self._memory = memory
        # The references that a scan finds depend on the set of candidates.
        names = sorted(map(str, paths)) if scan else []
        self._key = json.dumps([str(store.resolve()), hashlib.sha256("\n".join(names).encode()).hexdigest()])
        self._memo = Memo(memory.directory, made_by=code_digest(Measurer)) if memory.directory else None
        text = self._memo.find(self._key) if self._memo else None
        self._known: dict[str, list[Any]] = json.loads(text) if text is not None else {}
        self._fresh = False
        self._done = 0

    def measure(self, paths: tuple[StorePath, ...], progress: Progress = silent) -> dict[StorePath, ItemMeasurement]:
        """What the items are, on all cores; an item that cannot be read is a `MachineError`."""
        states = {path: tree_fingerprint(self._places[path]) for path in paths}
        unknown = [path for path in paths if self._known.get(str(path), [None])[0] != states[path]]

        def read(number: int, report: Report) -> ItemMeasurement:
            return self._read(unknown[number])

        found = run_tasks(
            range(len(unknown)),
            read,
            self._memory.workers,
            lambda moved: None,
            what="read the store",
            name=lambda number: str(unknown[number]),
        )
        for number, measured in found.items():
            path = unknown[number]
            names = [str(reference) for reference in measured.references]
            self._known[str(path)] = [states[path], measured.nar_hash.hex, measured.nar_size, names]
            self._fresh = True
        self._done += len(paths)
        progress(STAGE, self._done, self._done)
        return {path: self._as_measured(str(path)) for path in paths}

    def _as_measured(self, path: str) -> ItemMeasurement:
        _, nar_hash, nar_size, references = self._known[path]
        return ItemMeasurement(Digest(nar_hash), nar_size, tuple(map(StorePath.parse, references)))

    def _read(self, path: StorePath) -> ItemMeasurement:
        if self._candidates is None:
            return ItemMeasurement(*nar_hash_and_size(self._places[path]), ())
        nar_hash, nar_size, references = scan_and_hash(self._places[path], self._candidates)
        return ItemMeasurement(nar_hash, nar_size, tuple(sorted(references)))

    def keep(self) -> None:
        """Keep what was read."""
        if self._fresh and self._memo is not None:
            self._memo.keep(self._key, json.dumps(self._known, separators=(",", ":")))
