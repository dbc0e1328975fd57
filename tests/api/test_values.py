"""The values that builds and plans return, made from those of the pipeline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.api.values import BuiltImage, BuiltIndex, LeftOutFile, Plan, PushedImage, UnreadScriptLine
from sysimage.destinations.written_image import Transfer, WrittenImage
from sysimage.image import ImageName
from sysimage.layerplan import LayerPlan, PlannedLayer, Record, pull_seconds
from sysimage.layers import Compression
from sysimage.pipeline.build import BuildResult, PlannedBuild
from sysimage.pipeline.platforms import PlatformsResult
from sysimage.rootfs import system
from sysimage.rootfs.system import SystemResult, UnreadLine
from sysimage.spec import parse_spec
from tests.support.images import BuiltImage as Made
from tests.support.images import build_image

TRANSFER = Transfer(sent=10, total=30, layers=4, layers_there=3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return build_image(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def planned(made: Made) -> PlannedBuild:
    unused: Any = None
    first, *others = made.closure
    plan = LayerPlan(
        (
            PlannedLayer((first.path,), first.nar_size, "alone", 2.0),
            PlannedLayer(
                tuple(item.path for item in others),
                sum(item.nar_size for item in others),
                "the rest",
                0.5,
                customized=True,
            ),
        ),
        max_layers=9,
    )
    left = {
        "/gnu/store/b": (system.LeftOutFile("man/z", "manuals", 3), system.LeftOutFile("man/a", "manuals", 4)),
        "/gnu/store/a": (system.LeftOutFile("doc", "documentation", 5),),
    }
    unread = (UnreadLine("web", "postinst", 7, "frob", "is not known"),)
    return PlannedBuild(
        spec=parse_spec('{"name": "web", "packages": [], "store": {"kind": "nix"}, "architecture": "arm64"}'),
        realised=SystemResult(
            made.closure.roots[0], None, made.closure.items, unused, (), unused, left_out=left, unread=unread
        ),
        closure=made.closure,
        tree=made.tree,
        plan=plan,
        compression=Compression.parse("gzip"),
        names=(ImageName("web", "1"), ImageName("web", "latest")),
        created=86400,
        record=Record(made.closure, plan),
        annotations={},
    )


def test_a_plan_has_what_the_pipeline_planned(made: Made, planned: PlannedBuild) -> None:
    plan = Plan.of(planned)
    items = list(made.closure)
    total = sum(item.nar_size for item in items)
    assert (plan.names, plan.platform, plan.architecture) == (("web:1", "web:latest"), "linux/arm64/v8", "arm64")
    assert (plan.store_kind, plan.store_directory) == ("nix", "/nix/store")
    assert (plan.system, plan.items, plan.nar_size) == (str(made.closure.roots[0]), len(items), total)
    assert (plan.created, plan.max_layers, plan.layer_count) == (86400, 9, 2)
    assert [(one.paths, one.nar_size, one.reason, one.pulls_per_year, one.customized) for one in plan.layers] == [
        ((str(items[0].path),), items[0].nar_size, "alone", 2.0, False),
        (tuple(str(item.path) for item in items[1:]), total - items[0].nar_size, "the rest", 0.5, True),
    ]
    assert plan.customization_entries == len(made.tree)
    assert plan.customization_size == sum(entry.size() for entry in made.tree) > 0
    assert plan.first_pull_seconds == pull_seconds(total + plan.customization_size, 2)
    assert plan.updates_per_year_seconds == pytest.approx(
        2.0 * pull_seconds(items[0].nar_size, 1) + 0.5 * pull_seconds(total - items[0].nar_size, 1)
    )
    assert plan.left_out == (
        LeftOutFile("/gnu/store/a", "doc", "documentation", 5),
        LeftOutFile("/gnu/store/b", "man/z", "manuals", 3),
        LeftOutFile("/gnu/store/b", "man/a", "manuals", 4),
    )
    assert plan.unread == (UnreadScriptLine("web", "postinst", 7, "frob", "is not known"),)


def test_what_updates_move_is_not_known_where_nothing_was_learned(planned: PlannedBuild) -> None:
    for estimated in (False, True):
        plan = Plan.of(planned, estimated=estimated)
        assert (plan.updates_per_year, plan.update_size, plan.update_sizes_by_rule, plan.update_steps) == (
            None,
            None,
            {},
            0,
        )
    first, *others = planned.plan.layers
    seldom = replace(planned.plan, layers=(replace(first, pulls_per_year=0.0), *others))
    never_told = replace(planned.plan, layers=(replace(first, pulls_per_year=None), *others))
    assert Plan.of(replace(planned, plan=seldom)).updates_per_year_seconds == pytest.approx(
        0.5 * pull_seconds(others[0].nar_size, 1)
    )
    assert Plan.of(replace(planned, plan=never_told)).updates_per_year_seconds is None


def test_what_updates_move_is_compared_with_other_rules_where_it_is_asked(planned: PlannedBuild) -> None:
    memory = replace(planned.plan.memory, steps=6, own=((planned.plan.layers[0].paths[0], 0b101),))
    learned = replace(planned, plan=replace(planned.plan, memory=memory))
    plan = Plan.of(learned, estimated=True)
    assert plan.update_steps == 6
    assert plan.updates_per_year is not None
    assert plan.updates_per_year > 0
    assert plan.update_size is not None
    assert set(plan.update_sizes_by_rule) >= {"single", "guix-size", "popularity"}
    assert "sysimage" not in plan.update_sizes_by_rule
    assert plan.update_size <= plan.update_sizes_by_rule["single"]
    assert Plan.of(learned).updates_per_year is None, "it takes time, so it is not done by the way"


def written(made: Made, form: str, *, path: Path | None = None, transfer: Transfer | None = None) -> WrittenImage:
    return WrittenImage(made.image, form, path, 500, (ImageName("host/web", "1"), ImageName("host/web", "2")), transfer)


def test_a_built_image_knows_the_places_that_have_it(made: Made, planned: PlannedBuild) -> None:
    places = (
        written(made, "archive", path=Path("web.tar")),
        written(made, "registry", transfer=TRANSFER),
        written(made, "podman load"),
    )
    image = BuiltImage.of(BuildResult(planned, places, Path("web.plan.json")))
    names = ("host/web:1", "host/web:2")
    assert (image.digest, image.image_id) == (
        made.image.manifest.descriptor.digest,
        made.image.config.descriptor.digest,
    )
    assert (image.size, image.format, image.output) == (500, "archive", Path("web.tar"))
    assert image.record == Path("web.plan.json")
    assert image.pushed == names
    assert image.transfers == (PushedImage(names, 10, 30, 4, 3),)
    assert image.loaded == ("podman",)
    assert [(one.digest, one.diff_id, one.media_type, one.size) for one in image.layers] == [
        (one.descriptor.digest, one.diff_id, one.descriptor.media_type, one.descriptor.size)
        for one in made.image.layers
    ]
    assert image.plan == Plan.of(planned)
    assert image.names == ("web:1", "web:latest")
    alone = BuiltImage.of(BuildResult(planned, places[:1]))
    assert (alone.pushed, alone.transfers, alone.loaded, alone.record) == ((), (), (), None)


def test_images_of_an_index_have_no_places_of_their_own(made: Made, planned: PlannedBuild) -> None:
    result = PlatformsResult(
        images=(BuildResult(planned, (written(made, "archive", path=Path("scratch.tar")),)),),
        index=made.image.manifest,
        size=900,
        shared=100,
        layers=4,
        output=Path("web.tar"),
        pushed=(((ImageName("host/web", "1"), ImageName("host/web", "2")), TRANSFER),),
        loaded=("docker",),
        format="archive",
    )
    index = BuiltIndex.of(result)
    names = ("host/web:1", "host/web:2")
    assert (index.digest, index.size, index.shared) == (made.image.manifest.descriptor.digest, 900, 100)
    assert (index.format, index.output, index.loaded) == ("archive", Path("web.tar"), ("docker",))
    assert (index.pushed, index.transfers) == (names, (PushedImage(names, 10, 30, 4, 3),))
    assert index.names == ("web:1", "web:latest")
    assert index.images == (replace(BuiltImage.of(result.images[0]), output=None),)
