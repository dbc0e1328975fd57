"""Volumes of a base image: kept, except for those that would hide the store on top of the base.

An engine puts an empty directory, or an old copy, in the place of a volume. A base in which Nix or Guix ran may declare
``/nix`` as one: with it, a container of the image on top would have no program at all, or outdated ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from sysimage.bases.base_image import BaseImage, BaseImageError
from sysimage.errors import Issue
from sysimage.notices import notice
from sysimage.rules.paths import as_path
from sysimage.spec.model import Store, SystemSpec


def kept_volumes(base: BaseImage, store: Store) -> tuple[str, ...]:
    """The volumes of the base, without those that would hide a part of the store."""
    return tuple(volume for volume in base.config.runtime.volumes if not _hides(volume, base, store))


def tell_dropped_volumes(base: BaseImage, store: Store) -> None:
    """Say which volumes the image does not have that the base has, and why."""
    for volume in base.config.runtime.volumes:
        if _hides(volume, base, store):
            notice(
                f"the base image declares the volume {volume}, in which a container engine would hide the store in "
                f"{store.store_dir}: the image does not take it over"
            )


def check_volumes(volumes: Iterable[str], base: BaseImage, spec: SystemSpec) -> None:
    """Refuse volumes of the spec's that hide the store because of where the base's links lead."""
    issues = [
        Issue(f"/volumes/{number}", f"the base has a link on the way, and {volume} would hide {spec.store.store_dir}")
        for number, volume in enumerate(volumes)
        if _hides(volume, base, spec.store)
    ]
    if issues:
        raise BaseImageError(f"cannot build on {base.path}: a volume would hide the store", issues=issues)


def _hides(volume: str, base: BaseImage, store: Store) -> bool:
    place = _place(PurePosixPath(volume), base)
    ours = [PurePosixPath(store.store_dir), *([PurePosixPath(store.state_dir)] if store.database else [])]
    return any(place.is_relative_to(one) or one.is_relative_to(place) for one in ours)


def _place(path: PurePosixPath, base: BaseImage) -> PurePosixPath:
    """Where a path is when the base's links are followed, as far as it has it."""
    for above in (path, *path.parents):
        found = base.tree.resolve(str(above).encode("utf-8", "surrogateescape"))
        if found is not None:
            return PurePosixPath(as_path(found[0])) / path.relative_to(above)
    return path
