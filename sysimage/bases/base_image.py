"""A base image as a value: what it consists of, how it runs, and the file tree that it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sysimage.digest import Digest
from sysimage.errors import SpecError
from sysimage.layers import LayerBlob
from sysimage.rootfs.accounts import Accounts
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage.verify.config import Config
from sysimage.verify.tree import FileTree


class BaseImageError(SpecError):
    """A base image cannot be built upon; the issues say why."""


@dataclass(frozen=True, slots=True)
class BaseLayer:
    """One layer of the base and where its bytes lie."""

    blob: LayerBlob
    file: str
    """Its name in the archive or layout."""


@dataclass(frozen=True, slots=True)
class BaseImage:
    """A base image, read whole: every digest and diff ID was computed and found right."""

    path: Path
    image_id: Digest
    """Of the config."""
    layers: tuple[BaseLayer, ...]
    """Bottom first; layers without any entry are left out, since readers of archives refuse them."""
    config: Config
    runtime: Mapping[str, Any]
    """The config's ``config``, for what the parsed one does not have."""
    history: tuple[Mapping[str, Any], ...]
    """One entry that made a layer for each of ``layers``; those of layers left out are marked as empty."""
    tree: FileTree
    """What a container made of the base alone shows."""
    state_dirs: tuple[str, ...]
    """State directories in which the base has a store database."""
    items: tuple[StoreItem, ...]
    """Everything in the base's store, sorted by path, whether the base's database knows it or not. No locations."""
    whole: frozenset[StorePath]
    """Items that were seen to have the NAR hash that is said of them."""
    account_files: Mapping[str, bytes]
    """Its /etc/passwd and /etc/group, by name, as far as it has them."""
    accounts: Accounts | None
    """Of its /etc/passwd and /etc/group, if it has them."""


def check_room(base: BaseImage, max_layers: int) -> None:
    """Refuse a base that leaves no layer for what is to come on top, before there is any work."""
    if len(base.layers) >= max_layers:
        raise BaseImageError(
            f"cannot build on {base.path}: it has {len(base.layers)} layers, and the image may have {max_layers}",
            hint="raise max-layers, or choose a base with fewer layers",
        )
