"""What the documents of an image promise: its layers, bottom first, each with what manifest and config say of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sysimage.digest import Digest
from sysimage.verify.compression import CompressionFormat
from sysimage.verify.config import Config
from sysimage.verify.issue_collector import IssueCollector, MalformedError
from sysimage.verify.limits import Limits

_UNKNOWN = Digest("0" * 64)


@dataclass(frozen=True, slots=True)
class LayerDocument:
    """What the documents promise about one layer."""

    number: int
    """From 1, bottom first."""
    file: str
    """Its name in the source."""
    digest: Digest | None
    """Of the blob; a docker-archive does not say it."""
    size: int
    """Bytes of the blob."""
    compression: CompressionFormat | None = None
    """None when it is to be found from the bytes."""
    media_type: str | None = None
    annotations: dict[str, str] = field(default_factory=dict)
    diff_id: Digest = _UNKNOWN
    """Until `assemble` has put the config's here."""
    created: str = ""
    created_by: str = ""
    comment: str = ""

    @property
    def where(self) -> str:
        """For messages."""
        return f"layer {self.number}"


@dataclass(frozen=True, slots=True)
class ImageDocuments:
    """Everything but the layers' content."""

    digest: Digest | None
    """Of the manifest; a docker-archive has none."""
    image_id: Digest
    """Of the config."""
    config_file: str
    """The config's name in the source."""
    config: Config
    layers: tuple[LayerDocument, ...]
    tags: tuple[str, ...]
    """Full names such as ``base:latest``, sorted."""
    annotations: dict[str, str] = field(default_factory=dict)
    """The manifest's."""


def assemble(documents: ImageDocuments, faults: IssueCollector, limits: Limits) -> ImageDocuments:
    """Put what the config says beside the layers: MalformedError where they are not as many."""
    layers, config = documents.layers, documents.config
    if len(layers) != len(config.diff_ids):
        raise MalformedError(f"has {len(layers)} layers, the config has {len(config.diff_ids)} diff IDs")
    history = config.layer_history()
    if config.history and len(history) != len(layers):
        # It is for people; Guix writes one entry for all layers.
        faults.note("history", "config", f"{len(history)} history entries made a layer, there are {len(layers)} layers")
    if len(layers) > limits.layers:
        faults.add("layer limit", "manifest", f"has {len(layers)} layers, engines load at most {limits.layers}")
    described = [replace(layer, diff_id=diff_id) for layer, diff_id in zip(layers, config.diff_ids, strict=True)]
    if len(history) == len(layers):
        described = [
            replace(layer, created=entry.created, created_by=entry.created_by, comment=entry.comment)
            for layer, entry in zip(described, history, strict=True)
        ]
    return replace(documents, layers=tuple(described))


def names_meant(name: str) -> tuple[str, ...]:
    """What an image may be called that is asked for by a name, the likelier first: as it is, or with the tag
    ``latest``."""
    known = familiar(name)
    return (known,) if ":" in known.rpartition("/")[2] else (known, f"{known}:latest")


def familiar(name: str) -> str:
    """A name as people write it: without the default registry and folder."""
    host, slash, rest = name.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        return rest.removeprefix("library/")
    return name
