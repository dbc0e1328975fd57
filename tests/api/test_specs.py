"""What a spec says when it is resolved, what is learned from earlier builds, and what holds without being asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage import api
from tests.pipeline.test_package_rows import store_of
from tests.support.builds import registered

Spec = dict[str, Any]


def test_a_resolved_spec_has_its_parts_and_where_each_was_written(tmp_path: Path) -> None:
    (tmp_path / "more.json").write_text('{"max-layers": 9,\n "labels": {"a": "b"}}')
    value = {"include": ["more.json"], "name": "web", "packages": []}
    (tmp_path / "web.json").write_text(json.dumps(value))
    choices = api.SpecChoices.of(set={"max-layers": 7})
    whole = {"name": "web", "packages": [], "max-layers": 7, "labels": {"a": "b"}}
    by_path = api.resolve(tmp_path / "web.json", choices=choices)
    by_mapping = api.resolve(value, directory=tmp_path, choices=choices)
    for found in (by_path, by_mapping, api.resolve(str(tmp_path / "web.json"), choices=choices)):
        assert found.value == whole
        assert (found.spec.name, found.spec.max_layers, found.spec.labels) == ("web", 7, {"a": "b"})
        assert found.files == (tmp_path / "more.json",)
        assert found.origins["/labels"].endswith("more.json:2:2")
        assert "max-layers" in found.origins["/max-layers"]
    assert by_path.origins["/name"].startswith(f"{tmp_path}/web.json:1:")
    document = api.document(by_path)
    assert document["value"] == whole
    assert document["origins"] == by_path.origins
    assert document["files"] == [str(tmp_path / "more.json")]
    with pytest.raises(api.SpecError, match=r"more\.json"):
        api.resolve(value)


def test_a_plan_that_has_seen_changes_estimates_what_updates_move(tmp_path: Path, settings: api.Settings) -> None:
    specs = []
    for version in ("1:1.0-1", "1:1.1-1"):
        folder = tmp_path / version.replace(":", "")
        folder.mkdir()
        closure = store_of(folder / "store", version)
        registered(closure, folder / "registration")
        source = {"paths": [str(closure.roots[0])], "source": "registration", "location": "store"}
        specs.append(({"name": "top", "from-store": source, "entry-point": [f"{closure.roots[0]}/boot"]}, folder))
    (old, old_folder), (new, new_folder) = specs
    first = api.build(old, tmp_path / "old.tar", directory=old_folder, settings=settings)
    assert first.plan.update_steps == 0
    plan = api.plan(new, previous=tmp_path / "old.tar", directory=new_folder, settings=settings)
    assert plan.update_steps == 1
    assert plan.update_size is not None
    assert plan.updates_per_year is not None
    assert "single" in plan.update_sizes_by_rule
    built = api.build(new, tmp_path / "new.tar", previous=tmp_path / "old.tar", directory=new_folder, settings=settings)
    assert (built.plan.update_steps, built.plan.update_size) == (0, None), "an estimate takes time"


def test_a_build_writes_its_image_alone_and_goes_on_from_another_where_it_is_asked_to(
    store: Path, spec: Spec, settings: api.Settings
) -> None:
    first = api.build(spec, "a.tar", max_layers=4, directory=store, settings=settings)
    assert (first.record, first.output) == (None, Path("a.tar"))
    assert sorted(path.name for path in Path().iterdir()) == ["a.tar", "cache"]
    Path("a.tar").write_bytes(b"not an image")
    with pytest.raises(api.SysimageError):
        api.build(spec, "a.tar", continue_from_replaced=True, directory=store, settings=settings)
    with pytest.raises(api.SysimageError):
        api.build_platforms(
            spec, "a.tar", platforms=["linux/amd64"], continue_from_replaced=True, directory=store, settings=settings
        )
    Path("a.tar").unlink()
    both = api.build_platforms(spec, platforms=["linux/amd64"], tags=["x:1", "x:2"], directory=store, settings=settings)
    assert (both.output, both.names) == (Path("x-1-amd64.oci.tar"), ("x:1", "x:2"))
