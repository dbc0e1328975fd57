"""The image under test, as far as the harness must know it beforehand: its size, its names and its configuration."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sysimage.containers.engine import write_archive
from sysimage.containers.image import RunnableImage, open_image
from sysimage.errors import MachineError, SysimageError
from sysimage.verify.docker_manifest import read_docker_manifest
from sysimage.verify.documents import parse_document
from sysimage.verify.issue_collector import IssueCollector, MalformedError
from sysimage.verify.limits import DEFAULT_LIMITS
from sysimage.verify.open import open_source
from sysimage.verify.read_documents import read_documents

GUEST_PLATFORM = "linux/amd64"
"""What the virtual machine runs, on any machine."""
_UNNAMED = "localhost/under-test:latest"


@dataclass(frozen=True, slots=True)
class ImageArchive:
    """A ``docker load``-able archive."""

    path: Path
    size: int
    """Bytes."""
    names: tuple[str, ...]
    config: Mapping[str, Any]
    """The image's configuration document, parsed."""
    layers: int
    oci: bool = False
    """Whether it is an OCI layout, perhaps among other things."""

    @property
    def declared(self) -> Mapping[str, Any]:
        """What a container of it runs: the ``config`` of the configuration."""
        section = self.config.get("config")
        return section if isinstance(section, dict) else {}

    @classmethod
    def of(cls, image: RunnableImage) -> ImageArchive:
        """An image that is open already, from any place."""
        documents = image.documents
        size = sum(layer.size for layer in documents.layers)
        return cls(image.path, size, documents.tags, image.config, len(documents.layers), documents.digest is not None)


@contextmanager
def archive_for_guest(path: Path, name: str | None = None) -> Iterator[ImageArchive]:
    """The image, or of several the one for the virtual machine's platform, as an archive that every engine loads.

    An archive of one image with ``manifest.json`` is that, whatever is wrong with it; an OCI layout, and an archive of
    several images or without that document, becomes a temporary one. Raises a `SysimageError`, as
    `sysimage.containers.image.open_image` does, for what is not an image.
    """
    if path.is_file() and _is_for_every_engine(path):
        yield read_archive(path)
        return
    with tempfile.NamedTemporaryFile(prefix="sysimage-image-", suffix=".tar") as file:
        with open_image(path, tag=name, machine=GUEST_PLATFORM) as image:
            tags = [tag for tag in image.documents.tags if ":" in tag]
            write_archive(image, tags[0] if tags else _UNNAMED, file.file)
        file.flush()
        yield read_archive(Path(file.name))


def _is_for_every_engine(path: Path) -> bool:
    """Whether an archive has one image, and says so in Docker's form; one that cannot be followed says why later."""
    try:
        with open_source(path, DEFAULT_LIMITS) as source:
            if source.size("manifest.json") is None or len(read_docker_manifest(source, DEFAULT_LIMITS)) != 1:
                return False
            read_documents(source, IssueCollector(1), DEFAULT_LIMITS)  # a fault if there are several platforms
            return True
    except MalformedError:
        return False


def read_archive(path: Path) -> ImageArchive:
    """Read the documents of an archive that has one image for the guest; layers are not read, and what contradicts
    itself is left to the engine."""
    try:
        with open_source(path, DEFAULT_LIMITS) as source:
            documents = read_documents(source, IssueCollector(1), DEFAULT_LIMITS, GUEST_PLATFORM)
            config = parse_document(source.read(documents.config_file, DEFAULT_LIMITS.document_size), DEFAULT_LIMITS)
            is_oci, layers = source.size("oci-layout") is not None, len(documents.layers)
            return ImageArchive(path, path.stat().st_size, documents.tags, config, layers, is_oci)
    except OSError as error:
        raise MachineError(f"cannot read {path}: {error.strerror}") from error
    except MalformedError as error:
        raise SysimageError(
            f"cannot read the image {path}: {error}", hint="sysimage verify shows whether another copy is intact"
        ) from None
