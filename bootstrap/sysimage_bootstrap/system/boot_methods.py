"""What boots a system: an init, or nothing but the program that the spec names. One interface hides which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sysimage.rootfs.accounts import Accounts, WantedGroup, WantedUser
from sysimage.rootfs.system import ImageDefaults
from sysimage.rootfs.tree import Entry
from sysimage.spec.model import SystemSpec
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage_bootstrap.scripts.declarations import FirstStartProgram
from sysimage_bootstrap.store import ItemStore
from sysimage_bootstrap.system.image_programs import ImagePrograms
from sysimage_bootstrap.system.image_root import ImageRoot
from sysimage_bootstrap.system.system_item import SystemFile

WantedAccounts = tuple[Sequence[WantedUser], Sequence[WantedGroup]]


@dataclass(frozen=True, slots=True)
class BootedImage:
    """What is known of an image when its init is completed: everything but the items made of all packages together."""

    accounts: Accounts
    root: ImageRoot
    exists: ImagePrograms
    environment: Mapping[str, str]
    first_starts: Sequence[FirstStartProgram]
    """What maintainer scripts leave to the first start."""


@dataclass(frozen=True, slots=True)
class Boot:
    """What a system has for its init."""

    entries: tuple[Entry, ...] = ()
    """In the image's /etc."""
    files: Mapping[str, SystemFile] = field(default_factory=dict)
    """Of the system item, by name."""
    inputs: tuple[StorePath, ...] = ()
    """The items that ``files`` mention."""
    program: StoreItem | None = None
    """The boot program, which the system keeps."""
    notices: tuple[str, ...] = ()
    """What people should know, a line each."""


class BootMethod(Protocol):
    """How a system boots."""

    def accounts(self) -> WantedAccounts:
        """Those that its units run as, which maintainer scripts would have made."""

    def boot(self, image: BootedImage, store: ItemStore) -> Boot:
        """What it needs in ``image``; a `SpecError` names every fault of what the spec says of services and units."""

    def defaults(self, system: StorePath, boot: Boot, environment: Mapping[str, str]) -> ImageDefaults:
        """How a container of the ``system`` starts and stops."""


@dataclass(frozen=True, slots=True)
class NoInit:
    """A container that is one program."""

    spec: SystemSpec

    def accounts(self) -> WantedAccounts:
        return [], []

    def boot(self, image: BootedImage, store: ItemStore) -> Boot:
        return Boot()

    def defaults(self, system: StorePath, boot: Boot, environment: Mapping[str, str]) -> ImageDefaults:
        return ImageDefaults(self.spec.entry_point, self.spec.command, self.spec.stop_signal, environment)
