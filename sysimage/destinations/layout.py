"""An OCI layout directory (OCI image specification, image-layout.md).

A layout can hold many images. One writer at a time changes it, under locks on the directory and its parent; other
references, their blobs, and unrelated files stay.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from sysimage.blobs import BlobDirectory, Descriptor
from sysimage.destinations.image_content import ImageContent
from sysimage.destinations.layout_index import LayoutIndex, read_index
from sysimage.destinations.verified_blobs import BlobRepair, find_blob
from sysimage.destinations.written_image import WrittenImage
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, MachineError, SpecError, cause_of
from sysimage.files.atomic import atomic_directory, atomic_write, sync
from sysimage.files.locks import locked_directory
from sysimage.files.temporary import TEMPORARY, dead, sweep, sweep_beside, temporary_file
from sysimage.image import Image, ImageName
from sysimage.notices import notice

LAYOUT_FILE = b'{"imageLayoutVersion":"1.0.0"}'
_VERSION = "1.0.0"
_ADDED = "added"
"""A writer lists what it adds to a layout in a temporary file of this name, until the index lists it."""


def write_oci_layout(
    image: Image,
    blobs: Sequence[BlobDirectory],
    directory: Path,
    *,
    names: Sequence[ImageName] = (),
    annotations: Mapping[str, str] | None = None,
    keeper: BlobRepair | None = None,
) -> WrittenImage:
    """Put the image into the layout at ``directory``; ``annotations`` go into its index.

    Layers are linked from ``blobs`` where the file system can, and otherwise hashed while they are copied; the
    ``keeper`` rebuilds a damaged one. A new directory appears whole. In an existing layout, the new blobs come first
    and the index is replaced atomically: the image replaces one with the same reference, and blobs of the old image
    which nothing else in the index needs are removed last. Everything else in the layout stays. A directory that is not
    empty and not a layout is a `SpecError`; a missing blob is an `IntegrityError`.
    """
    content = ImageContent.of(image)

    def add(own: BlobDirectory) -> None:
        for layer in image.layers:
            try:
                _add_blob(own, blobs, layer.descriptor, keeper)
            except IntegrityError:
                if keeper is None:
                    raise
                keeper.remake(layer.descriptor)
                _add_blob(own, blobs, layer.descriptor, keeper)
        own.put(image.config.data, image.config.descriptor.media_type)

    directory, size = _write(content, add, directory, lambda index: index.with_image(image, names, annotations))
    return WrittenImage(image, "oci-dir", directory, size, tuple(names))


def write_content_to_layout(
    content: ImageContent,
    provide: Callable[[Descriptor], Path],
    directory: Path,
    annotations: Mapping[str, str],
) -> None:
    """Put all that a name leads to into the layout at ``directory``, under the ``annotations`` of its entry in the
    index. ``provide`` gives the verified file of a blob; errors are as for `write_oci_layout`."""

    def add(own: BlobDirectory) -> None:
        for blob in content.blobs:
            if not own.has(blob):
                own.link(provide(blob), blob)
        for referrer in content.referrers:
            for blob in referrer.blobs:
                if not own.has(blob):
                    own.link(provide(blob), blob)
            for document in referrer.documents:
                own.put(document.data, document.descriptor.media_type)

    new = content.index(annotations)
    _write(content, add, directory, lambda index: index.with_entry(new).with_referrers(content.referrers))


_Add = Callable[[BlobDirectory], None]
"""Puts all blobs into a layout except manifests and indexes."""
_Renew = Callable[[LayoutIndex], LayoutIndex]
"""Gets the layout's present index and returns the new one."""


def _write(content: ImageContent, add: _Add, directory: Path, renew: _Renew) -> tuple[Path, int]:
    """Write under locks. Returns the directory's absolute name and the total size of the image's files."""
    # The locked file keeps its name for every process that has it open, so all of them take the same lock.
    directory = Path(os.path.abspath(directory))  # noqa: PTH100 (no symlink resolved)
    place = directory.resolve()
    if place.exists() and not place.is_dir():
        raise SpecError(f"cannot write an OCI layout to {directory}: it is not a directory")
    with _naming(directory, content.size_with_referrers), _held(place.parent):
        sweep_beside(place)
        if place.exists() and any(place.iterdir()):
            with _held(place):
                require_layout(place)
                size = _change(place, content, add, renew)
        else:
            with atomic_directory(place, durable=True) as draft:
                size = _fill(draft, content, add, renew(read_index(draft)))
    return directory, size


