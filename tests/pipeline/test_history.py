"""Every build leaves its closure and plan, in the image and beside it; later builds find them wherever an image is."""

from __future__ import annotations

import base64
import bz2
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.cli.result_card import card
from sysimage.cli.terminal import in_bytes
from sysimage.closure import Closure
from sysimage.destinations.registry import Registries, push_targets
from sysimage.errors import IntegrityError, SpecError
from sysimage.layerplan import Record, from_json, plan_layers
from sysimage.pipeline.build import BuildResult
from sysimage.pipeline.compressed_text import compress_text, decompress_text
from sysimage.pipeline.history import (
    ANNOTATION,
    History,
    read_records,
    record_annotations,
    record_path,
    record_text,
    what_is_replaced,
)
from sysimage.pipeline.options import PushRequest
from sysimage.pipeline.replaced_image import replaced_image
from sysimage.verify import inspect_image
from tests.destinations.registry_server import running
from tests.layerplan.closures import closure_of
from tests.support.builds import build_from_store, registered
from tests.support.store_builder import StoreBuilder, small_system

PLATFORM = "linux/amd64"


def nobody(name: str) -> dict[str, str] | None:
    raise AssertionError(f"no registry is asked for {name}")


@pytest.fixture
def closure(tmp_path: Path) -> Closure:
    closure = small_system(StoreBuilder(tmp_path / "store"))
    registered(closure, tmp_path / "registration")
    return closure


def build(
    workspace: Path, closure: Closure, output: Path | None = None, labels: Mapping[str, str] = {}, **options: Any
) -> BuildResult:
    source = {"paths": [str(closure.roots[0])], "source": "registration", "location": "store"}
    return build_from_store(workspace, {"name": "small", "from-store": source, "labels": labels}, output, **options)


def another(workspace: Path) -> Closure:
    """The system with one more item on top, as a later build would have it."""
    store = StoreBuilder(workspace / "store-2")
    small_system(store)
    store.add("newer", "what came later\n")
    return store.closure("system", "newer")


def test_a_build_leaves_its_record_in_the_image_and_beside_it_where_that_is_asked_for(
    closure: Closure, tmp_path: Path
) -> None:
    result = build(tmp_path, closure, tmp_path / "web.oci.tar", record=True)
    assert result.record is not None
    assert result.record == tmp_path / "web.oci.plan.json"
    beside = from_json(result.record.read_text())
    assert beside.plan == result.planned.plan
    assert [(item.path, item.nar_hash, item.references) for item in beside.closure] == [
        (item.path, item.nar_hash, item.references) for item in closure
    ]
    inside = inspect_image(tmp_path / "web.oci.tar").annotations[ANNOTATION]
    assert decompress_text(inside) + "\n" == result.record.read_text()
    index = result.written.image.index().value
    assert ANNOTATION not in index["manifests"][0]["annotations"], "what engines copy around stays short"


def test_only_what_cannot_carry_its_record_has_it_beside_unasked(closure: Closure, tmp_path: Path) -> None:
    assert build(tmp_path, closure, tmp_path / "web.tar").record is None
    assert build(tmp_path, closure, tmp_path / "layout", format="oci-dir").record is None
    docker = build(tmp_path, closure, tmp_path / "docker.tar", format="docker-archive")
    assert docker.record == tmp_path / "docker.plan.json"


def test_a_build_knows_what_it_replaces(closure: Closure, tmp_path: Path) -> None:
    first = build(tmp_path, closure)
    assert first.replaced is None
    same = build(tmp_path, closure)
    assert same.replaced is not None
    assert same.replaced.digest == first.written.digest
    assert same.replaced.lacked(same.written.image) == (0, 0)
    newer = another(tmp_path)
    registered(newer, tmp_path / "registration")
    shutil.rmtree(tmp_path / "store")
    (tmp_path / "store-2").rename(tmp_path / "store")
    later = build(tmp_path, newer)
    assert later.replaced is not None
    layers, size = later.replaced.lacked(later.written.image)
    assert 0 < layers <= len(later.written.image.layers)
    assert 0 < size <= sum(layer.descriptor.size for layer in later.written.image.layers)
    told = list(card(later))
    assert (
        told[1] == f"  changed:  {layers} of {len(later.written.image.layers)} layers, {in_bytes(size)} to send: newer"
    )
    assert told[2].startswith(f"  load it:  docker load --input {tmp_path}/small.tar")
    assert told[3] == "  run it:   docker run --rm small:latest"
    assert list(card(same))[1] == "  changed:  nothing; it is the image that was there"


