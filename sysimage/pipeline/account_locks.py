"""IDs of accounts in lock files: those that a build chose are written down, and every later one keeps them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sysimage.notices import notice
from sysimage.pipeline.options import BuildSources, DeclaredSystem
from sysimage.spec.account_ids import NO_IDS, AccountIds
from sysimage_bootstrap.packages.lock import LockFile, read_lock
from sysimage_bootstrap.packages.resolve import Resolution
from sysimage_bootstrap.realise import ids_made_before

_MOST_NAMED = 5


def keep_ids(system: DeclaredSystem, sources: BuildSources, chosen: AccountIds) -> None:
    """Add the IDs ``chosen`` to the lock file, if there is one, and say so; with ``sources.locked`` say only that they
    are not in it: they follow from the accounts' names, and are the same everywhere until packages change."""
    lock_file = system.lock_file
    if lock_file is None or not lock_file.exists() or not sources.keeps_ids:
        return
    lock = read_lock(lock_file)
    more = chosen.without(lock.account_ids)
    if not more:
        return
    if sources.locked:
        notice(f"{lock_file} lacks the IDs of accounts ({_named(more)}): a build without --locked writes them down")
        return
    replace(lock, account_ids=lock.account_ids.with_more(more)).write(lock_file)
    notice(f"{lock_file}: the IDs of accounts were added ({_named(more)})")


def ids_to_lock(system: DeclaredSystem, before: LockFile | None, resolution: Resolution, cache_dir: Path) -> AccountIds:
    """The IDs for a new lock file: those that were locked ``before``, and those of a system of these packages that was
    made with this cache. What packages do not declare is known when their scripts are read; a build adds the others."""
    ids = NO_IDS if before is None else before.account_ids
    if system.spec.from_image is not None:  # whose accounts are not known here
        return ids
    return ids.with_more(ids_made_before(system.written, system.spec_dir, resolution, cache_dir))


def _named(ids: AccountIds) -> str:
    names = ids.names()
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"
