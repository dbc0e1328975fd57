"""Index, manifest and config of an OCI layout, followed by digest (OCI image specification v1.1, image-layout.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sysimage.digest import Digest
from sysimage.verify.compression import CompressionFormat
from sysimage.verify.config import Config, parse_config
from sysimage.verify.documents import Reference, described, field, parse_descriptor, parse_named, string_map
from sysimage.verify.image_source import ImageSource
from sysimage.verify.issue_collector import IssueCollector, MalformedError, escaped
from sysimage.verify.limits import Limits
from sysimage.verify.manifest import ImageDocuments, LayerDocument, assemble, familiar, names_meant

_OCI = "application/vnd.oci.image."
_DOCKER = "application/vnd.docker."
_INDEXES = (_OCI + "index.v1+json", _DOCKER + "distribution.manifest.list.v2+json")
_MANIFESTS = (_OCI + "manifest.v1+json", _DOCKER + "distribution.manifest.v2+json")
_CONFIGS = (_OCI + "config.v1+json", _DOCKER + "container.image.v1+json")
_LAYERS = {
    _OCI + "layer.v1.tar": CompressionFormat.NONE,
    _OCI + "layer.v1.tar+gzip": CompressionFormat.GZIP,
    _OCI + "layer.v1.tar+zstd": CompressionFormat.ZSTD,
    _DOCKER + "image.rootfs.diff.tar": CompressionFormat.NONE,
    _DOCKER + "image.rootfs.diff.tar.gzip": CompressionFormat.GZIP,
    _DOCKER + "image.rootfs.diff.tar.zstd": CompressionFormat.ZSTD,
    # Of a layer that may not be given away; where its bytes are here, it is a layer like others.
    _OCI + "layer.nondistributable.v1.tar": CompressionFormat.NONE,
    _OCI + "layer.nondistributable.v1.tar+gzip": CompressionFormat.GZIP,
    _OCI + "layer.nondistributable.v1.tar+zstd": CompressionFormat.ZSTD,
    _DOCKER + "image.rootfs.foreign.diff.tar": CompressionFormat.NONE,
    _DOCKER + "image.rootfs.foreign.diff.tar.gzip": CompressionFormat.GZIP,
}
_NO_PLATFORM = "unknown/unknown"
_NAME = "io.containerd.image.name"
_REF_NAME = "org.opencontainers.image.ref.name"


def read_layout(
    source: ImageSource, faults: IssueCollector, limits: Limits, platform: str | None, name: str | None = None
) -> ImageDocuments:
    """Follow ``index.json`` to the one image, or to the one of this ``name`` or for ``platform``, and to its config."""
    layout = parse_named("oci-layout", source.read("oci-layout", limits.document_size), limits)
    if field(layout, "imageLayoutVersion", object) != "1.0.0":
        raise MalformedError("oci-layout has another imageLayoutVersion than 1.0.0")
    index = parse_named("index.json", source.read("index.json", limits.document_size), limits)
    if name is not None:
        index = _with_name(index, name)
    with_tags, reference = _choose(source, index, _INDEXES[0], "index.json", limits, platform, 0)
    manifest = parse_named("the manifest", read_blob(source, reference, limits), limits)
    _refuse_confusion(manifest, "the manifest", reference.media_type, "layers", "manifests")
    with described("the manifest: "):
        config_reference = parse_descriptor(field(manifest, "config", dict, required=True))
        layers = [parse_descriptor(value) for value in field(manifest, "layers", list, required=True)]
    _check_types(config_reference, layers)
    config = parse_config(
        parse_named("the config", read_blob(source, config_reference, limits), limits), "config", faults
    )
    ours = bool(config.history) and config.history[-1].created_by.startswith("sysimage")
    _check_families([reference, config_reference, *layers], faults.style(ours=ours))
    if reference.platform is not None and not config.is_for(reference.platform):
        faults.add("platform", "index.json", f"promises {reference.platform}, the config says {_platform(config)}")
    documents = ImageDocuments(
        reference.digest,
        config_reference.digest,
        blob_name(config_reference.digest),
        config,
        tuple(_layer(number, layer) for number, layer in enumerate(layers, 1)),
        _tags(with_tags),
        string_map(manifest, "annotations"),
    )
    return assemble(documents, faults, limits)


def configs_of(source: ImageSource, limits: Limits) -> frozenset[Digest]:
    """The configurations of all images that ``index.json`` leads to, for every platform."""
    found: set[Digest] = set()

    def follow(document: dict[str, Any], depth: int) -> None:
        config = field(document, "config", dict)
        if config is not None:
            found.add(parse_descriptor(config).digest)
        for value in (field(document, "manifests", list) or []) if depth <= limits.index_depth else []:
            below = parse_descriptor(value)
            if below.media_type in _MANIFESTS + _INDEXES and source.size(blob_name(below.digest)) is not None:
                follow(parse_named("a manifest", read_blob(source, below, limits), limits), depth + 1)

    follow(parse_named("index.json", source.read("index.json", limits.document_size), limits), 0)
    return frozenset(found)


def blob_name(digest: Digest) -> str:
    """Where a layout keeps a blob."""
    return f"blobs/sha256/{digest.hex}"


def read_blob(source: ImageSource, reference: Reference, limits: Limits) -> bytes:
    """A document's exact bytes, as its descriptor promises them; a MalformedError otherwise."""
    name = blob_name(reference.digest)
    data = source.read(name, limits.document_size)
    if len(data) != reference.size:
        raise MalformedError(f"{name} has {len(data)} bytes, its descriptor says {reference.size}")
    if (found := Digest.of(data)) != reference.digest:
        raise MalformedError(f"{name} has the digest {found}")
    return data


