"""How large the documents of an image will be, as long as its layers are not there yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sysimage.blobs import Descriptor, media_types
from sysimage.digest import Digest
from sysimage.image import ImageConfig, ImageName, make_image
from sysimage.layers import LayerBlob
from sysimage.rules import limits
from sysimage.rules.finding import Finding

_LARGEST_LAYER = 10**12
"""Bytes: as many digits as the size of a layer may get."""


def check_documents(
    config: ImageConfig,
    labels: Sequence[str],
    annotations: Mapping[str, str],
    names: Sequence[ImageName],
    base_layers: int,
    base_history: Sequence[dict[str, object]],
) -> Iterator[Finding]:
    """Documents that readers would refuse for their size. ``labels`` name the layers on top of those of the base."""
    layers = [_imagined(number, "") for number in range(base_layers)]
    layers += [_imagined(base_layers + number, label) for number, label in enumerate(labels)]
    image = make_image(
        config, layers, annotations=annotations, base_layers=base_layers, base_history=list(base_history)
    )
    name_sizes = sum(len(str(name)) + len('"",') for name in names)
    sizes = {
        "config": len(image.config.data),
        "manifest": len(image.manifest.data),
        "index": len(image.index(names).data),
        "manifest.json": name_sizes + sum(len(str(layer.descriptor.digest)) + 20 for layer in layers),
    }
    for what, size in sizes.items():
        if size > limits.DOCUMENT_SIZE:
            yield Finding(
                "documents",
                _largest(config, names, only_names=what == "manifest.json"),
                f"the {what} of the image would have {size} bytes, of which this is the largest part; engines read at "
                f"most {limits.DOCUMENT_SIZE}",
                "keep long texts in files of the image",
            )


def _largest(config: ImageConfig, names: Sequence[ImageName], *, only_names: bool) -> tuple[str, ...]:
    """The part of a config that takes the most room: one value, or many of a kind together."""
    kinds: dict[str, dict[tuple[str, ...], int]] = {
        "tags": {("tags",): sum(len(str(name)) for name in names)},
        "labels": {("label", key): len(key) + len(text) for key, text in config.labels},
        "environment": {("environment", key): len(key) + len(text) for key, text in config.env},
        "entry-point": {("entry-point", str(at)): len(word) for at, word in enumerate(config.entrypoint)},
        "command": {("command", str(at)): len(word) for at, word in enumerate(config.cmd)},
        "health-check": {
            ("health-check", str(at)): len(word)
            for at, word in enumerate(config.healthcheck.command if config.healthcheck else ())
        },
        "exposed-ports": {("exposed-ports",): sum(map(len, config.exposed_ports))},
        "volumes": {("volume", path): len(path) for path in config.volumes},
    }
    if only_names:
        return ("tags",)
    kind, values = max(kinds.items(), key=lambda one: sum(one[1].values()))
    cause, size = max(values.items(), key=lambda one: one[1])
    return cause if size * 2 > sum(values.values()) else (kind,)


def _imagined(number: int, label: str) -> LayerBlob:
    """A layer of which only the fields in documents are used, with the largest sizes that they can have."""
    digest = Digest(f"{number:064x}")
    return LayerBlob(Descriptor(media_types.LAYER_GZIP, digest, _LARGEST_LAYER), digest, _LARGEST_LAYER, label)
