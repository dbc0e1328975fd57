"""Copies the base's layers to the place of the new ones: the same bytes, verified while they are copied."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sysimage.bases.base_image import BaseImage
from sysimage.blobs import BlobDirectory, Descriptor
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.layers import LayerBlob
from sysimage.notices import notice


def copy_layers(base: BaseImage, into: BlobDirectory) -> None:
    """Bring the base's blobs to ``into``. An `IntegrityError` if the base changed since it was read."""
    if not base.layers:
        return
    from sysimage.verify.limits import DEFAULT_LIMITS  # imported late: not needed by builds without a base image
    from sysimage.verify.open import open_source

    with open_source(base.path, DEFAULT_LIMITS) as source:
        for layer in base.layers:
            if _is_there(into, layer.blob.descriptor):
                continue
            if source.size(layer.file) != layer.blob.descriptor.size:
                raise IntegrityError(f"cannot take {layer.file} from {base.path}: it changed since it was read")
            hasher = hashlib.sha256()
            with into.writer() as writer:
                for chunk in source.chunks(layer.file):
                    hasher.update(chunk)
                    writer.write(chunk)
                if (found := Digest(hasher.hexdigest())) != layer.blob.descriptor.digest:
                    raise IntegrityError(f"cannot take {layer.file} from {base.path}: it changed to {found}")
                writer.commit(layer.blob.descriptor.digest)


def tell_sparse_files(base: BaseImage) -> None:
    """Say that engines do not give an image back whose layers have files with holes."""
    if base.sparse_files:
        notice(
            f"the base image has sparse files, such as {base.sparse_files[0]}: Docker and Podman load and run the "
            "image, and fail to save it"
        )


def _is_there(blobs: BlobDirectory, descriptor: Descriptor) -> bool:
    """Whether a blob is there and right. It is read: less work than taking it, and no record says what it was like."""
    try:
        blobs.verify(descriptor)
    except IntegrityError:
        return False
    return True


def stacked(base: BaseImage, own: Sequence[LayerBlob]) -> tuple[LayerBlob, ...]:
    """The base's layers with ours on top. Directories of the base's topmost layer are not repeated."""
    under = tuple(layer.blob for layer in base.layers)
    return under + tuple(layer for layer in own if not under or layer.diff_id != under[-1].diff_id)