def _choose(
    source: ImageSource,
    index: dict[str, Any],
    media_type: str,
    where: str,
    limits: Limits,
    platform: str | None,
    depth: int,
) -> tuple[Reference, Reference]:
    """The descriptor in ``index`` that leads to the requested manifest, and the manifest's own."""
    _refuse_confusion(index, where, media_type, "manifests", "layers")
    chosen = _only_image(source, index, where, limits, platform, depth)
    if chosen.media_type in _MANIFESTS:
        return chosen, chosen
    if depth >= limits.index_depth:
        raise MalformedError(f"indexes are nested deeper than {limits.index_depth}")
    nested = parse_named("a nested index", read_blob(source, chosen, limits), limits)
    below = _choose(source, nested, chosen.media_type, f"index {chosen.digest}", limits, platform, depth + 1)
    return chosen, below[1]


def _only_image(
    source: ImageSource, index: dict[str, Any], where: str, limits: Limits, platform: str | None, depth: int
) -> Reference:
    """The only image of an index, or the only one for ``platform``; otherwise a MalformedError, which lists the
    images."""
    candidates = _entries(index, where)
    found = images = _images(source, candidates, limits, depth)
    if platform is not None and len(images) > 1:
        fitting = [one for one in images if one.platform is None or (one.platform + "/").startswith(platform + "/")]
        # An index may leave out the variant that is wanted.
        images = fitting or [one for one in images if (platform + "/").startswith(f"{one.platform}/")]
    if len(images) == 1:
        return images[0]
    named = len({one.platform for one in images}) == 1 and depth == 0  # then only names distinguish them
    # Records of how an image was made, which BuildKit puts beside it, are nothing to choose.
    seen = [one for one in candidates if one.platform != _NO_PLATFORM] or candidates
    listed = (seen if named else found or seen)[:20]
    called = ", ".join(escaped((named and " ".join(_tags(one))) or one.platform or str(one.digest)) for one in listed)
    wanted = f"an image for {platform}" if platform else "one image"
    say = _how_to_choose(images, platform)
    raise MalformedError(f"{where} does not hold {wanted}, but: {called or 'nothing'}{say}")


def _how_to_choose(images: Sequence[Reference], platform: str | None) -> str:
    """What to say to get one of several images."""
    if len(images) < 2:
        return ""
    by_platform = platform is None and len({one.platform for one in images}) == len(images)
    return f"; say which, {'with --platform' if by_platform else 'as DIR:TAG'}"


def _images(source: ImageSource, candidates: Sequence[Reference], limits: Limits, depth: int) -> list[Reference]:
    """The images among what an index holds, each once."""
    images = [one for one in candidates if one.media_type in _MANIFESTS + _INDEXES and one.platform != _NO_PLATFORM]
    if len(images) < 2:
        return images
    # Several names of one image (umoci tag), and signatures, SBOMs and the like that refer to it (oras attach).
    different = {(one.digest, one.platform): one for one in reversed(images)}
    images = [one for one in reversed(different.values()) if _is_image(source, one, limits)]
    if len(images) < 2:
        return images
    return [below for one in images for below in _expanded(source, one, limits, depth)]


def _expanded(source: ImageSource, reference: Reference, limits: Limits, depth: int) -> list[Reference]:
    """The images of an index that is one of several, and which has neither a name nor a platform."""
    is_nameless = reference.platform is None and not _tags(reference)
    if not is_nameless or reference.media_type not in _INDEXES or depth >= limits.index_depth:
        return [reference]
    if source.size(blob_name(reference.digest)) is None:
        return [reference]
    nested = parse_named("a nested index", read_blob(source, reference, limits), limits)
    return _images(source, _entries(nested, f"index {reference.digest}"), limits, depth + 1) or [reference]


