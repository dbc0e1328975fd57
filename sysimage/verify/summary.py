"""What an image says about itself, read without reading its layers: for `sysimage inspect`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sysimage.digest import Digest
from sysimage.errors import IntegrityError, Issue, MachineError
from sysimage.rules.paths import as_parts
from sysimage.verify.config import Config
from sysimage.verify.database import read_database
from sysimage.verify.image_source import ImagePlace, ImageSource
from sysimage.verify.issue_collector import IssueCollector, MalformedError
from sysimage.verify.layer import layer_content
from sysimage.verify.limits import DEFAULT_LIMITS, Limits
from sysimage.verify.manifest import ImageDocuments, LayerDocument
from sysimage.verify.open import open_source
from sysimage.verify.read_documents import read_documents
from sysimage.verify.store import STATE_DIRECTORIES
from sysimage.verify.tar import MemberKind, read_members

_READ_AT_MOST = 512 << 20
"""Bytes of a layer that is looked into for the store database."""
_FETCHED_AT_MOST = 16 << 20
"""The same where it has to be fetched."""


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """One layer as the documents describe it."""

    digest: Digest | None
    """Of the blob; a docker-archive does not say it."""
    diff_id: Digest
    size: int
    """Bytes of the blob."""
    media_type: str | None
    created_by: str
    comment: str
    """What it holds, as its maker described it."""
    annotations: dict[str, str]


@dataclass(frozen=True, slots=True)
class ImageSummary:
    """An image as it describes itself. Digests of documents are checked, layers are not read."""

    names: tuple[str, ...]
    """Full names, such as ``base:latest``."""
    digest: Digest | None
    """Of the manifest; a docker-archive has none."""
    image_id: Digest
    config: Config
    layers: tuple[LayerSummary, ...]
    """Bottom first."""
    size: int
    """Bytes of all layer blobs."""
    items: int | None
    """Paths in the store database; None when it was not found in the topmost layer."""
    store_kind: str | None
    store_directory: str | None
    """That of the first item; None where no item was seen."""
    annotations: dict[str, str]
    """The manifest's."""
    faults: tuple[Issue, ...]
    """Contradictions found while reading; verifying finds more."""


def inspect_image(
    path: Path | ImagePlace, *, platform: str | None = None, name: str | None = None, limits: Limits = DEFAULT_LIMITS
) -> ImageSummary:
    """Describe an image from its documents and, for the number of store items, its topmost layer.

    An image that cannot be followed is an `IntegrityError`, a file that cannot be read a `MachineError`.
    """
    faults = IssueCollector(limits.faults_per_rule)
    try:
        with open_source(path, limits) as source:
            documents = read_documents(source, faults, limits, platform, name)
            kind, items = _registered_items(source, documents, limits)
    except MalformedError as error:
        raise IntegrityError(f"cannot read {path}: {error}") from None
    except OSError as error:
        raise MachineError(f"cannot read {path}: {error.strerror}") from error
    layers = tuple(_summary(layer) for layer in documents.layers)
    return ImageSummary(
        names=documents.tags,
        digest=documents.digest,
        image_id=documents.image_id,
        config=documents.config,
        layers=layers,
        size=sum(layer.size for layer in layers),
        items=None if items is None else len(items),
        store_kind=kind,
        store_directory=min(items).rpartition("/")[0] if items else None,
        annotations=documents.annotations,
        faults=faults.issues,
    )


def _summary(layer: LayerDocument) -> LayerSummary:
    return LayerSummary(
        layer.digest, layer.diff_id, layer.size, layer.media_type, layer.created_by, layer.comment, layer.annotations
    )


def _registered_items(
    source: ImageSource, documents: ImageDocuments, limits: Limits
) -> tuple[str | None, frozenset[str] | None]:
    """The store's kind and the paths that it registers."""
    most = _FETCHED_AT_MOST if source.distant else _READ_AT_MOST
    if not documents.layers or documents.layers[-1].size > most:
        return None, None
    schemas = {as_parts(f"{state}/db/db.sqlite"): schema for state, schema in STATE_DIRECTORIES.items()}
    top = documents.layers[-1]
    if source.size(top.file) is None:
        raise MalformedError(f"it has no {top.file}, which is {top.where}")
    stream = layer_content(top, source, limits)
    for member in read_members(stream, limits, end_required=False):
        if stream.offset > limits.captured_file:
            return None, None
        schema = schemas.get(member.parts)
        if schema is not None and member.kind is MemberKind.FILE and member.size <= limits.captured_file:
            data = b"".join(member.content(stream))
            rows = read_database(data, schema, "the database", IssueCollector(limits.faults_per_rule))
            return schema.kind, None if rows is None else frozenset(rows)
    return None, None
