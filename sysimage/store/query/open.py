"""Any source of store items, recognised from what it is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from sysimage.errors import MachineError
from sysimage.progress import Progress, silent
from sysimage.store.paths import StorePath
from sysimage.store.query.catalogue import Catalogue, ListedCatalogue, StoreSourceError
from sysimage.store.query.database import MAGIC, DatabaseCatalogue
from sysimage.store.query.directory import DirectoryCatalogue
from sysimage.store.query.item_measurements import MeasurementOptions
from sysimage.store.query.items import FoundItems, find_items
from sysimage.store.query.path_info import parse_path_info
from sysimage.store.query.registration import parse_registration

_DATABASES = ("db.sqlite", "db/db.sqlite", "var/guix/db/db.sqlite", "nix/var/nix/db/db.sqlite", "var/nix/db/db.sqlite")
"""Where a directory given as source has its store's database: itself, the state directory, or a root."""
_LARGEST_TEXT = 1 << 30


def read_store(
    source: Path,
    roots: Iterable[StorePath] = (),
    *,
    store_dir: str | None = None,
    location: Path | None = None,
    memory: MeasurementOptions | None = None,
    progress: Progress = silent,
) -> FoundItems:
    """The closure of ``roots`` as ``source`` knows it.

    ``source`` is a store's database or a directory that has it, ``nix path-info --json``, a registration, a references
    graph, or a bare directory of items, which stand for paths in ``store_dir`` (by default that of the roots, or else
    the directory itself). A directory that is the root of a system has its store in it. ``memory`` says how items are
    read that have to be. `find_items` documents the rest.
    """
    roots = tuple(roots)
    store_dir = store_dir or _store_dir_of(roots)
    with closing(open_catalogue(source, store_dir=store_dir, memory=memory, progress=progress)) as catalogue:
        if isinstance(catalogue, DirectoryCatalogue):
            location = source
        elif location is None and store_dir is not None and (inside := source / store_dir.lstrip("/")).is_dir():
            location = inside
        return find_items(catalogue, str(source), roots, location=location, memory=memory, progress=progress)


def open_catalogue(
    source: Path, *, store_dir: str | None = None, memory: MeasurementOptions | None = None, progress: Progress = silent
) -> Catalogue:
    """Recognise and open a source. StoreSourceError for anything else, MachineError for what cannot be read."""
    try:
        if source.is_dir():
            return _open_directory(source, store_dir or str(source.absolute()), memory, progress)
        with source.open("rb") as file:
            head = file.read(len(MAGIC))
            if head == MAGIC:
                return DatabaseCatalogue(source)
            if os.fstat(file.fileno()).st_size > _LARGEST_TEXT:
                raise StoreSourceError(f"cannot read {source}: it is too large for a list of store items")
            data = head + file.read()
    except OSError as error:
        raise MachineError(f"cannot read {source}: {error.strerror}") from error
    try:
        text = data.decode()
        parse = parse_path_info if text.lstrip()[:1] in ("{", "[") else parse_registration
        return ListedCatalogue(parse(text))
    except ValueError as error:
        raise StoreSourceError(
            f"cannot read {source} as a list of store items: {error}",
            hint="a source is a store database, path-info JSON, a registration, a references graph or a directory",
        ) from error


def _open_directory(source: Path, store_dir: str, memory: MeasurementOptions | None, progress: Progress) -> Catalogue:
    for place in _DATABASES:
        if (source / place).is_file():
            return DatabaseCatalogue(source / place)
    catalogue = DirectoryCatalogue(source, store_dir, memory, progress)
    if not catalogue:
        raise StoreSourceError(f"cannot find store items in {source}: it has neither a store database nor items")
    return catalogue


def _store_dir_of(roots: tuple[StorePath, ...]) -> str | None:
    return roots[0].store_dir if roots else None