def require_layout(directory: Path) -> None:
    """A `SpecError` if the directory holds something and is not a layout of the version that is known."""
    found = sorted(path.name for path in directory.iterdir())
    if not found:
        return
    hint = "name a directory that does not exist yet, is empty, or is a layout"
    if not (directory / "oci-layout").is_file():
        named = ", ".join(found[:3])
        raise SpecError(
            f"cannot write an OCI layout to {directory}: it contains {named} and is not a layout", hint=hint
        )
    try:
        version = json.loads((directory / "oci-layout").read_bytes())["imageLayoutVersion"]
    except (ValueError, KeyError, TypeError):
        version = None
    if version != _VERSION:
        raise SpecError(f"cannot write an OCI layout to {directory}: its oci-layout has no known version", hint=hint)


def _held(directory: Path) -> AbstractContextManager[None]:
    """While this is open no other writer changes the directory."""
    return locked_directory(directory, lambda: notice(f"waiting for another build that writes to {directory}"))


@contextlib.contextmanager
def _naming(directory: Path, needs: int) -> Iterator[None]:
    """Names ``directory`` in errors of the machine, also while the bytes are in a temporary place."""
    try:
        yield
    except (OSError, MachineError) as error:
        cause = error.__cause__ if isinstance(error, MachineError) else error
        if not isinstance(cause, OSError):
            raise
        raise MachineError(f"cannot write {directory}: {cause_of(cause, directory, needs)}") from cause


def _change(directory: Path, content: ImageContent, add: _Add, renew: _Renew) -> int:
    """Put the image into a layout, whose lock is held."""
    own = BlobDirectory(directory)
    before = read_index(directory)
    _finish_for_the_dead(directory, before)
    after = renew(before)
    needed = {one.descriptor.digest for one in content.documents} | {blob.digest for blob in content.blobs}
    for referrer in content.referrers:
        needed |= {one.descriptor.digest for one in referrer.documents} | {blob.digest for blob in referrer.blobs}
    added = sorted(needed - set(own.digests()))
    with temporary_file(directory / _ADDED) as (_, list_of_added):
        os.write(list_of_added, "".join(f"{digest.hex}\n" for digest in added).encode())
        try:
            size = _fill(directory, content, add, after)
        except BaseException:
            # The old image does not need them, and the disk may be full of them.
            for digest in added:
                own.remove(digest)
            raise
    for digest in before.unreached(own, after):
        own.remove(digest)
    return size


def _finish_for_the_dead(directory: Path, index: LayoutIndex) -> None:
    """Remove blobs that killed writers added and that no index names, and their unfinished files."""
    own = BlobDirectory(directory)
    for listed in dead(directory, rf"\.{_ADDED}" + TEMPORARY):
        with contextlib.suppress(OSError, ValueError):
            digests = {Digest(line) for line in listed.read_text(encoding="ascii").splitlines()}
            reached = index.reached(own)
            for digest in digests - reached if reached is not None else ():
                own.remove(digest)
    sweep(directory)
    own.sweep()


def _fill(directory: Path, content: ImageContent, add: _Add, index: LayoutIndex) -> int:
    own = BlobDirectory(directory)
    add(own)
    for document in content.documents:
        own.put(document.data, document.descriptor.media_type)
    sync(own.path(content.root.descriptor.digest).parent)
    if not (directory / "oci-layout").is_file():
        atomic_write(directory / "oci-layout", LAYOUT_FILE, durable=True)
    atomic_write(directory / "index.json", index.data, durable=True)
    return len(LAYOUT_FILE) + len(index.data) + content.size


def _add_blob(
    own: BlobDirectory, blobs: Sequence[BlobDirectory], descriptor: Descriptor, keeper: BlobRepair | None
) -> None:
    source = find_blob(blobs, descriptor).path(descriptor.digest)
    stamps = own.link(source, descriptor)
    if stamps is not None and keeper is not None:
        keeper.linked(descriptor, *stamps)