def _entries(index: dict[str, Any], where: str) -> list[Reference]:
    with described(f"{where}: "):
        return [parse_descriptor(value) for value in field(index, "manifests", list, required=True)]


def named_image(source: ImageSource, limits: Limits, name: str | None, platform: str | None = None) -> Reference:
    """What ``index.json`` has under a name, a manifest or an index of several; without a name, the only one it has, or
    has for ``platform``."""
    index = parse_named("index.json", source.read("index.json", limits.document_size), limits)
    return _only_image(source, index if name is None else _with_name(index, name), "index.json", limits, platform, 0)


def _is_image(source: ImageSource, reference: Reference, limits: Limits) -> bool:
    """Whether a manifest or index describes an image, and not a referrer of another one; a missing document may be an
    image."""
    if source.size(blob_name(reference.digest)) is None:
        return True
    document = parse_named("a manifest", read_blob(source, reference, limits), limits)
    if field(document, "subject", object) is not None:
        return False
    config = field(document, "config", dict)
    return config is None or field(config, "mediaType", object) in _CONFIGS


def _with_name(index: dict[str, Any], name: str) -> dict[str, Any]:
    """The index without the other images, where it names several."""
    entries = field(index, "manifests", list, required=True)
    if len(entries) < 2:
        return index
    for called in names_meant(name):
        if wanted := [entry for entry in entries if _is_called(parse_descriptor(entry), called)]:
            break
    else:
        raise MalformedError(f"index.json does not name an image {escaped(name)!r}, but: {_called(entries)}")
    return {**index, "manifests": wanted}


def _is_called(reference: Reference, name: str) -> bool:
    """Whether it has this name or digest; another tool may have written the tag alone."""
    if name == str(reference.digest):
        return True
    names = [reference.annotations.get(key) for key in (_NAME, _REF_NAME)]
    if names[0]:
        return name in (familiar(names[0]), names[1])
    return names[1] is not None and names[1] in (name, name.rpartition(":")[2])


def _called(entries: list[Any]) -> str:
    """What the images of an index are called, for people."""
    references = [parse_descriptor(entry) for entry in entries[:20]]
    return ", ".join(escaped(" ".join(_tags(one)) or one.platform or str(one.digest)) for one in references)


def _refuse_confusion(document: dict[str, Any], where: str, media_type: str, wanted: str, foreign: str) -> None:
    """A document read as one kind must not be readable as the other (CVE-2021-41190)."""
    version = field(document, "schemaVersion", object)
    if version != 2:
        raise MalformedError(f"{where} has schemaVersion {escaped(repr(version))}; only 2 is read")
    names = {key.lower() for key in document}
    if foreign in names or wanted not in names:
        raise MalformedError(f"{where} must have {wanted!r} and no {foreign!r}")
    stated = field(document, "mediaType", str)
    if stated is not None and stated != media_type:
        raise MalformedError(f"{where} calls itself {escaped(stated)!r}, its descriptor says {media_type!r}")


def _check_types(config: Reference, layers: list[Reference]) -> None:
    if config.media_type not in _CONFIGS:
        raise MalformedError(f"the config is of type {escaped(config.media_type)!r}, not of an image")
    for number, layer in enumerate(layers, 1):
        if layer.media_type not in _LAYERS:
            raise MalformedError(f"layer {number} is of type {escaped(layer.media_type)!r}, which is not read")


def _check_families(references: list[Reference], style: Callable[[str, str, str], None]) -> None:
    """Engines take images that kaniko and buildpacks put on bases of the other family; other tools do not."""
    types = {reference.media_type for reference in references}
    if len({kind.startswith(_OCI) for kind in types}) > 1:
        style("media types", "manifest", f"mixes OCI's media types with Docker's: {', '.join(sorted(types))}")


def _layer(number: int, layer: Reference) -> LayerDocument:
    return LayerDocument(
        number,
        blob_name(layer.digest),
        layer.digest,
        layer.size,
        _LAYERS[layer.media_type],
        layer.media_type,
        layer.annotations,
    )


def _tags(reference: Reference) -> tuple[str, ...]:
    name = reference.annotations.get(_NAME) or reference.annotations.get(_REF_NAME)
    return (familiar(name),) if name else ()


def _platform(config: Config) -> str:
    return f"{config.os}/{config.architecture}"
