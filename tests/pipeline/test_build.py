"""What an image is before its first layer is written: its date, its faults, and what is proven of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.blobs import Descriptor, media_types
from sysimage.digest import Digest
from sysimage.errors import SpecError
from sysimage.layers import Check, LayerBlob
from sysimage.pipeline.build import PlannedBuild, checks, image_plan, plan
from sysimage.pipeline.options import BuildSources, DeclaredSystem, Identity, Planning, Proofs
from sysimage.rules import limits
from sysimage.spec import parse_spec
from tests.support.builds import NO_ARCHIVE, registered, registered_store
from tests.support.store_builder import StoreBuilder


@pytest.fixture
def system(tmp_path: Path) -> DeclaredSystem:
    return system_of(tmp_path)


def system_of(top: Path, **said: Any) -> DeclaredSystem:
    store = StoreBuilder(top / "store")
    root = store.add("system", {"page": "text"})
    registered(store.closure("system"), top / "registration")
    spec = parse_spec(json.dumps({"name": "web", "from-store": registered_store(root.path), **said}))
    return DeclaredSystem.of(spec, top, None)


def planned(system: DeclaredSystem, created: int | None = None) -> PlannedBuild:
    sources = BuildSources(system.spec_dir / "cache", NO_ARCHIVE)
    return plan(system, sources, replace(Identity.of(system.spec), created=created), Planning())


def test_layers_with_more_bytes_than_readers_take_are_refused(system: DeclaredSystem) -> None:
    digest = Digest.of(b"layer")
    layer = LayerBlob(Descriptor(media_types.LAYER, digest, 1024), digest, 1024, "web")
    made = image_plan(planned(system), Proofs(), 1)
    assert len(made.assemble([layer]).layers) == 1
    with pytest.raises(SpecError, match="cannot build web: its layers have"):
        made.assemble([replace(layer, tar_size=limits.UNCOMPRESSED_SIZE), layer])


def test_an_image_is_from_the_time_that_was_given_or_of_its_newest_package(system: DeclaredSystem) -> None:
    assert planned(system).created == 1, "unknown"
    assert planned(system, 7).created == 7
    assert planned(system, 0).created == 0


def test_items_of_our_own_store_are_proven_always_and_those_of_another_where_it_is_asked_for(
    system: DeclaredSystem,
) -> None:
    of_another = planned(system)
    source = of_another.spec.from_store
    assert source is not None
    assert checks(of_another, Proofs()) is None
    for from_store in (None, source.model_copy(update={"check": True})):
        spec = of_another.spec.model_copy(update={"from_store": from_store})
        assert checks(replace(of_another, spec=spec), Proofs()) == Check()
    proven = checks(of_another, Proofs(references=True))
    assert proven is not None
    assert proven != Check()


def test_an_image_that_would_not_run_is_refused_before_any_layer(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot build web: it would not run as the spec says"):
        planned(system_of(tmp_path, **{"entry-point": ["/no/such/program"]}))
