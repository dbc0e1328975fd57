"""Reads the whole cache and reports what in it is damaged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from sysimage.errors import SysimageError
from sysimage.layers import LayerCache
from sysimage.layers.cache import CachedLayer
from sysimage.pipeline.base_images import examine_base_images
from sysimage.progress import Progress, silent
from sysimage.verify.compression import decompressed, sniff
from sysimage.verify.issue_collector import MalformedError
from sysimage.verify.limits import DEFAULT_LIMITS
from sysimage_bootstrap.integrity_check import Damage, ExaminedCache, examine, texts

__all__ = ["Damage", "ExaminedCache", "examine_cache"]


def examine_cache(cache_dir: Path, progress: Progress = silent) -> Iterator[ExaminedCache]:
    """Read every byte that builds would trust, part by part. Correct parts are marked as such, and builds trust
    them."""
    yield _layers(LayerCache(cache_dir / "layers"), progress)
    yield from examine(cache_dir, progress)
    yield examine_base_images(cache_dir)
    for part in ("measured", "plans"):
        yield texts(part, cache_dir / part)


def _layers(cache: LayerCache, progress: Progress) -> ExaminedCache:
    damage = [Damage(path, partial(path.unlink, missing_ok=True)) for path in cache.damaged_records()]
    records = list(cache.layers())
    total = sum(record.blob.descriptor.size for record in records)
    done = 0
    for record in records:
        if not _is_right(cache, record):
            damage.append(Damage(cache.blobs.path(record.blob.descriptor.digest), partial(cache.forget, record)))
        done += record.blob.descriptor.size
        progress("layers", done, total, unit="bytes")
    strays = cache.strays()
    damage += [Damage(path, partial(path.unlink, missing_ok=True)) for path in strays if not _has_its_digest(path)]
    return ExaminedCache("layers", len(records) + len(strays), tuple(damage))


def _is_right(cache: LayerCache, record: CachedLayer) -> bool:
    """Whether the blob has its digest and holds the archive that the record says."""
    blob = record.blob
    hasher = hashlib.sha256()
    size = 0
    try:
        cache.prove(record)
        head = next(cache.blobs.chunks(blob.descriptor), b"")
        for chunk in decompressed(cache.blobs.chunks(blob.descriptor), sniff(head), DEFAULT_LIMITS):
            hasher.update(chunk)
            size += len(chunk)
    except (OSError, SysimageError, MalformedError):
        return False
    return (hasher.hexdigest(), size) == (blob.diff_id.hex, blob.tar_size)


def _has_its_digest(path: Path) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == path.name
