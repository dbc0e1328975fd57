"""Where the record of a build is, and which one is found where there are several."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from sysimage.closure import Closure
from sysimage.errors import IntegrityError, MachineError, SpecError
from sysimage.layerplan import Record, plan_by
from sysimage.pipeline.history import (
    ANNOTATION,
    History,
    is_record_or_absent,
    read_records,
    record_annotations,
    record_beside,
    record_in,
    record_text,
    record_value,
    what_is_replaced,
)
from sysimage.pipeline.replaced_image import replaced_image
from tests.pipeline.test_history import PLATFORM, nobody
from tests.support.builds import build_from_store, registered
from tests.support.store_builder import StoreBuilder, small_system


@dataclass(frozen=True)
class Built:
    """A layout ``layout`` of two images, ``one`` and ``two``, an archive ``one.tar``, and an empty layout ``empty``."""

    top: Path
    closure: Closure
    records: dict[str, str]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    top = tmp_path_factory.mktemp("built")
    closure = small_system(StoreBuilder(top / "store"))
    registered(closure, top / "registration")
    source = {"paths": [str(closure.roots[0])], "source": "registration", "location": "store"}
    records = {}
    for name, most in (("one", 3), ("two", 4)):
        spec = {"name": name, "from-store": source, "max-layers": most}
        result = build_from_store(top, spec, top / "layout", format="oci-dir")
        records[name] = record_text(result.planned.record)
    build_from_store(top, {"name": "one", "from-store": source, "max-layers": 3}, top / "one.tar")
    (top / "empty").mkdir()
    (top / "empty/oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (top / "empty/index.json").write_text('{"schemaVersion": 2, "manifests": []}')
    return Built(top, closure, records)


def replaced(place: Path | None, name: str | None = None, pushed: tuple[str, ...] = ()) -> str | None:
    found = what_is_replaced(place, pushed, PLATFORM, nobody, name)
    return None if found is None else record_text(found)


def test_of_several_images_the_one_of_the_name_is_replaced(built: Built) -> None:
    layout = built.top / "layout"
    assert replaced(layout, "one:latest") == built.records["one"]
    assert replaced(layout, "two:latest") == built.records["two"]
    assert replaced(layout, "three:latest") is None
    assert replaced(layout) is None
    assert replaced(built.top / "empty", "one:latest") is None
    assert replaced(built.top / "one.tar", "another:1") == built.records["one"]
    assert replaced(None) is None
    one = replaced_image(layout, PLATFORM, "one:latest")
    assert one is not None
    assert one.record is not None
    assert record_text(one.record) == built.records["one"]
    assert replaced_image(layout, PLATFORM, "three:latest") is None
    assert replaced_image(built.top, PLATFORM, "one:latest") is None
    assert replaced_image(1, PLATFORM, "one:latest") is None


def test_a_registry_is_asked_for_the_first_name_alone(built: Built) -> None:
    asked: list[str] = []

    def ask(name: str) -> dict[str, str] | None:
        asked.append(name)
        return {ANNOTATION: built.records["one"]}

    found = what_is_replaced(None, ("host.example/a:1", "host.example/b:1"), PLATFORM, ask)
    assert found is not None
    assert record_text(found) == built.records["one"]
    assert asked == ["host.example/a:1"]
    missing = {"a:1": None}
    with pytest.raises(SpecError) as caught:
        read_records("host.example/a:1", PLATFORM, lambda name: missing.get("a:1"))
    assert "cannot read the history host.example/a:1: the registry has no such image" in str(caught.value)


def test_one_of_several_images_is_named_after_the_place(built: Built) -> None:
    for name in ("one", "two"):
        (found,) = read_records(f"{built.top}/layout:{name}:latest", PLATFORM, nobody)
        assert record_text(found) == built.records[name]
    assert [record_text(one) for one in read_records(f"{built.top}/one.tar", PLATFORM, nobody)] == [
        built.records["one"]
    ]


def test_a_place_without_records_says_what_to_name(built: Built, tmp_path: Path) -> None:
    (tmp_path / "dir.plan.json").mkdir()
    (tmp_path / "odd.json").write_bytes(b"\xff")
    (tmp_path / "empty").mkdir()
    cases: dict[str, tuple[type[Exception], str, str | None]] = {
        "none.tar": (
            SpecError,
            "there is no such file",
            "say the record of a build, a directory of records, an image, or such as registry.example/web:1.0",
        ),
        "quite-another-name.json": (SpecError, "there is no such file", None),
        "odd.json": (IntegrityError, "it is not UTF-8", None),
        "dir.plan.json/..": (MachineError, "Is a directory", None),
        "empty": (
            SpecError,
            "it is a directory, and no record of a build is in it",
            "records are called *.plan.json; `sysimage build --record` writes them",
        ),
    }
    for place, (error, cause, hint) in cases.items():
        with pytest.raises(error) as caught:
            read_records(str(tmp_path / place), PLATFORM, nobody)
        assert str(caught.value).startswith("cannot read the history ")
        assert str(caught.value).endswith(cause), place
        assert getattr(caught.value, "hint", None) == hint, place
    with pytest.raises(IntegrityError) as bare:
        read_records("host.example/a:1", PLATFORM, lambda name: {"other": "x"})
    assert str(bare.value) == "cannot read the history host.example/a:1: it holds no record of a build"
    assert bare.value.hint == (
        "images of `sysimage build` have one, except docker-archives, which keep it in a file beside them"
    )


def test_what_an_image_says_of_itself_is_a_record_or_nothing(built: Built) -> None:
    record = Record(built.closure, plan_by("guix-size", built.closure, 3), 5, "rule")
    annotations = record_annotations(record)
    found = record_in(annotations)
    assert found is not None
    assert record_text(found) == record_text(record)
    assert record_value(annotations) == json.loads(record_text(record))
    assert record_in({}) is None
    assert record_value({}) is None
    with pytest.raises(IntegrityError):
        record_value({ANNOTATION: "{}"})


def test_a_record_is_beside_new_files_and_layouts_alone(tmp_path: Path) -> None:
    (tmp_path / "file.tar").touch()
    (tmp_path / "layout").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link.tar").symlink_to("file.tar")
    (tmp_path / "output").symlink_to("/proc/self/fd/1")
    (tmp_path / "fd").symlink_to("/proc/self/fd")
    beside = {name: record_beside(tmp_path / name) for name in ("file.tar", "layout", "new", "link.tar")}
    assert beside == {
        "file.tar": tmp_path / "file.plan.json",
        "layout": tmp_path / "layout.plan.json",
        "new": tmp_path / "new.plan.json",
        "link.tar": tmp_path / "link.plan.json",
    }
    for name in ("pipe", "output", "fd/999999", "/dev/null"):
        assert record_beside(tmp_path / name) is None, name


def test_a_record_may_be_written_where_nothing_is_or_a_record(built: Built, tmp_path: Path) -> None:
    place = tmp_path / "web.plan.json"
    assert is_record_or_absent(place)
    place.write_text(built.records["one"])
    assert is_record_or_absent(place)
    for content in (b"text", b"{}", b"\xff"):
        place.write_bytes(content)
        assert not is_record_or_absent(place)
    assert not is_record_or_absent(tmp_path)


def test_a_plan_is_unchanged_where_items_roots_and_what_is_asked_for_are(built: Built, tmp_path: Path) -> None:
    closure = built.closure
    plan = plan_by("guix-size", closure, 3)
    history = History(previous=Record(closure, plan, 1, "rule"))
    assert history.unchanged_plan(Closure(list(closure), closure.roots), "rule") == plan
    assert history.unchanged_plan(closure, "other") is None
    other = Closure(list(closure), (*closure.roots, next(item.path for item in closure if item.path.name == "names-1")))
    assert history.unchanged_plan(other, "rule") is None
    assert History().unchanged_plan(closure, "rule") is None
    assert History((closure, other, other), history.previous).before(other) == (closure, other, closure)
    assert History((other,), history.previous).before(closure) == (other,)
    assert History().before(closure) == ()
