"""Base images that came from registries: which one a lock file pins, and the cache that keeps their blobs."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.blobs import BlobDirectory
from sysimage.errors import LockError, RegistryError
from sysimage.pipeline.image_places import FoundImage, find_image, is_on_this_machine
from sysimage.pipeline.options import BuildSources, DeclaredSystem
from sysimage_bootstrap.integrity_check import Damage, ExaminedCache

if TYPE_CHECKING:
    from sysimage.destinations.registry import Registries

BASE_IMAGES_DIRECTORY = "base-images"
"""Below the cache."""


def find_base(system: DeclaredSystem, sources: BuildSources) -> FoundImage:
    """Where the base image of a system is. One in a registry is the one that the lock file pins, and is kept in the
    cache."""
    name = system.spec.from_image or ""
    if is_on_this_machine(name, system.spec_dir):
        return find_image(name, _no_registries, beside=system.spec_dir)
    pinned = _pinned(name, system.lock_file, locked=sources.locked)
    if sources.registries is None:
        raise RegistryError(f"cannot fetch the base image {name}: the network is off", hint="leave --offline out")
    return find_image(pinned, sources.registries, sources.cache_dir / BASE_IMAGES_DIRECTORY, whole=True)


def _pinned(name: str, lock_file: Path | None, *, locked: bool) -> str:
    """The name with the digest that the lock file has for it."""
    from sysimage.destinations.registry import ImageReference
    from sysimage_bootstrap.packages.lock import read_lock

    reference = ImageReference.parse(name)
    if reference.digest is not None:
        return name
    base = read_lock(lock_file).base if lock_file is not None and lock_file.exists() else None
    if base is not None and base.name == name:
        return f"{reference}@{base.digest}"
    if locked:
        raise LockError(
            f"cannot use the base image {name}: no lock file says which one it is",
            hint="run `sysimage lock` again, or name the image by its digest",
        )
    return name


def _no_registries() -> Registries:
    raise RegistryError("cannot ask a registry for what is on this machine")


def prune_base_images(cache_dir: Path, before: int) -> int:
    """Forget blobs that no build has used since ``before``, in nanoseconds since the epoch; the bytes freed."""
    blobs = BlobDirectory(cache_dir / BASE_IMAGES_DIRECTORY)
    blobs.sweep()
    freed = 0
    for digest in list(blobs.digests()):
        status = blobs.path(digest).stat()
        if status.st_mtime_ns < before:
            freed += status.st_blocks * 512
            blobs.remove(digest)
    return freed


def examine_base_images(cache_dir: Path) -> ExaminedCache:
    """Read every blob that is kept, and find those that do not have their digests."""
    blobs = BlobDirectory(cache_dir / BASE_IMAGES_DIRECTORY)
    found = list(blobs.digests())
    damage = []
    for digest in found:
        with blobs.path(digest).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest.hex:
                damage.append(Damage(blobs.path(digest), partial(blobs.remove, digest)))
    return ExaminedCache(BASE_IMAGES_DIRECTORY, len(found), tuple(damage))
