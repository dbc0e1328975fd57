"""The root file system of an image: what surrounds the store so that a system boots and knows itself.

The same for a sysimage store and for one that Guix or Nix made: an empty skeleton, the store's database with generation
links and GC roots as the owner of the store would make them (gnu/build/install.scm in Guix; libstore and
``nix-env --profile`` in Nix), accounts, and whatever entries the maker of the system adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from sysimage.closure import Closure
from sysimage.errors import IntegrityError
from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.tree import Entry, RootTree
from sysimage.spec.model import Store, StoreKind, SystemSpec
from sysimage.store.paths import StorePath

NIX_SCHEMA = b"10"
"""The number that Nix keeps beside its database; Guix's daemon writes its own file if it is absent."""


def provision(
    spec: SystemSpec,
    system: StorePath,
    closure: Closure,
    accounts: Iterable[Entry],
    entries: Iterable[Entry],
    database: bytes | None,
    *,
    generation: int = 1,
) -> RootTree:
    """Everything of the image but its store items.

    ``database`` is that of the store; None for an image without one, which has no GC roots and generations either.
    ``accounts`` are the files that hold them, as in `account_files`.
    ``entries`` count before the skeleton and the accounts where both have something at a path. ``generation`` is the
    number under which the system is registered. An `IntegrityError` if the system is not in the closure; a `TreeError`
    names entries that contradict each other.
    """
    if system not in closure:
        raise IntegrityError(f"cannot make a root file system: {system} is not in the closure")
    if database is None:
        registered: Iterable[Entry] = ()
    elif spec.from_store is not None and spec.from_store.system is None:
        registered = pack_registration(spec.store, closure.roots, database)
    else:
        registered = registration(spec.store, system, database, generation)
        registered = [*registered, *_roots(spec.store, [root for root in closure.roots if root != system])]
    if database is not None:
        registered = [*registered, *_per_user(spec)]
    return RootTree(layered(skeleton(spec.store), _owned(spec.store, registered), accounts, entries))


def layered(*groups: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries of all groups; if two groups have an entry at the same path, that of the later group."""
    result: dict[str, list[Entry]] = {}
    for group in groups:
        replaced: set[str] = set()
        for entry in group:
            # Twice in one group is a contradiction, and for the tree to name.
            result[entry.path] = [*result.get(entry.path, []), entry] if entry.path in replaced else [entry]
            replaced.add(entry.path)
    return tuple(entry for path in sorted(result) for entry in result[path])


def skeleton(store: Store) -> Iterator[Entry]:
    """Directories that every root file system has."""
    yield Entry.directory("/")
    for path in ("/dev", "/etc", "/home", "/mnt", "/proc", "/run", "/srv", "/sys"):
        yield Entry.directory(path)
    for path in ("/var", "/var/cache", "/var/empty", "/var/lib", "/var/log"):
        yield Entry.directory(path)
    yield Entry.directory("/root", 0o700)
    yield Entry.directory("/tmp", 0o1777)  # noqa: S108 - the image's
    yield Entry.directory("/var/tmp", 0o1777)  # noqa: S108 - the image's
    yield Entry.directory(store.store_dir, 0o1775, store.uid, store.gid)


def registration(store: Store, system: StorePath, database: bytes, generation: int) -> Iterator[Entry]:
    """The store's own state: database, GC roots, and the system as a generation of its profile."""
    state = store.state_dir
    yield from _database(store, database)
    yield Entry.symlink(f"{state}/gcroots/booted-system", "/run/booted-system")
    yield Entry.symlink(f"{state}/gcroots/current-system", "/run/current-system")
    yield Entry.symlink(f"{state}/profiles/system", f"system-{generation}-link")
    yield Entry.symlink(f"{state}/profiles/system-{generation}-link", str(system))


def pack_registration(store: Store, roots: Iterable[StorePath], database: bytes) -> Iterator[Entry]:
    """The state of the store in an image without a system: each item of the pack is a GC root.

    Each is called by the item's hash part, so that none takes the place of another in an image below.
    """
    yield from _database(store, database)
    yield from _roots(store, roots)


def _roots(store: Store, roots: Iterable[StorePath]) -> Iterator[Entry]:
    for root in roots:
        yield Entry.symlink(f"{store.state_dir}/gcroots/image/{root.hash_part}", str(root))


def _database(store: Store, database: bytes) -> Iterator[Entry]:
    state = store.state_dir
    yield Entry.directory(state)
    yield Entry.directory(f"{state}/db")
    yield Entry.file(f"{state}/db/db.sqlite", database)
    yield Entry.directory(f"{state}/gcroots")
    yield Entry.symlink(f"{state}/gcroots/profiles", f"{state}/profiles")
    yield Entry.directory(f"{state}/profiles/per-user/root")
    if store.kind is StoreKind.NIX:
        yield Entry.file(f"{state}/db/schema", NIX_SCHEMA)


def _per_user(spec: SystemSpec) -> Iterator[Entry]:
    """Where the store's owner has profiles and GC roots, for an owner with a name other than root."""
    for name, user in spec.users.items():
        if spec.store.uid and user.uid == spec.store.uid:
            for below in ("profiles", "gcroots"):
                yield Entry.directory(f"{spec.store.state_dir}/{below}/per-user/{name}")


def _owned(store: Store, entries: Iterable[Entry]) -> Iterator[Entry]:
    """The store's state belongs to the store's owner, and all that is needed to build, install and collect."""
    found = {}
    for entry in entries:
        found[entry.path] = replace(entry, uid=store.uid, gid=store.gid)
        for parent in PurePosixPath(entry.path).parents:
            if parent.is_relative_to(store.state_dir):
                directory = Entry.directory(str(parent), 0o755, store.uid, store.gid)
                found.setdefault(directory.path, directory)
    if store.uid and found:
        for path in store.owner_dirs:
            found[path] = Entry.directory(path, 0o755, store.uid, store.gid)
    yield from found.values()


def account_files(accounts: Accounts) -> Iterator[Entry]:
    """/etc/passwd and its companions. Regular files: the C library and every tool insist."""
    secret, gid = accounts.secret
    yield Entry.file("/etc/passwd", accounts.passwd())
    yield Entry.file("/etc/group", accounts.group_file())
    yield Entry.file("/etc/shadow", accounts.shadow(), secret, 0, gid)
    yield Entry.file("/etc/gshadow", accounts.gshadow(), secret, 0, gid)
