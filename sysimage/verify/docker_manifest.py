"""``manifest.json``, which Docker's loaders read: alone in an archive, or beside a layout that it agrees with.

Format: Docker image specification v1.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sysimage.digest import Digest
from sysimage.verify.config import Config, parse_config
from sysimage.verify.documents import field, parse_json, parse_named, strings
from sysimage.verify.image_source import ImageSource
from sysimage.verify.issue_collector import IssueCollector, MalformedError, escaped
from sysimage.verify.layout import blob_name
from sysimage.verify.limits import Limits
from sysimage.verify.manifest import ImageDocuments, LayerDocument, assemble, familiar, names_meant


@dataclass(frozen=True, slots=True)
class DockerManifest:
    """An image that ``manifest.json`` lists."""

    config: str
    """Name of a member of the archive."""
    layers: tuple[str, ...]
    """Names of members, bottom first."""
    tags: tuple[str, ...]
    """Full names, such as ``base:latest``."""


def read_docker_manifest(source: ImageSource, limits: Limits) -> tuple[DockerManifest, ...]:
    """The images that ``manifest.json`` lists, each once with all its names; at least one."""
    try:
        value = parse_json(source.read("manifest.json", limits.document_size), limits)
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise MalformedError("is not a list of images")
        tags: dict[tuple[str, tuple[str, ...]], dict[str, None]] = {}
        for entry in value:
            image = field(entry, "Config", str, required=True), strings(entry, "Layers")
            tags.setdefault(image, {}).update(dict.fromkeys(strings(entry, "RepoTags")))
        if not tags:
            raise MalformedError("lists no image")
    except MalformedError as error:
        raise MalformedError(f"manifest.json {error}") from None
    return tuple(DockerManifest(config, layers, tuple(names)) for (config, layers), names in tags.items())


def choose(listed: Sequence[DockerManifest], name: str | None) -> DockerManifest:
    """The only image, or the one of this ``name``: a tag, a whole name, or the config's digest."""
    found = listed
    if len(listed) > 1 and name is not None:
        found = next(filter(None, ([one for one in listed if _is_called(one, what)] for what in names_meant(name))), [])
    if len(found) == 1:
        return found[0]
    called = ", ".join(escaped(" ".join(one.tags) or one.config) for one in listed[:20])
    if name is None:
        raise MalformedError(f"manifest.json lists {len(listed)} images: {called}; say which, as FILE:TAG")
    raise MalformedError(f"manifest.json does not name one image {escaped(name)!r}, but: {called}")


def _is_called(image: DockerManifest, name: str) -> bool:
    digest = image.config.rpartition("/")[2].removesuffix(".json")
    return name in (digest, f"sha256:{digest}") or any(
        name in (familiar(tag), tag.rpartition(":")[2]) for tag in image.tags
    )


def documents_of(source: ImageSource, legacy: DockerManifest, faults: IssueCollector, limits: Limits) -> ImageDocuments:
    """An archive that has only ``manifest.json``: names are looked up among the archive's members, never as paths."""
    data = source.read(legacy.config, limits.document_size)
    image_id = Digest.of(data)
    if (stem := legacy.config.rpartition("/")[2].removesuffix(".json")) != image_id.hex and len(stem) == 64:
        faults.add("digest", escaped(legacy.config), f"the config has the digest {image_id}")
    config = parse_config(parse_named("the config", data, limits), "config", faults)
    layers = []
    for number, name in enumerate(legacy.layers, 1):
        size = source.size(name)
        if size is None:
            raise MalformedError(f"has no file {escaped(name)}, which manifest.json names as layer {number}")
        layers.append(LayerDocument(number, name, None, size))
    _check_repetition(legacy, config, faults)
    documents = ImageDocuments(None, image_id, legacy.config, config, tuple(layers), tuple(sorted(legacy.tags)))
    return assemble(documents, faults, limits)


def _check_repetition(legacy: DockerManifest, config: Config, faults: IssueCollector) -> None:
    if len(set(legacy.layers)) < len(legacy.layers) or len(set(config.diff_ids)) < len(config.diff_ids):
        faults.note("repetition", "manifest.json", "names a layer twice, which old loaders refuse")


def compare(documents: ImageDocuments, legacy: DockerManifest, faults: IssueCollector) -> None:
    """Note every point in which ``manifest.json`` says something else than the layout it is in."""

    def fault(message: str) -> None:
        faults.add("manifest.json", "manifest.json", message)

    if legacy.config != blob_name(documents.image_id):
        fault(f"names the config {escaped(legacy.config)}, index.json leads to {blob_name(documents.image_id)}")
    expected = tuple(layer.file for layer in documents.layers)
    if len(legacy.layers) != len(expected):
        fault(f"names {len(legacy.layers)} layers, index.json leads to {len(expected)}")
    for number, (said, wanted) in enumerate(zip(legacy.layers, expected, strict=False), 1):
        if said != wanted:
            fault(f"names {escaped(said)} as layer {number}, index.json leads to {wanted}")
    named = {familiar(tag) for tag in legacy.tags}
    for tag in documents.tags:
        if familiar(tag) not in named and ":" in tag:
            fault(f"does not name {escaped(tag)}, which index.json does")
    _check_repetition(legacy, documents.config, faults)
