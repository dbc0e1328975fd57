"""Systems that were made before, found by what they were made of.

Whatever a system follows from is in its key: the spec with everything it leaves open, the files it names, the packages,
and the code that makes a system of them. So a build of what did not change asks the store only whether everything is
still there: no registration is read, and no file of an item.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sysimage
from sysimage.digest import Digest
from sysimage.kept import KeptTexts, code_digest
from sysimage.rootfs.accounts import Accounts, Group, User
from sysimage.rootfs.declared import is_executable
from sysimage.rootfs.system import ImageDefaults, SystemResult
from sysimage.rootfs.tree import Entry, Kind
from sysimage.spec.model import SystemSpec
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage_bootstrap.packages.resolve import Resolution
from sysimage_bootstrap.store.item_store import ItemStore

_OWN = Path(__file__).parent
_CODE = (
    *(_OWN / part for part in ("", *(room.name for room in sorted(_OWN.iterdir()) if (room / "__init__.py").exists()))),
    *(Path(str(sysimage.__file__)).parent / part for part in ("", "rootfs", "spec", "store", "streams")),
)


class RememberedSystems:
    """The systems of an item store."""

    def __init__(self, directory: Path, store: ItemStore) -> None:
        # Specs can hold what only some may read: hashes of passwords, texts of files.
        self._kept, self._store = KeptTexts(directory, private=True), store

    def find(self, key: str | None) -> SystemResult | None:
        """The system with this key, if it was made here and its items are still there."""
        text = None if key is None else self._kept.find(key)
        if text is None:
            return None
        result = _decoded(json.loads(text), self._store)
        return result if all(self._store.has(item.path) for item in result.items) else None

    def paths(self) -> frozenset[str]:
        """The store paths of all items of all systems."""
        found: set[str] = set()
        for text in self._kept.texts():
            with contextlib.suppress(ValueError):  # damaged, so nobody will find it
                found.update(path for path, *_ in json.loads(text)["items"])
        return frozenset(found)

    def forget(self, before: int) -> None:
        """Forget the systems that no build came to since that time, in nanoseconds since the epoch."""
        self._kept.forget(before)

    def keep(self, key: str | None, result: SystemResult) -> None:
        """Remember a system."""
        if key is not None:
            self._kept.keep(key, json.dumps(_encoded(result, self._store), separators=(",", ":")))


def key_of(
    spec: SystemSpec, spec_dir: Path, resolution: Resolution, store: ItemStore, tools: Sequence[str]
) -> str | None:
    """What a system in ``store`` follows from; ``tools`` are versions of programs that work on its items.

    None if a file that the spec names cannot be read: whoever makes the system says so.
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
            code_digest(*_CODE),
            tools,
            [str(spec_dir.absolute()), str(store.root.absolute())],
            # Twice, because for some keys it matters whether they were said.
            [spec.model_dump(mode="json", exclude_unset=unset) for unset in (True, False)],
            sources,
            packages,
            resolution.roots,
            dict(resolution.edges),
        ],
        sort_keys=True,
    )


def _encoded(result: SystemResult, store: ItemStore) -> dict[str, Any]:
    def content(entry: Entry) -> list[str | None]:
        """The text, or the host file, and its digest if it is an item's and therefore stays what it is."""
        if isinstance(entry.content, Path):
            # The next build may be started in another directory.
            file = entry.content.absolute()
            in_store = file.is_relative_to(store.items_dir.absolute())
            return [None, str(file), entry.digest().hex if in_store else None]
        return [None if entry.content is None else entry.content.decode("latin-1"), None, None]

    accounts = result.accounts
    return {
        "system": str(result.system),
        "boot-program": None if result.boot_program is None else str(result.boot_program),
        "items": [
            [
                str(item.path),
                item.nar_hash.hex,
                item.nar_size,
                [str(reference) for reference in item.references],
                None if item.deriver is None else str(item.deriver),
                item.source,
                item.changed,
            ]
            for item in result.items
        ],
        "accounts": accounts
        and [
            [dataclasses.astuple(user) for user in accounts.users],
            [dataclasses.astuple(group) for group in accounts.groups],
            accounts.homes,
        ],
        "entries": [
            [
                entry.path,
                entry.kind.value,
                entry.mode,
                entry.uid,
                entry.gid,
                entry.target,
                entry.owner,
                *content(entry),
            ]
            for entry in result.entries
        ],
        "defaults": [
            result.image_defaults.entry_point,
            result.image_defaults.command,
            result.image_defaults.stop_signal,
            dict(result.image_defaults.environment),
        ],
        "other-roots": [str(path) for path in result.other_roots],
    }


def _decoded(value: dict[str, Any], store: ItemStore) -> SystemResult:
    paths = {text: StorePath.parse(text) for text, *_ in value["items"]}

    def item(
        text: str,
        nar_hash: str,
        nar_size: int,
        references: Sequence[str],
        deriver: str | None,
        source: str | None,
        changed: Sequence[int],
    ) -> StoreItem:
        return StoreItem(
            paths[text],
            Digest(nar_hash),
            nar_size,
            tuple(paths[reference] for reference in references),
            None if deriver is None else StorePath.parse(deriver),
            store.location(paths[text]),
            source,
            tuple(changed),
        )

    def entry(
        path: str,
        kind: str,
        mode: int,
        uid: int,
        gid: int,
        target: str | None,
        owner: str,
        text: str | None,
        file: str | None,
        digest: str | None,
    ) -> Entry:
        content = text.encode("latin-1") if text is not None else Path(file) if file is not None else None
        return Entry(
            path, Kind(kind), mode, uid, gid, content, target, owner, None if digest is None else Digest(digest)
        )

    accounts = None
    if value["accounts"] is not None:
        users, groups, homes = value["accounts"]
        accounts = Accounts(
            tuple(User(*user) for user in users),
            tuple(Group(name, gid, tuple(members)) for name, gid, members in groups),
            tuple(homes),
        )
    boot_program = value["boot-program"]
    entry_point, command, stop_signal, environment = value["defaults"]
    return SystemResult(
        paths[value["system"]],
        None if boot_program is None else paths[boot_program],
        tuple(item(*fields) for fields in value["items"]),
        accounts,
        tuple(entry(*fields) for fields in value["entries"]),
        ImageDefaults(tuple(entry_point), tuple(command), stop_signal, environment),
        tuple(paths[text] for text in value["other-roots"]),
    )
