"""An image: layers, configuration and manifest, and the index that names it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sysimage.blobs import Descriptor, media_types
from sysimage.digest import Digest
from sysimage.image.config import ImageConfig
from sysimage.image.documents import EncodedDocument

if TYPE_CHECKING:
    from sysimage.layers import LayerBlob

_SHORT = 1024
"""Characters of an annotation that an index repeats: what engines copy from database to database must stay small."""
_EMPTY = (Digest.of(b""), Digest.of(bytes(1024)))
"""Diff IDs of archives without members. A small one may have some: umoci writes no end of an archive."""


@dataclass(frozen=True, slots=True)
class Image:
    """A complete image. `make_image` is the door; the constructor checks what every reader relies on (ValueError)."""

    config: EncodedDocument
    manifest: EncodedDocument
    layers: tuple[LayerBlob, ...]
    """Bottom first; no layer is empty, and no two that sysimage makes are identical."""
    architecture: str
    os: str = "linux"
    variant: str | None = None
    annotations: tuple[tuple[str, str], ...] = ()
    """Of the manifest; its descriptor in an index repeats those that are short."""

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("an image has at least one layer")
        diff_ids = [layer.diff_id for layer in self.layers]
        if self.config.value["rootfs"]["diff_ids"] != [str(diff_id) for diff_id in diff_ids]:
            raise ValueError("the configuration does not name the layers' diff IDs")
        if any(layer.diff_id in _EMPTY for layer in self.layers):
            raise ValueError("a layer is empty")

    @property
    def platform(self) -> dict[str, str]:
        """The platform in the form of an index entry."""
        value = {"architecture": self.architecture, "os": self.os}
        return value | {"variant": self.variant} if self.variant else value

    def descriptors(self) -> tuple[Descriptor, ...]:
        """Everything but the manifest, in the order of a push or an archive: configuration, layers bottom first."""
        return (self.config.descriptor, *(layer.descriptor for layer in self.layers))

    def index(self, names: Sequence[ImageName] = (), annotations: Mapping[str, str] | None = None) -> EncodedDocument:
        """The index of a layout that holds this image alone.

        The first of ``names`` annotates the one descriptor, because readers refuse an index with several.
        """
        entry = self.manifest.descriptor.as_json()
        entry["platform"] = self.platform
        naming = names[0].annotations if names else {}
        short = {key: text for key, text in self.annotations if len(text) <= _SHORT}
        if described := {**short, **naming}:
            entry["annotations"] = described
        value: dict[str, Any] = {"schemaVersion": 2, "mediaType": media_types.INDEX, "manifests": [entry]}
        if annotations:
            value["annotations"] = dict(annotations)
        return EncodedDocument.of(value, media_types.INDEX)


def _fault_of_name(text: str) -> str:
    """What is wrong with a text that is not an image's name, as far as people often write it so."""
    scheme, separator, rest = text.partition("://")
    if separator:
        return f"it begins with {scheme}://; say {rest}"
    name = text.rpartition("/")[2].partition(":")[0]
    if name != name.lower():
        return f"it has capital letters; say {name.lower()}"
    if text.rpartition("/")[2].count(":") > 1:
        return "it has more than one tag"
    return f"not an image name: {text!r}"


@dataclass(frozen=True, slots=True)
class ImageName:
    """A repository and a tag."""

    repository: str
    """With or without a registry's host: ``web``, ``team/web``, ``host:5000/team/web``."""
    tag: str = "latest"

    @classmethod
    def parse(cls, text: str) -> ImageName:
        """Read ``repository[:tag]``; a ValueError says what is wrong."""
        match = re.fullmatch(
            r"(?P<repository>(?:(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?/)?"
            r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)"
            r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?",
            text,
        )
        if match is None or len(match["repository"]) > 255:
            raise ValueError(_fault_of_name(text))
        return cls(match["repository"], match["tag"] or "latest")

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"

    @property
    def qualified(self) -> str:
        """With the registry and namespace that Docker's command line leaves out, as containerd stores names."""
        host, slash, _ = self.repository.partition("/")
        if slash and ("." in host or ":" in host or host == "localhost"):
            return str(self)
        return f"{_UNNAMED_REGISTRY}/{'' if slash else 'library/'}{self.repository}:{self.tag}"

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations of an index entry that give an image this name: that of containerd, and that of the
        specification."""
        return {"io.containerd.image.name": self.qualified, "org.opencontainers.image.ref.name": self.tag}


_UNNAMED_REGISTRY = "docker.io"
"""What a name without a registry means to every loader. Part of the names of local images; nothing connects to it."""


def make_image(
    config: ImageConfig,
    layers: Sequence[LayerBlob],
    *,
    annotations: Mapping[str, str] | None = None,
    base_layers: int = 0,
    base_history: Sequence[dict[str, Any]] = (),
) -> Image:
    """Describe the layers, bottom first, as an image.

    ``annotations`` go into the manifest. ``base_layers`` is how many layers at the bottom belong to a base image, whose
    history comes in ``base_history``. Two identical new layers, or no layer at all, are a ValueError.
    """
    own = [layer.diff_id for layer in layers[base_layers:]]
    if len(set(own)) < len(own):
        raise ValueError("two layers are identical")
    document = EncodedDocument.of(config.as_json(layers, base_history, base_layers), media_types.CONFIG)
    value: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_types.MANIFEST,
        "config": document.descriptor.as_json(),
        "layers": [layer.descriptor.as_json() for layer in layers],
    }
    if annotations:
        value["annotations"] = dict(annotations)
    return Image(
        document,
        EncodedDocument.of(value, media_types.MANIFEST),
        tuple(layers),
        config.architecture,
        config.os,
        config.variant,
        tuple(sorted((annotations or {}).items())),
    )
