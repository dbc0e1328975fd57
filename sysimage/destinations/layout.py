"""An OCI layout directory (OCI image specification, image-layout.md)."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sysimage.blobs import BlobDirectory, Descriptor
from sysimage.destinations.publish import sync_directory
from sysimage.destinations.written import WrittenImage
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, MachineError, SpecError
from sysimage.image import Image, ImageName

LAYOUT_FILE = b'{"imageLayoutVersion":"1.0.0"}'
_OURS = {"oci-layout", "index.json", "blobs"}


def write_oci_layout(
    image: Image,
    blobs: Sequence[BlobDirectory],
    directory: Path,
    *,
    names: Sequence[ImageName] = (),
    annotations: Mapping[str, str] | None = None,
) -> WrittenImage:
    """Make ``directory`` a layout that holds this image and nothing else; ``annotations`` go into its index.

    Layers are linked or cloned from ``blobs`` where the file system can. A new directory appears whole; in one that is
    a layout already, the new blobs come first, the index is replaced at once, and blobs it no longer needs go last.
    Anything else in the way is a `SpecError`; a blob that is nowhere is an `IntegrityError`.
    """
    directory = Path(os.path.abspath(directory))  # noqa: PTH100 (no symlink resolved)
    if directory.exists() and not directory.is_dir():
        raise SpecError(f"cannot write an OCI layout to {directory}: it is not a directory")
    with _naming(directory):
        if directory.exists() and any(directory.iterdir()):
            _refuse_what_is_no_layout(directory)
            size = _fill(directory, image, blobs, names, annotations)
            _drop_unreferenced(directory, image)
        else:
            temporary = directory.with_name(f".{directory.name}.{secrets.token_hex(6)}.part")
            try:
                temporary.mkdir()
                size = _fill(temporary, image, blobs, names, annotations)
                temporary.rename(directory)  # replaces an empty directory too
                sync_directory(directory.parent)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    return WrittenImage(image, "oci-layout", directory, size, tuple(names))


@contextlib.contextmanager
def _naming(directory: Path) -> Iterator[None]:
    """Says of what the machine refuses that it is about ``directory``, wherever the bytes lie until that is there."""
    try:
        yield
    except (OSError, MachineError) as error:
        cause = error.__cause__ if isinstance(error, MachineError) else error
        if not isinstance(cause, OSError):
            raise
        raise MachineError(f"cannot write {directory}: {cause.strerror}") from cause


def find_blob(blobs: Sequence[BlobDirectory], descriptor: Descriptor) -> Path:
    """Where the blob lies; the first directory that has it wins."""
    for directory in blobs:
        if directory.has(descriptor):
            return directory.path(descriptor.digest)
    raise IntegrityError(
        f"cannot find blob {descriptor.digest} ({descriptor.size} bytes)", hint="it was removed since; build again"
    )


def _fill(
    directory: Path,
    image: Image,
    blobs: Sequence[BlobDirectory],
    names: Sequence[ImageName],
    annotations: Mapping[str, str] | None,
) -> int:
    own = BlobDirectory(directory)
    before = set(own.digests())
    index = image.index(names, annotations)
    try:
        for layer in image.layers:
            own.link(find_blob(blobs, layer.descriptor), layer.descriptor)
        for document in (image.config, image.manifest):
            own.put(document.data, document.descriptor.media_type)
        sync_directory(own.path(image.config.descriptor.digest).parent)
        _replace(directory / "oci-layout", LAYOUT_FILE)
        _replace(directory / "index.json", index.data)
    except BaseException:
        # The old image does not need them, and the disk may be full of them.
        for digest in _needed(image) - before:
            own.remove(digest)
        raise
    sync_directory(directory)
    documents = len(LAYOUT_FILE) + len(index.data) + len(image.config.data) + len(image.manifest.data)
    return documents + sum(layer.descriptor.size for layer in image.layers)


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


def _refuse_what_is_no_layout(directory: Path) -> None:
    strangers = sorted({path.name for path in directory.iterdir()} - _OURS)
    if strangers or not (directory / "oci-layout").is_file():
        named = f": it contains {', '.join(strangers[:3])}" if strangers else ""
        raise SpecError(
            f"cannot write an OCI layout to {directory}{named or ': it is not a layout'}",
            hint="name a directory that does not exist yet, is empty, or is a layout",
        )


def _drop_unreferenced(directory: Path, image: Image) -> None:
    own = BlobDirectory(directory)
    for digest in set(own.digests()) - _needed(image):
        own.remove(digest)
    own.sweep()


def _needed(image: Image) -> set[Digest]:
    return {descriptor.digest for descriptor in (image.manifest.descriptor, *image.descriptors())}
