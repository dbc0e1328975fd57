"""A base image as a value: what it consists of, how it runs, and the file tree that it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sysimage.errors import SpecError
from sysimage.layers import LayerBlob
from sysimage.rootfs.account_files import AccountFiles, Table, read_accounts
from sysimage.rootfs.accounts import Accounts
from sysimage.rules.runtime import Runtime
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage.verify.config import Config
from sysimage.verify.image_source import ImagePlace
from sysimage.verify.issue_collector import IssueCollector
from sysimage.verify.packages import PackageRecords
from sysimage.verify.tar import MemberKind
from sysimage.verify.tree import FileTree


class BaseImageError(SpecError):
    """A base image cannot be built upon; the issues say why."""


@dataclass(frozen=True, slots=True)
class BaseLayer:
    """One layer of the base and where its bytes are."""

    blob: LayerBlob
    file: str
    """Its name in the archive or layout."""


@dataclass(frozen=True, slots=True)
class BaseImage:
    """A base image, read whole: every digest and diff ID was computed and found right."""

    path: Path | ImagePlace
    layers: tuple[BaseLayer, ...]
    """Bottom first; layers without any entry are left out, since readers of archives refuse them."""
    config: Config
    extensions: Mapping[str, Any]
    """What the config's ``config`` has of Docker's extensions that an image keeps, as it has them."""
    history: tuple[Mapping[str, Any], ...]
    """One entry that made a layer for each of ``layers``; those of layers left out are marked as empty."""
    tree: FileTree
    """What a container made of the base alone shows."""
    state_dirs: tuple[str, ...]
    """State directories in which the base has a store database."""
    items: tuple[StoreItem, ...]
    """Everything in the base's store, sorted by path, whether the base's database knows it or not. No locations."""
    unregistered: tuple[StorePath, ...]
    """Those of ``items`` that no database of the base knows."""
    account_files: AccountFiles
    """Its /etc/passwd and companions, as far as it has them."""
    account_faults: Mapping[Table, str]
    """Why account files that exist, but are not regular files, cannot be read."""
    packages: PackageRecords = field(default_factory=PackageRecords)
    """What it says of its Debian packages."""
    sparse_files: tuple[str, ...] = ()
    """Paths of files that its layers have with holes."""

    @property
    def accounts(self) -> Accounts | None:
        """Its users and groups; None where it has no accounts at all."""
        return read_accounts(self.account_files) if self.account_files or self.account_faults else None

    def has_directory(self, path: str) -> bool:
        """Whether a container of the base alone has a directory at ``path``, links followed."""
        found = self.tree.resolve(path.encode("utf-8", "surrogateescape"))
        return found is not None and found[1].kind is MemberKind.DIRECTORY


NO_BASE = BaseImage(
    path=Path("scratch"),
    layers=(),
    config=Config("linux", "", "", None, (), (), Runtime("", working_directory="/"), {}),
    extensions={},
    history=(),
    tree=FileTree(IssueCollector(0)),
    state_dirs=(),
    items=(),
    unregistered=(),
    account_files={},
    account_faults={},
)
"""The empty base of an image without a base image, as ``FROM scratch`` in a Dockerfile."""


def check_room(base: BaseImage, max_layers: int) -> None:
    """Refuse a base that leaves no layer for what is to come on top, before there is any work."""
    if len(base.layers) >= max_layers:
        raise BaseImageError(
            f"cannot build on {base.path}: it has {len(base.layers)} layers, and the image may have {max_layers}",
            hint="raise max-layers, or choose a base with fewer layers",
        )
