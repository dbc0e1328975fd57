"""Images of several platforms go to every place as one index, with each layer that they share once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sysimage.blobs import media_types
from sysimage.destinations.registry import PushTarget, Registries
from sysimage.errors import RegistryError, SpecError
from sysimage.pipeline.declared_systems import systems_of_value
from sysimage.pipeline.options import BuildRequest, BuildSources, Delivery, Identity, PushRequest
from sysimage.pipeline.platforms import build_platforms
from sysimage.spec import parse_spec
from tests.destinations.registry_server import Registry
from tests.support.builds import NO_ARCHIVE, registered, registered_store
from tests.support.loading import engine_into, read_member
from tests.support.store_builder import StoreBuilder


@dataclass(frozen=True)
class Asked:
    """One system for two platforms, whose images share the layer of the store and no other."""

    top: Path
    requests: list[BuildRequest]


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    store = StoreBuilder(tmp_path / "store")
    root = store.add("system", {"page": "text"})
    registered(store.closure("system"), tmp_path / "registration")
    sources = BuildSources(tmp_path / "new/cache", NO_ARCHIVE)
    requests = []
    for architecture in ("arm64", "amd64"):
        value = {
            "name": "small",
            "architecture": architecture,
            "files": {"/etc/machine": {"text": architecture}},
            "layer-groups": [{"patterns": ["system"]}],
            "from-store": registered_store(root.path),
        }
        (system,) = systems_of_value(parse_spec(json.dumps(value)), tmp_path)
        requests.append(BuildRequest(system, sources, Identity.of(system.spec)))
    return Asked(tmp_path, requests)


def document(archive: Path, name: str) -> Any:
    return json.loads(read_member(archive, name))


def test_one_index_goes_to_all_places_that_are_asked_for(asked: Asked, registry: Registry) -> None:
    layout, loaded = asked.top / "layout", asked.top / "loaded.tar"
    target = PushTarget.parse(f"{registry.address}/team/small:1")
    delivery = Delivery(layout, "oci-dir", (PushRequest(target, Registries()),), engine_into(loaded))
    result = build_platforms(asked.requests, delivery, host="linux/amd64")
    first, second = (image.written.image for image in result.images)
    assert [(entry["digest"], entry["platform"]["architecture"]) for entry in result.index.value["manifests"]] == [
        (str(first.manifest.descriptor.digest), "arm64"),
        (str(second.manifest.descriptor.digest), "amd64"),
    ]
    assert result.index.value["schemaVersion"] == 2
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    assert (entry["digest"], entry["mediaType"]) == (str(result.digest), media_types.INDEX)
    assert entry["annotations"]["org.opencontainers.image.ref.name"] == "latest"
    assert document(loaded, "index.json")["manifests"] == [entry]
    assert registry.manifests["team/small:1"] == result.index.data
    assert (result.output, result.loaded, result.format) == (layout, ("sh",), "oci-dir")
    assert [names for names, _ in result.pushed] == [target.names()]
    (old,) = document(loaded, "manifest.json")
    assert old["RepoTags"] == ["small:latest"]
    assert old["Config"] == f"blobs/sha256/{second.config.descriptor.digest.hex}", "of the host's platform"
    blobs = list((layout / "blobs/sha256").iterdir())
    assert result.size == sum(blob.stat().st_size for blob in blobs)
    (shared,) = {layer.descriptor for layer in first.layers} & {layer.descriptor for layer in second.layers}
    assert (result.shared, result.layers) == (shared.size, 3)
    assert not list(asked.requests[0].sources.cache_dir.glob(".sysimage-platforms-*"))


def test_an_index_is_in_the_form_of_its_first_place(asked: Asked, registry: Registry) -> None:
    file, loaded = asked.top / "small.tar", asked.top / "loaded.tar"
    push = PushRequest(PushTarget.parse(f"{registry.address}/team/small:1"), Registries())
    written = build_platforms(asked.requests, Delivery(file))
    assert (written.output, written.format, written.pushed, written.loaded) == (file, "archive", (), ())
    with loaded.open("wb") as opened:
        piped = build_platforms(asked.requests, Delivery(opened.fileno()))
    assert (piped.output, piped.format) == (None, "archive")
    assert loaded.read_bytes() == file.read_bytes()
    loaded.unlink()
    for delivery, form in (
        (Delivery(None, pushes=(push,), load=engine_into(loaded)), "registry"),
        (Delivery(None, load=engine_into(loaded)), "sh load"),
    ):
        nowhere = build_platforms(asked.requests, delivery)
        assert (nowhere.output, nowhere.format, nowhere.digest) == (None, form, written.digest)
    assert loaded.read_bytes() == file.read_bytes()


def test_what_cannot_take_an_index_says_so_before_any_work(asked: Asked, registry: Registry) -> None:
    with pytest.raises(SpecError) as caught:
        build_platforms(asked.requests, Delivery(asked.top / "small.tar", "docker-archive"))
    assert str(caught.value) == "cannot write several platforms to a docker-archive: it holds one image"
    registry.faults["POST"] = [403] * 9
    push = PushRequest(PushTarget.parse(f"{registry.address}/team/small:1"), Registries())
    with pytest.raises(RegistryError):
        build_platforms(asked.requests, Delivery(None, pushes=(push,)))
    assert not (asked.top / "new").exists()