def test_a_label_with_the_name_of_the_record_is_not_taken_for_one(closure: Closure, tmp_path: Path) -> None:
    labels = {ANNOTATION: "not a record"}
    assert build(tmp_path, closure, tmp_path / "web.tar", labels=labels).record is None
    found = replaced_image(tmp_path / "web.tar", "linux/amd64", "small:latest")
    assert found is not None
    assert found.record is not None
    damaged = replace(found, annotations={ANNOTATION: compress_text("not a record")})
    assert damaged.record is None
    assert replace(found, annotations={}).record is None
    (tmp_path / "small.tar").write_bytes(b"no image")
    assert replaced_image(tmp_path / "small.tar", PLATFORM, "small:latest") is None


def test_the_record_is_found_wherever_the_image_is(closure: Closure, tmp_path: Path) -> None:
    made = build(tmp_path, closure, tmp_path / "web.tar", record=True)
    build(tmp_path, closure, tmp_path / "layout", format="oci-dir")
    (tmp_path / "records").mkdir()
    (tmp_path / "records/a.plan.json").write_text(record_text(made.planned.record))
    for place in ("web.tar", "layout", "web.plan.json", "records"):
        (found,) = read_records(str(tmp_path / place), PLATFORM, nobody)
        assert record_text(found) == record_text(made.planned.record), place
    annotations = inspect_image(tmp_path / "web.tar").annotations
    (found,) = read_records("registry.example/web:1", PLATFORM, lambda name: annotations)
    assert record_text(found) == record_text(made.planned.record)


def test_a_record_that_an_image_has_in_the_old_form_is_read(closure: Closure) -> None:
    record = Record(closure, plan_layers(closure), 5, "x")
    (found,) = read_records("registry.example/web:1", PLATFORM, lambda name: {ANNOTATION: record_text(record)})
    assert record_text(found) == record_text(record)


@given(st.text())
def test_a_packed_text_is_itself_again_and_needs_no_escapes(text: str) -> None:
    short = compress_text(text)
    assert decompress_text(short) == text
    assert json.dumps(short) == f'"{short}"'


def test_packing_makes_a_record_shorter() -> None:
    names = [f"item-{number}-1.{number}" for number in range(100)]
    closure = closure_of({name: 1000 + len(name) for name in names}, {names[9]: names[:9]})
    record = Record(closure, plan_layers(closure), 5, "x")
    assert len(json.dumps(record_annotations(record))) < len(json.dumps({ANNOTATION: record_text(record)})) * 0.7


@pytest.mark.parametrize("text", [
    "bz2:",
    "bz2:\u00e4",
    "bz2:\"",
    compress_text("{}")[:-1],
    compress_text("{}") + "00000",
    "bz2:" + base64.b85encode(bz2.compress(b"\xff")).decode(),
    "bz2:" + base64.b85encode(bz2.compress(bytes(65 << 20))).decode(),
    compress_text("{}"),
    "",
])  # fmt: skip
def test_an_annotation_that_holds_something_else_than_a_record_is_refused(text: str) -> None:
    with pytest.raises(IntegrityError):
        read_records("registry.example/web:1", PLATFORM, lambda name: {ANNOTATION: text})


def test_records_of_a_directory_come_in_the_order_of_creation(closure: Closure, tmp_path: Path) -> None:
    plan = plan_layers(closure)
    for name, created in (("b", 5), ("c", 1), ("a", 5)):
        record = Record(closure, plan, created, name)
        (tmp_path / f"{name}.plan.json").write_text(record_text(record))
    assert [record.rule for record in read_records(str(tmp_path), PLATFORM, nobody)] == ["c", "a", "b"]


def test_a_registry_is_asked_for_the_annotations_of_the_right_image(closure: Closure, tmp_path: Path) -> None:
    with running() as registry:
        reached = Registries()
        name = f"{registry.address}/team/web:1"
        pushed = build(
            tmp_path,
            closure,
            output=None,
            pushes=tuple(PushRequest(target, reached) for target in push_targets((name,))),
        )
        found = reached.annotations(name, PLATFORM)
        assert found is not None
        assert decompress_text(found[ANNOTATION]) == record_text(pushed.planned.record)
        assert reached.annotations(f"{registry.address}/team/web:2", PLATFORM) is None


