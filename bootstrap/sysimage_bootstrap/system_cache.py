"""Systems that were made before, found by what they were made of.

Whatever a system follows from is in its key (the spec with everything it leaves open, the files it names, the packages)
or in what stands for the code that makes a system of them. So a build of what did not change asks the store only
whether everything is still there: no registration is read, and no file of an item.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sysimage.digest import Digest
from sysimage.files.codec import Codec
from sysimage.files.memo import Memo
from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.declared_entries import is_executable
from sysimage.rootfs.system import SystemResult
from sysimage.rootfs.tree import Entry
from sysimage.spec.account_ids import NO_IDS, AccountIds
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.packages.resolve import Resolution
from sysimage_bootstrap.store.item_store import ItemStore

_CODEC = Codec(SystemResult)
_ACCOUNTS = Codec(Accounts)


class SystemCache:
    """The systems of an item store that one version of the code made; ``made_by`` is the digest of the code."""

    def __init__(self, directory: Path, store: ItemStore, *, made_by: str) -> None:
        # Specs can hold what only some may read: hashes of passwords, texts of files.
        self._memo, self._store = Memo(directory, made_by=made_by, private=True), store

    def find(self, key: str | None) -> SystemResult | None:
        """The system with this key, if it was made here and its items are still there."""
        text = None if key is None else self._memo.find(key)
        if text is None:
            return None
        result = _CODEC.loads(text)
        return result if all(self._store.has(item.path) for item in result.items) else None

    def keep(self, key: str | None, result: SystemResult) -> None:
        """Remember a system."""
        if key is not None:
            entries = tuple(map(self._with_digest, result.entries))
            self._memo.keep(key, _CODEC.dumps(replace(result, entries=entries)))

    def _with_digest(self, entry: Entry) -> Entry:
        """A file of an item stays what it is, so its digest is remembered; any other may be another one next time."""
        if not isinstance(entry.content, Path):
            return entry
        in_store = entry.content.absolute().is_relative_to(self._store.items_dir.absolute())
        return replace(entry, known_digest=entry.digest() if in_store else None)


def paths_of_systems(directory: Path, store_dir: str) -> frozenset[str]:
    """The store paths of all items of all remembered systems, in whatever form another version wrote them."""
    path = re.compile(re.escape(store_dir) + r"/[0-9a-z]{32}-[A-Za-z0-9+\-._?=]+")
    texts = (file.read_text(errors="replace") for file in directory.iterdir()) if directory.is_dir() else ()
    return frozenset(found for text in texts for found in path.findall(text))


def key_of(
    spec: SystemSpec,
    spec_dir: Path,
    resolution: Resolution,
    store: ItemStore,
    below: Accounts,
    tools: Sequence[str],
    locked: AccountIds = NO_IDS,
) -> str | None:
    """What a system in ``store``, on top of an image with the accounts ``below``, follows from; ``tools`` are versions
    of programs that work on its items, and ``locked`` IDs that accounts have.

    None if a file that the spec names cannot be read: the build of the system reports that.
    """
    try:
        sources = {
            file.source: [str(Digest.of((spec_dir / file.source).read_bytes())), is_executable(spec_dir / file.source)]
            for file in spec.files.values()
            if file.source is not None
        }
    except OSError:
        return None
    packages = [
        [package.name, package.version, package.architecture, package.source, package.digest.hex]
        for package in resolution.packages
    ]
    return json.dumps(
        [
            tools,
            [str(spec_dir.absolute()), str(store.root.absolute())],
            # Twice, because for some keys it matters whether they are specified.
            [spec.model_dump(mode="json", exclude_unset=unset) for unset in (True, False)],
            sources,
            packages,
            resolution.roots,
            dict(resolution.edges),
            _ACCOUNTS.dumps(below),
            [dict(locked.users), dict(locked.groups)],
        ],
        sort_keys=True,
    )
