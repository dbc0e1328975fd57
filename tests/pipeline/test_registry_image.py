"""An image in a registry reads like a layout: documents and blobs come when they are asked for, and once."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from sysimage.blobs import BlobDirectory, media_types
from sysimage.destinations.registry import ImageReference, Registries
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, SpecError
from sysimage.pipeline.registry_image import RegistryImage, RegistrySource
from sysimage.verify.issue_collector import MalformedError
from sysimage.verify.layout import blob_name
from sysimage.verify.limits import DEFAULT_LIMITS
from tests.destinations.registry_server import Registry
from tests.pipeline.test_image_places import pushed
from tests.support.images import BuiltImage


def opened(name: str, keep: Path | None = None, *, whole: bool = False) -> RegistrySource:
    image = RegistryImage(ImageReference.parse(name), Registries(), keep, whole=whole)
    assert str(image) == name
    return image.open(DEFAULT_LIMITS)


def blobs_asked_for(registry: Registry) -> set[str]:
    return {line.rpartition("/")[2] for line in registry.requests if "/blobs/" in line}


def test_a_source_has_the_files_of_a_layout(registry: Registry, small: BuiltImage) -> None:
    name = pushed(registry, small)
    manifest, layer = small.image.manifest, small.image.layers[0].descriptor
    with opened(name) as source:
        assert (source.complete, source.distant) == (False, True)
        assert source.names() == ("index.json", "oci-layout")
        assert json.loads(source.read("oci-layout", 100)) == {"imageLayoutVersion": "1.0.0"}
        index = source.read("index.json", 10**6)
        assert json.loads(index) == {
            "schemaVersion": 2,
            "manifests": [
                {
                    **manifest.descriptor.as_json(),
                    "annotations": {
                        "io.containerd.image.name": name,
                        "org.opencontainers.image.ref.name": "1",
                    },
                }
            ],
        }
        assert source.size("index.json") == len(index)
        assert source.read(blob_name(manifest.descriptor.digest), len(manifest.data)) == manifest.data
        assert source.size(blob_name(layer.digest)) == layer.size
        assert blobs_asked_for(registry) == set(), "nothing was read of it"
        path = source.path(layer)
        assert path.read_bytes() == b"".join(source.chunks(blob_name(layer.digest)))
        assert blobs_asked_for(registry) == {str(layer.digest)}
        assert registry.count("GET") == 2
    assert not path.exists()


def test_what_no_document_names_is_not_there(registry: Registry, small: BuiltImage) -> None:
    name = pushed(registry, small)
    with opened(name) as source:
        for absent in (f"blobs/sha256/{'5' * 64}", "blobs", "manifest.json"):
            assert source.size(absent) is None
            with pytest.raises(MalformedError, match="has no file"):
                source.read(absent, 100)
            with pytest.raises(OSError, match="names no"):
                list(source.chunks(absent))
        size = len(small.image.manifest.data)
        with pytest.raises(MalformedError, match=f"has {size} bytes in .*; more than {size - 1} are not read"):
            source.read(blob_name(small.image.manifest.descriptor.digest), size - 1)
    with pytest.raises(SpecError) as caught:
        opened(f"{name}-rc")
    assert str(caught.value).startswith(f"cannot read {name}-rc: the registry has no such image, or does not show it")


def test_a_manifest_that_is_kept_still_leads_to_its_layers(
    registry: Registry, small: BuiltImage, tmp_path: Path
) -> None:
    name = pushed(registry, small)
    manifest, layer = small.image.manifest.descriptor, small.image.layers[0].descriptor
    data = json.dumps({"schemaVersion": 2, "manifests": [manifest.as_json()]}).encode()
    registry.manifests[f"team/small:{Digest.of(data)}"] = data
    registry.media_types[str(Digest.of(data))] = media_types.INDEX
    for requests in (3, 0):
        registry.requests.clear()
        with opened(f"{name.rpartition(':')[0]}@{Digest.of(data)}", tmp_path) as source:
            assert source.size(blob_name(layer.digest)) is None, "nothing that was read names it"
            list(source.chunks(blob_name(manifest.digest)))
            assert source.path(layer).stat().st_size == layer.size
        assert len(registry.requests) == requests


def test_a_manifest_has_the_length_that_its_index_says(registry: Registry, small: BuiltImage) -> None:
    name = pushed(registry, small)
    entry = small.image.manifest.descriptor.as_json()
    for size, text in ((0, "whole"), (1, "short")):
        index = {"schemaVersion": 2, "manifests": [{**entry, "size": entry["size"] + size}], "annotations": {"x": text}}
        data = json.dumps(index).encode()
        registry.manifests["team/small:2"] = data
        registry.media_types[str(Digest.of(data))] = media_types.INDEX
        with opened(f"{name[:-1]}2") as source:
            place = blob_name(small.image.manifest.descriptor.digest)
            if size:
                with pytest.raises(IntegrityError, match="its index names a manifest of another length"):
                    list(source.chunks(place))
            else:
                assert b"".join(source.chunks(place)) == small.image.manifest.data


@pytest.mark.parametrize("whole", [False, True])
def test_what_is_kept_is_fetched_once_and_is_used_now(
    registry: Registry, small: BuiltImage, tmp_path: Path, whole: bool
) -> None:
    name = pushed(registry, small)
    pinned = f"{name.rpartition(':')[0]}@{small.image.manifest.descriptor.digest}"
    layer, *others = (one.descriptor for one in small.image.layers)
    config = small.image.config.descriptor
    with opened(pinned, tmp_path, whole=whole) as source:
        assert "annotations" not in json.loads(source.read("index.json", 10**6))["manifests"][0]
        path = source.path(layer)
        assert path == BlobDirectory(tmp_path).path(layer.digest)
        assert source.path(layer) == path
        expected = {str(one.digest) for one in ((layer, config, *others) if whole else (layer,))}
        deadline = time.monotonic() + 20
        while blobs_asked_for(registry) < expected and time.monotonic() < deadline:
            time.sleep(0.001)
    assert blobs_asked_for(registry) == expected
    assert len([line for line in registry.requests if "/blobs/" in line]) == len(expected)
    os.utime(path, (1, 1))
    registry.requests.clear()
    with opened(pinned, tmp_path) as source:
        assert source.path(layer) == path
    assert registry.requests == []
    assert path.stat().st_mtime > 1
