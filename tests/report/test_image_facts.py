"""What a report reads of an image: files by item and layer, references, what upper layers hide."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.closure import Closure
from sysimage.errors import IntegrityError, SpecError
from sysimage.layerplan import Record, plan_by
from sysimage.pipeline.history import record_in
from sysimage.report import image_facts, plan_facts, report_document
from sysimage.report.facts import LeftOutFact
from sysimage.store.database import Schema
from sysimage.verify import verify_image
from tests.report.made_facts import path_of
from tests.support.images import build_image
from tests.support.raw_image import RawImage, write_archive, write_directory
from tests.support.raw_tar import archive, directory, file, hard_link


def no_record(_: Mapping[str, str]) -> Record | None:
    return None


@pytest.mark.parametrize("schema", list(Schema))
@pytest.mark.parametrize("form", ["archive", "oci-layout", "docker-archive"])
def test_items_and_bytes_are_those_that_the_verifier_finds(schema: Schema, form: str, tmp_path: Path) -> None:
    built = build_image(tmp_path, schema=schema, max_layers=3)
    path = built.layout(tmp_path / "out") if form == "oci-layout" else built.archive(tmp_path / "out", form)
    found, verified = image_facts(path, no_record), verify_image(path)
    assert len(found.items) == verified.items
    others = [one for files in (found.others or {}).values() for one in files]
    held = [one for item in found.items for one in item.files]
    assert len(others) + len(held) == verified.files
    assert sum(layer.size for layer in found.layers) == sum(layer.size for layer in verified.layers)
    closure = {str(item.path): {str(r) for r in item.references if r != item.path} for item in built.closure}
    assert {item.path: set(item.references) for item in found.items} == closure
    assert sum(layer.hidden for layer in found.layers) == 0
    assert found.moves_always == len(found.layers)


def small(tmp_path: Path, *layers: bytes) -> Path:
    return write_archive(RawImage(*layers).layout(), tmp_path / "small.tar")


def test_a_file_with_a_name_below_usr_is_its_items(tmp_path: Path) -> None:
    path = path_of("a-1")[1:].encode()
    layer = archive(
        directory(b"usr/"), file(b"usr/x", b"12345"), directory(path + b"/", 0o555), hard_link(path + b"/x", b"usr/x")
    )
    found = image_facts(small(tmp_path, layer), no_record)
    (item,) = found.items
    assert [(one.parts, one.size) for one in item.files] == [((b"x",), 5)]
    assert found.others == {}


def test_a_file_with_names_in_two_items_is_that_of_the_first(tmp_path: Path) -> None:
    first, last = sorted(path_of(name)[1:].encode() for name in ("a-1", "b-1"))
    folders = (directory(path + b"/", 0o555) for path in (last, first))
    layer = archive(*folders, file(last + b"/x", b"12345"), hard_link(first + b"/y", last + b"/x"))
    found = image_facts(small(tmp_path, layer), no_record)
    assert {item.path.encode()[1:]: [one.parts for one in item.files] for item in found.items} == {
        first: [(b"y",)],
        last: [],
    }


def test_what_a_layer_above_replaces_or_removes_is_hidden(tmp_path: Path) -> None:
    lower = archive(file(b"replaced", b"1" * 10), file(b"removed", b"1" * 100), file(b"kept", b"1" * 1000))
    upper = archive(file(b"replaced", b"22"), file(b".wh.removed"))
    found = image_facts(small(tmp_path, lower, upper), no_record)
    assert [layer.hidden for layer in found.layers] == [110, 0]
    assert {number: [one.size for one in files] for number, files in (found.others or {}).items()} == {
        1: [1000],
        2: [2],
    }


def test_packages_that_the_spec_in_the_image_names_are_declared(tmp_path: Path) -> None:
    def packaged(name: str) -> bytes:
        top = path_of(f"{name}-1")[1:].encode()
        stanza = f"Package: {name}\nVersion: 1\n".encode()
        above = (directory(top + below, 0o555) for below in (b"/", b"/share/", b"/share/sysimage/"))
        folder = directory(top + b"/share/sysimage/packages/", 0o555)
        return b"".join((*above, folder, file(top + b"/share/sysimage/packages/" + name.encode(), stanza)))

    system = path_of("system")[1:].encode()
    spec = file(system + b"/system.json", b'{"packages": ["web=1*"]}')
    layer = archive(packaged("web"), packaged("ssl"), directory(system + b"/", 0o555), spec)
    found = image_facts(small(tmp_path, layer), no_record)
    assert found.declared == {path_of("web-1")}
    assert {item.path for item in found.items} == {path_of("web-1"), path_of("ssl-1"), path_of("system")}


def test_an_image_without_a_store_has_files_alone(tmp_path: Path) -> None:
    found = image_facts(small(tmp_path, archive(file(b"f", b"x"))), no_record)
    assert (found.items, found.roots, found.moves_always) == ((), (), 0)


def test_an_image_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    broken = RawImage(archive(file(b"f")), b"no tar at all")
    with pytest.raises(IntegrityError, match=r"cannot read .*: layer \d+ "):
        image_facts(write_directory(broken.layout(), tmp_path / "layout"), no_record)
    with pytest.raises(SpecError, match="there is no such file"):
        image_facts(tmp_path / "nothing", no_record)


def test_a_layer_that_is_not_there_is_named(tmp_path: Path) -> None:
    image = RawImage(archive(file(b"f")))
    layout = write_directory(image.layout(), tmp_path / "layout")
    manifest = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"].partition(":")[2]
    for blob in (layout / "blobs/sha256").iterdir():
        if blob.name != manifest and b"rootfs" not in blob.read_bytes():
            blob.unlink()
    with pytest.raises(IntegrityError, match=r"has no blobs/sha256/.* which is layer 1"):
        image_facts(layout, no_record)


def test_the_record_of_a_build_gives_reasons_and_alone_makes_a_report(tmp_path: Path) -> None:
    built = build_image(tmp_path, max_layers=3)
    plan = plan_by("guix-size", built.closure, 3)
    record = Record(built.closure, plan)
    found = image_facts(built.archive(tmp_path / "small.tar"), lambda _: record)
    assert [layer.reason for layer in found.layers][: len(plan.layers)] == [layer.reason for layer in plan.layers]
    planned = plan_facts(record, "small")
    assert {item.path: item.references for item in planned.items} == {
        item.path: item.references for item in found.items
    }
    assert planned.others is None
    assert len(planned.layers) == plan.count
    assert sum(layer.size for layer in planned.layers) == built.closure.nar_size


def test_items_that_are_on_this_machine_say_which_packages_they_are_before_a_build(tmp_path: Path) -> None:
    built = build_image(tmp_path)
    store = tmp_path / "placed"
    items = [replace(item, location=store / item.path.base_name) for item in built.closure]
    packaged = next(item for item in items if item.path.name == "bash-5.2")
    assert packaged.location is not None
    for name, text in {
        "share/sysimage/packages/bash": "Package: bash\nVersion: 5.2-1\nSource: bash\n",
        "share/doc/bash/copyright": "see /usr/share/common-licenses/GPL-3",
    }.items():
        (packaged.location / name).parent.mkdir(parents=True)
        (packaged.location / name).write_text(text)
    closure = Closure(items, built.closure.roots)
    left_out = [LeftOutFact(str(packaged.path), "manuals", 3, 700)]
    plan = plan_by("guix-size", closure, 3)
    found = plan_facts(Record(closure, plan), "small", left_out=left_out, customization=5)
    (bash,) = [item for item in found.items if item.package is not None]
    assert (bash.path, bash.package and bash.package.version, bash.licences) == (
        str(packaged.path),
        "5.2-1",
        ("GPL-3",),
    )
    (left,) = report_document(found)["left_out"]
    assert (left["what"], left["files"], left["size"]) == ("manuals", 3, 700)
    assert found.layers[-1].size == 5


def test_an_image_of_another_tool_has_no_record() -> None:
    assert record_in({}) is None
