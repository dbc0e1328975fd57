"""Reads a base image. It comes from another tool, so everything in it is checked.

The bytes are read by the reader of `sysimage.verify`, which has the bounds and refuses what is malformed; whatever that
calls a fault of the image keeps it from being a base.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sysimage.bases.base_accounts import account_files_of_base
from sysimage.bases.base_image import BaseImage, BaseImageError, BaseLayer
from sysimage.bases.base_store import store_of_base
from sysimage.blobs import Descriptor, media_types
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, Issue, MachineError
from sysimage.layers import LayerBlob
from sysimage.progress import Progress, silent
from sysimage.verify.captured_files import is_captured
from sysimage.verify.documents import field
from sysimage.verify.image_source import ImagePlace, ImageSource
from sysimage.verify.issue_collector import IssueCollector, MalformedError
from sysimage.verify.layer import LayerReading, Reading, read_layer
from sysimage.verify.limits import DEFAULT_LIMITS, Limits
from sysimage.verify.manifest import ImageDocuments
from sysimage.verify.open import open_source
from sysimage.verify.packages import package_files
from sysimage.verify.read_documents import read_config, read_documents
from sysimage.verify.store import captured_files
from sysimage.verify.tree import FileTree

STAGE = "base image"
_MEDIA_TYPES = {
    "none": media_types.LAYER,
    "gzip": media_types.LAYER_GZIP,
    "zstd": media_types.LAYER_ZSTD,
}
_EXTENSIONS = ("ArgsEscaped", "Healthcheck", "Shell", "StopTimeout")
_HISTORY_TEXTS = ("created", "created_by", "comment", "author")


def read_base_image(
    path: Path | ImagePlace,
    platform: str,
    store_dir: str,
    *,
    name: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = silent,
) -> BaseImage:
    """Read the image at ``path`` (an archive, an OCI layout directory, or another place).

    Of several it is the one that is called ``name`` and is for ``platform`` (``os/architecture[/variant]``).
    ``store_dir`` is where the image to be has its store. An image whose content is not what its documents say, or whose
    documents are malformed, is an `IntegrityError` with every fault; one that nothing can be built on is a
    `BaseImageError`.
    """
    faults = IssueCollector(limits.faults_per_rule)
    try:
        with open_source(path, limits) as source:
            documents = read_documents(source, faults, limits, platform, name)
            _check_platform(path, documents, platform)
            readings = _read_layers(documents, source, faults, limits, progress)
            tree = FileTree(faults)
            if not faults:
                for reading in readings:
                    tree.apply(reading.document.number, reading.members, ours=False, programs=reading.programs)
            if faults:
                raise _refused(path, faults)
            return _assembled(path, source, documents, readings, tree, store_dir, limits)
    except MalformedError as error:
        raise IntegrityError(
            f"cannot use the base image {path}: not supported as a base",
            issues=(*faults.issues, Issue("", str(error))),
        ) from None
    except OSError as error:
        raise MachineError(f"cannot read the base image {path}: {error.strerror}") from error


_UNTRUE = ("blobs", "diff ID", "digest")
"""Rules that an image breaks which is damaged; what breaks only others may be sound, and run somewhere."""


def _refused(path: Path | ImagePlace, faults: IssueCollector) -> IntegrityError:
    if not faults.broken(_UNTRUE):
        return IntegrityError(
            f"cannot use the base image {path}: not supported as a base",
            hint="save it again with skopeo, Docker or Podman, or flatten it: docker export, podman import",
            issues=faults.issues,
        )
    return IntegrityError(
        f"cannot use the base image {path}: its content is not what its documents say",
        hint="sysimage verify shows whether another copy is intact",
        issues=faults.issues,
    )


def _check_platform(path: Path | ImagePlace, documents: ImageDocuments, platform: str) -> None:
    if not documents.config.is_for(platform):
        raise BaseImageError(
            f"cannot build on {path}: it is for {documents.config.platform}, this image for {platform}",
            hint='say "architecture", or take the base for the other architecture',
        )


def _read_layers(
    documents: ImageDocuments, source: ImageSource, faults: IssueCollector, limits: Limits, progress: Progress
) -> list[LayerReading]:
    total = sum(layer.size for layer in documents.layers)
    done = 0

    def count(amount: int) -> None:
        nonlocal done
        done += amount
        progress(STAGE, min(done, total), total, unit="bytes")

    reading = Reading.within(limits, source, faults, is_captured, count)
    return [read_layer(document, reading) for document in documents.layers]


def _assembled(
    path: Path | ImagePlace,
    source: ImageSource,
    documents: ImageDocuments,
    readings: Sequence[LayerReading],
    tree: FileTree,
    store_dir: str,
    limits: Limits,
) -> BaseImage:
    _, raw = read_config(source, documents, limits)
    made = [reading for reading in readings if reading.members]
    captured = captured_files(tree, readings)
    state_dirs, items, unregistered = store_of_base(path, tree, readings, captured, store_dir, source, limits)
    return BaseImage(
        path,
        tuple(_layer(reading, source) for reading in made),
        documents.config,
        _extensions(raw),
        _history(raw, readings),
        tree,
        state_dirs,
        items,
        unregistered,
        *account_files_of_base(tree, readings, source, limits),
        packages=package_files(tree, readings),
        sparse_files=_sparse_files(readings),
    )


def _sparse_files(readings: Sequence[LayerReading]) -> tuple[str, ...]:
    """The paths of files with holes."""
    return tuple(sorted({one.name for layer in readings for one in layer.members if one.segments is not None}))


def _extensions(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    runtime = field(raw, "config", dict) or {}
    return {name: value for name in _EXTENSIONS if (value := field(runtime, name, object)) is not None}


def _layer(reading: LayerReading, source: ImageSource) -> BaseLayer:
    document = reading.document
    digest, compression = document.digest, _compression(source, document.file)
    if digest is None:  # older archives lack this field
        hasher = hashlib.sha256()
        for chunk in source.chunks(document.file):
            hasher.update(chunk)
        digest = Digest(hasher.hexdigest())
    descriptor = Descriptor(_MEDIA_TYPES[compression], digest, document.size)
    label = document.comment or document.created_by or "a layer of the base image"
    return BaseLayer(LayerBlob(descriptor, document.diff_id, reading.size, label), document.file)


def _compression(source: ImageSource, file: str) -> str:
    from sysimage.verify.compression import sniff

    return sniff(next(iter(source.chunks(file)), b"")).value


def _history(raw: Mapping[str, Any], readings: Sequence[LayerReading]) -> tuple[Mapping[str, Any], ...]:
    """The base's history with one entry that made a layer for each layer that is taken.

    It is for people: Guix has one entry for all layers, others have more entries than layers. Where it does not fit,
    entries are marked as empty, or added.
    """
    made = [bool(reading.members) for reading in readings]
    entries = []
    for entry in field(raw, "history", list) or []:
        texts = {name: field(entry, name, object) for name in _HISTORY_TEXTS}
        kept: dict[str, Any] = {name: text for name, text in texts.items() if isinstance(text, str)}
        if field(entry, "empty_layer", bool) or not made or not made.pop(0):
            kept["empty_layer"] = True
        entries.append(kept)
    return (*entries, *({"comment": "a layer of the base image"} for one in made if one))
