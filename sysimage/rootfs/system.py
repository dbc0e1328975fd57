"""A system as the later rooms take it, whichever way it came: made of packages, or found in a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.tree import Entry
from sysimage.spec.account_ids import NO_IDS, AccountIds
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath


@dataclass(frozen=True, slots=True)
class ImageDefaults:
    """What the image's config says unless system.json says otherwise."""

    entry_point: tuple[str, ...]
    command: tuple[str, ...]
    stop_signal: str | None
    """None leaves it to the container engine."""
    environment: Mapping[str, str]
    """In the order in which it is written."""


@dataclass(frozen=True, slots=True)
class LeftOutFile:
    """A file of a package that its slim item lacks."""

    path: str
    """Relative to the item."""
    why: str
    """What it is, in a word or two."""
    size: int
    """Bytes; 0 for a link."""


@dataclass(frozen=True, slots=True)
class UnreadLine:
    """A line of a package's maintainer script that was not understood, so that the image may lack what it does."""

    package: str
    script: str
    """Such as ``postinst``."""
    line: int
    text: str
    why: str
    """What is not known."""


@dataclass(frozen=True, slots=True)
class SystemResult:
    """A system in a store, and what an image of it needs besides its closure."""

    system: StorePath
    """Of a pack, which is not a system, its first item."""
    boot_program: StorePath | None
    """None in a system with a plain command instead of an init, or whose init needs none."""
    items: tuple[StoreItem, ...]
    """The closure of the system, sorted by path; the boot program is in it."""
    accounts: Accounts | None
    """None for a system that makes its accounts when it boots."""
    entries: tuple[Entry, ...]
    """Of the root file system: what is neither store nor its registration nor the account files."""
    image_defaults: ImageDefaults
    other_roots: tuple[StorePath, ...] = ()
    """Items besides the first that a pack is made of, in the spec's order."""
    left_out: Mapping[str, tuple[LeftOutFile, ...]] = field(default_factory=dict)
    """Store path of an item → what it lacks of its package, sorted by path."""
    unread: tuple[UnreadLine, ...] = ()
    """By package and line."""
    account_ids: AccountIds = NO_IDS
    """Those that a lock file keeps."""
    notices: tuple[str, ...] = ()
    """What people should know of it, a line each."""

    @property
    def roots(self) -> tuple[StorePath, ...]:
        """Everything that the closure is the closure of."""
        return self.system, *self.other_roots

    def with_items(self, items: Sequence[StoreItem]) -> SystemResult:
        """The same with more items, each a root of its own, so that the system does not change because one of them
        does."""
        together = {item.path: item for item in (*self.items, *items)}
        return replace(
            self,
            items=tuple(together[path] for path in sorted(together)),
            other_roots=(*self.other_roots, *(item.path for item in items)),
        )