@pytest.mark.parametrize(("place", "error", "cause"), [
    ("nowhere.tar", SpecError, "there is no such file"),
    ("nowhere.plan.json", SpecError, "there is no such file"),
    (".", SpecError, "no record of a build is in it"),
    ("registry.example/web:1", SpecError, "the registry has no such image"),
])  # fmt: skip
def test_a_place_without_a_record_is_an_error(
    place: str, error: type[Exception], cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=cause):
        read_records(place, PLATFORM, lambda name: None)


def test_building_again_over_ones_own_output_changes_nothing(closure: Closure, tmp_path: Path) -> None:
    first = build(tmp_path, closure, tmp_path / "web.tar")
    bytes_before = (tmp_path / "web.tar").read_bytes()
    replaced = what_is_replaced(tmp_path / "web.tar", (), PLATFORM, nobody)
    assert replaced is not None
    again = build(tmp_path, closure, tmp_path / "web.tar", history=History(previous=replaced))
    assert again.written.digest == first.written.digest
    assert (tmp_path / "web.tar").read_bytes() == bytes_before


def test_nothing_is_replaced_where_nothing_is_or_no_build_left_a_record(tmp_path: Path) -> None:
    assert what_is_replaced(tmp_path / "web.tar", (), PLATFORM, nobody) is None
    assert what_is_replaced(None, ("registry.example/web:1",), PLATFORM, lambda name: None) is None
    assert what_is_replaced(None, ("registry.example/web:1",), PLATFORM, lambda name: {"other": "one"}) is None


def test_a_docker_archive_has_its_record_beside_it(closure: Closure, tmp_path: Path) -> None:
    made = build(tmp_path, closure, tmp_path / "web.tar", format="docker-archive")
    found = what_is_replaced(tmp_path / "web.tar", (), PLATFORM, nobody)
    assert found is not None
    assert record_text(found) == record_text(made.planned.record)


def test_what_is_asked_for_otherwise_is_planned_again(closure: Closure, tmp_path: Path) -> None:
    previous = build(tmp_path, closure).planned.record
    otherwise: list[dict[str, Any]] = [{"max_layers": 3}, {"favour": "sharing"}]
    for options in otherwise:
        planned = build(tmp_path, closure, history=History(previous=previous), **options).planned
        assert planned.record.rule != previous.rule
        assert len(planned.plan.layers) <= (options.get("max_layers") or 100)
    assert History(previous=previous).unchanged_plan(closure, "another rule") is None
    kept = History(previous=previous).unchanged_plan(closure, previous.rule)
    assert kept == previous.plan


def test_a_build_that_changed_nothing_is_not_a_step(closure: Closure, tmp_path: Path) -> None:
    newer = another(tmp_path)
    old = Record(closure, plan_layers(closure))
    assert History((closure, closure), old).before(newer) == (closure,)
    assert History((newer, closure), old).before(closure) == (newer,)
    assert History((closure, newer)).before(closure) == (closure, newer)


def test_what_changed_since_is_learned_from_and_layers_are_kept(closure: Closure, tmp_path: Path) -> None:
    newer = another(tmp_path)
    old = Record(closure, plan_layers(closure, 4))
    planned = plan_layers(newer, 5, History(previous=old).before(newer), old.plan)
    assert planned.memory.steps == 1
    groups = {layer.paths for layer in planned.layers}
    of_items = [layer.paths for layer in old.plan.layers if not layer.customized]
    assert sum(paths in groups for paths in of_items) >= len(of_items) - 1


def test_a_record_that_is_too_long_for_a_manifest_stays_out_of_it(
    closure: Closure, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Record(closure, plan_layers(closure))
    assert list(record_annotations(record)) == [ANNOTATION]
    monkeypatch.setattr("sysimage.pipeline.history.MOST_IN_A_MANIFEST", 100)
    assert record_annotations(record) == {}


def test_the_record_is_beside_whatever_the_image_is_called() -> None:
    names = ("web.tar", "web-amd64.oci.tar", "layout", "web.v1")
    found = [record_path(Path("/out") / name).name for name in names]
    assert found == ["web.plan.json", "web-amd64.oci.plan.json", "layout.plan.json", "web.v1.plan.json"]


def test_a_record_of_another_time_is_another_record(closure: Closure) -> None:
    record = Record(closure, plan_layers(closure), 7, "rule")
    assert json.loads(record_text(record))["created"] == 7
    assert from_json(record_text(replace(record, created=8))).created == 8
