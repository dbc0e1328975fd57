"""What a build is asked for becomes a request: the arguments' values, the spec's where they say nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage import api
from sysimage.api.build_requests import Asked
from sysimage.image import ImageName
from sysimage.pipeline.options import DeclaredSystem, Delivery
from sysimage.spec import parse_spec
from sysimage.spec.model import SystemSpec
from tests.destinations.registry_server import running

PLAIN = api.Settings(cache_dir=Path("/cache"), environ={}, jobs=1)
SPEC: SystemSpec = parse_spec('{"name": "web", "tags": ["1", "2"], "packages": [], "max-layers": 9}')
SYSTEM = DeclaredSystem.of(SPEC, Path("/specs"), None)


def test_a_request_has_what_the_arguments_specify_and_else_what_the_spec_has() -> None:
    request = Asked(settings=PLAIN).request(SYSTEM)
    assert request.system == SYSTEM
    assert request.identity.names == (ImageName("web", "1"), ImageName("web", "2"))
    assert request.identity.created is None
    assert (request.sources.locked, request.sources.keeps_ids) == (False, True)
    assert request.layers == PLAIN.layer_storage()
    assert (request.planning.history.closures, request.planning.history.previous) == ((), None)
    said = Asked(settings=PLAIN, tags=["team/a:3"], created=0, max_layers=3, compression="none", locked=True)
    other = said.request(SYSTEM)
    assert (other.system.spec.max_layers, other.system.spec.compression) == (3, "none")
    assert other.system.written == SPEC
    assert other.identity.names == (ImageName("team/a", "3"),)
    assert other.identity.created == 0
    assert other.sources.locked


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory, store: Path) -> dict[str, Path]:
    """The same system, built with different numbers of layers; each with its record."""
    top = tmp_path_factory.mktemp("builds")
    settings = api.Settings(cache_dir=top / "cache", jobs=1, environ={})
    for layers in (3, 4):
        api.build(store / "small.json", top / f"{layers}.tar", max_layers=layers, record=True, settings=settings)
    return {str(layers): top / f"{layers}.plan.json" for layers in (3, 4)}


def layers_of(previous: Any) -> int:
    """The most layers that a build was allowed."""
    return int(json.loads(previous.rule)["max-layers"])


def test_earlier_builds_are_read_in_their_order_and_the_last_is_the_one_before(builds: dict[str, Path]) -> None:
    asked = Asked(settings=PLAIN, previous=builds["3"], history=[builds["4"], builds["3"]])
    history = asked.request(SYSTEM).planning.history
    assert len(history.closures) == 2
    assert history.previous is not None
    assert layers_of(history.previous) == 3
    folder = builds["3"].parent
    of_folder = Asked(settings=PLAIN, previous=folder, history=[folder]).request(SYSTEM).planning.history
    assert len(of_folder.closures) == 2
    assert of_folder.previous is not None
    assert layers_of(of_folder.previous) == 4
    assert Asked(settings=PLAIN, history=[builds["4"]]).request(SYSTEM).planning.history.previous is None
    off = replace(PLAIN, offline=True)
    with pytest.raises(api.RegistryError, match=r"cannot ask for host\.test/web:1: the network is off"):
        Asked(settings=off, previous="host.test/web:1").request(SYSTEM)


def test_a_build_goes_on_from_what_it_replaces_where_there_is_something(
    builds: dict[str, Path], store: Path, tmp_path: Path
) -> None:
    image = builds["4"].with_name("4.tar")
    asked = Asked(settings=PLAIN, history=[builds["3"]])
    request = asked.request(SYSTEM)

    def onto(output: Any, *push: str, asked: Asked = asked, goes_on: bool = True) -> Any:
        delivered = asked.delivered(request, Delivery(output), push, continue_from_replaced=goes_on)
        assert delivered.delivery == Delivery(output)
        assert delivered.planning.history.closures == request.planning.history.closures
        return delivered.planning.history.previous

    assert layers_of(onto(image)) == 4
    assert onto(image, goes_on=False) is None
    assert onto(tmp_path / "none.tar") is None
    with running() as registry:
        name = f"{registry.address}/team/web:1"
        api.push(image, [name])
        assert layers_of(onto(None, name)) == 4
    for output in (1, 0, None):
        with pytest.raises(api.SpecError) as caught:
            onto(output)
        assert caught.value.message == "cannot go on from the image that is replaced: no image is replaced"
    with pytest.raises(api.SpecError) as caught:
        onto(image, asked=replace(asked, previous=builds["3"]))
    assert caught.value.message == "cannot go on from the image that is replaced: previous says otherwise"
