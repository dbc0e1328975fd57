"""From a spec to a system that a Guix or Nix store already holds: one that boots, or a pack of items.

The counterpart of ``sysimage_bootstrap.realise``, which makes a system of packages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from sysimage.errors import SpecError
from sysimage.from_store.boot import boot_defaults, boot_program, first_boot_entries, recognise
from sysimage.from_store.item_files import ItemFiles
from sysimage.from_store.pack import (
    content_entries,
    decided_paths,
    pack_accounts,
    pack_defaults,
    pack_entries,
    real_directories,
)
from sysimage.from_store.store_paths import real_store_path, resolve_all
from sysimage.progress import Progress, silent
from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.declared_entries import declared_entries
from sysimage.rootfs.provision import layered
from sysimage.rootfs.rows import package_rows, stanzas_in
from sysimage.rootfs.system import ImageDefaults, SystemResult
from sysimage.rootfs.tree import Entry
from sysimage.spec.model import StoreSource, SystemSpec
from sysimage.store.items import StoreItem
from sysimage.store.md5sums import md5sums
from sysimage.store.paths import StorePath
from sysimage.store.query import MeasurementOptions, read_store


def realise(
    spec: SystemSpec,
    spec_dir: Path,
    *,
    cache_dir: Path,
    workers: int = 1,
    base_accounts: Accounts | None = None,
    base_environment: Mapping[str, str] = MappingProxyType({}),
    is_base_directory: Callable[[str], bool] = lambda path: False,
    progress: Progress = silent,
) -> SystemResult:
    """Read the closure that the spec's ``from-store`` names, and return what an image of it needs.

    ``cache_dir`` remembers the hashes of items whose source does not give them, which ``workers`` processes compute.
    ``base_accounts`` and ``base_environment`` are those of the image below, ``is_base_directory`` says whether it has a
    directory. Raises a `SpecError` for a spec without ``from-store``, and for a path that is not a store path,
    not a system, or in another store than the spec's; other errors as in `sysimage.store.query.read_store`.
    """
    source = spec.from_store
    if source is None:
        raise SpecError("cannot find the system in a store: the spec has no from-store")
    store_dir = spec.store.store_dir
    location = None if source.location is None else spec_dir / source.location
    words = source.items if source.system is None else (source.system,)
    roots = resolve_all(words, spec_dir, store_dir, location)
    items = read_store(
        spec_dir / (source.source or f"{spec.store.state_dir}/db/db.sqlite"),
        roots,
        store_dir=store_dir,
        location=location,
        memory=MeasurementOptions(cache_dir / "measured", workers),
        progress=progress,
    ).items
    if source.system is not None:
        return _booting_system(spec, spec_dir, source, roots[0], items, base_accounts)
    accounts = pack_accounts(spec, base_accounts)
    contents = source.contents or ()
    tops = [str(real_store_path(spec_dir / content.path, store_dir, location)) for content in contents]
    files = ItemFiles(items)
    declared = declared_entries(spec, spec_dir, accounts)
    entries = layered(
        _package_rows(items),
        content_entries(
            contents,
            tops,
            files,
            accounts,
            real_directories(spec, declared, is_base_directory),
            decided_paths(spec, declared),
        ),
        pack_entries(spec, source, roots[0], files, accounts),
        declared,
    )
    defaults = pack_defaults(spec, roots, files, base_environment)
    return SystemResult(roots[0], None, items, accounts, entries, defaults, tuple(roots[1:]))


def _booting_system(
    spec: SystemSpec,
    spec_dir: Path,
    source: StoreSource,
    system: StorePath,
    items: tuple[StoreItem, ...],
    base_accounts: Accounts | None,
) -> SystemResult:
    """A system that makes its accounts and /etc when it boots."""
    files = ItemFiles(items)
    kind = recognise(system, files, source.system_kind)
    entries = layered(
        _package_rows(items),
        first_boot_entries(kind, system, items, files),
        declared_entries(spec, spec_dir, pack_accounts(spec, base_accounts)),
    )
    boots = boot_defaults(kind, system, items, files) if spec.has_init else ImageDefaults((), (), None, {})
    defaults = ImageDefaults(
        boots.entry_point or spec.entry_point,
        boots.command or spec.command,
        spec.stop_signal or boots.stop_signal,
        {**boots.environment, **dict(sorted(spec.environment.items()))},
    )
    return SystemResult(system, boot_program(system, items, files), items, None, entries, defaults)


def _package_rows(items: Sequence[StoreItem]) -> list[Entry]:
    """What scanners read of Debian packages that came into this store, such as from an image made here."""
    return [
        row
        for item in items
        if item.location is not None and stanzas_in(item.location)
        for row in package_rows(item.path, item.location, md5sums(item.location))
    ]
