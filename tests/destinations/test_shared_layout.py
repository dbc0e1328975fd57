"""A layout that is many images' home: one writer at a time, and no other writer's image, blob or file is lost."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from sysimage.blobs import BlobDirectory
from sysimage.destinations.layout import write_oci_layout
from sysimage.errors import IntegrityError, SpecError
from sysimage.image import Image, ImageConfig, ImageName, make_image
from sysimage.layers import Compression, LayerSource, build_layers
from sysimage.rootfs import Entry
from sysimage.verify import inspect_image
from sysimage.workers import Report, run_tasks

NONE = Compression("none", 0)


def image(blobs: BlobDirectory, *contents: bytes, **annotations: str) -> Image:
    sources = [LayerSource(f"{content!r}", (), (Entry.file("/file", content),)) for content in contents]
    layers = build_layers(sources, blobs, compression=NONE)
    return make_image(ImageConfig("amd64"), layers, annotations=annotations)


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return tmp_path / "layout"


def write(image: Image, blobs: BlobDirectory, layout: Path, *names: str) -> None:
    write_oci_layout(image, [blobs], layout, names=[ImageName.parse(name) for name in names])


def index(layout: Path) -> Any:
    return json.loads((layout / "index.json").read_bytes())


def references(layout: Path) -> list[str]:
    return [entry["annotations"]["io.containerd.image.name"].rpartition("/")[2] for entry in index(layout)["manifests"]]


def assert_whole(layout: Path, *images: Image) -> None:
    own = BlobDirectory(layout)
    for one in images:
        for descriptor in (one.manifest.descriptor, *one.descriptors()):
            own.verify(descriptor)
    digests = {entry["digest"] for entry in index(layout)["manifests"]}
    assert {str(one.manifest.descriptor.digest) for one in images} <= digests


def assert_holds_nothing_else(layout: Path, *images: Image) -> None:
    assert set(BlobDirectory(layout).digests()) == {
        d.digest for one in images for d in (one.manifest.descriptor, *one.descriptors())
    }
    assert sorted(path.name for path in layout.iterdir()) == ["blobs", "index.json", "oci-layout"]


def put(layout: Path, media_type: str, value: Any) -> dict[str, Any]:
    """Another tool's document."""
    return BlobDirectory(layout).put(json.dumps(value).encode(), media_type).as_json()


def add(layout: Path, entry: dict[str, Any]) -> None:
    value = index(layout)
    value["manifests"].append(entry)
    (layout / "index.json").write_text(json.dumps(value))


def test_another_reference_is_kept_and_the_same_one_is_replaced(blobs: BlobDirectory, layout: Path) -> None:
    web, newer, other = (image(blobs, b"shared", data) for data in (b"web", b"newer", b"other"))
    write(web, blobs, layout, "web:1")
    write(other, blobs, layout, "team/web:1")
    assert_whole(layout, web, other)
    write(newer, blobs, layout, "web:1")
    assert_whole(layout, other, newer)
    assert references(layout) == ["web:1", "web:1"]
    assert_holds_nothing_else(layout, other, newer)


def test_a_layout_of_one_image_is_the_same_whatever_was_there_before(
    blobs: BlobDirectory, layout: Path, tmp_path: Path
) -> None:
    old, new = image(blobs, b"old"), image(blobs, b"new")
    write(old, blobs, layout, "web:1")
    write(new, blobs, layout, "web:1")
    write(new, blobs, tmp_path / "fresh", "web:1")
    assert (layout / "index.json").read_bytes() == (tmp_path / "fresh/index.json").read_bytes()
    assert_holds_nothing_else(layout, new)


def test_one_of_several_images_is_chosen_by_name(blobs: BlobDirectory, layout: Path) -> None:
    web, db = image(blobs, b"web"), image(blobs, b"db")
    write(web, blobs, layout, "web:1")
    assert inspect_image(layout, name="whatever:1").digest == web.manifest.descriptor.digest, "there is only one"
    write(db, blobs, layout, "db:1")
    for name, one in (("web:1", web), ("db:1", db), ("docker.io/library/db:1", db)):
        assert inspect_image(layout, name=name).digest == one.manifest.descriptor.digest
    with pytest.raises(IntegrityError, match="does not hold one image, but: web:1, db:1"):
        inspect_image(layout)
    with pytest.raises(IntegrityError, match="does not name an image 'web:2', but: web:1, db:1"):
        inspect_image(layout, name="web:2")


def test_what_other_tools_have_in_a_layout_stays(blobs: BlobDirectory, layout: Path) -> None:
    old = image(blobs, b"shared", b"old")
    write(old, blobs, layout, "web:1")
    stray = BlobDirectory(layout).put(b"of nobody", "text/plain")
    report = BlobDirectory(layout).put(b"a report", "text/plain").as_json()
    config = put(layout, "application/vnd.oci.empty.v1+json", {})
    referrer = put(
        layout,
        "application/vnd.oci.image.manifest.v1+json",
        {
            "schemaVersion": 2,
            "config": config,
            "layers": [report],
            "subject": old.manifest.descriptor.as_json(),
        },
    )
    nested = put(layout, "application/vnd.oci.image.index.v1+json", {"schemaVersion": 2, "manifests": [referrer]})
    add(layout, nested)
    value = index(layout) | {"annotations": {"a": "b"}, "x": 1}
    (layout / "index.json").write_text(json.dumps(value))
    (layout / "README").write_text("a stranger")

    new = image(blobs, b"shared", b"new")
    write(new, blobs, layout, "web:1")

    assert_whole(layout, new)
    own = BlobDirectory(layout)
    for digest in (stray.digest, *(one["digest"] for one in (report, config, referrer, nested))):
        assert own.path(digest if not isinstance(digest, str) else type(stray.digest).parse(digest)).exists()
    assert all(own.path(d.digest).exists() for d in old.descriptors()), "the referrer's subject"
    assert nested in index(layout)["manifests"]
    assert (index(layout)["annotations"], index(layout)["x"]) == ({"a": "b"}, 1)
    assert (layout / "README").read_text() == "a stranger"


@pytest.mark.parametrize("kind", ["application/vnd.oci.image.manifest.v1+json", "application/x-unknown"])
def test_nothing_is_removed_where_it_is_not_known_what_is_needed(blobs: BlobDirectory, layout: Path, kind: str) -> None:
    old, new = image(blobs, b"old"), image(blobs, b"new")
    write(old, blobs, layout, "web:1")
    add(layout, BlobDirectory(layout).put(b"{broken", kind).as_json())
    write(new, blobs, layout, "web:1")
    assert_whole(layout, new)
    kept = BlobDirectory(layout).path(old.layers[0].descriptor.digest).exists()
    assert kept == (kind != "application/x-unknown"), "what is not a document names nothing"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schemaVersion": 2}', '{"schemaVersion": 2, "manifests": [1]}'])
def test_an_index_that_cannot_be_read_is_not_replaced(blobs: BlobDirectory, layout: Path, text: str) -> None:
    write(image(blobs, b"old"), blobs, layout, "web:1")
    (layout / "index.json").write_text(text)
    with pytest.raises(IntegrityError, match=r"its index\.json is malformed"):
        write(image(blobs, b"new"), blobs, layout, "web:1")
    assert (layout / "index.json").read_text() == text


@pytest.mark.parametrize("text", ["", "[]", '{"imageLayoutVersion": "2.0.0"}'])
def test_a_layout_of_another_version_is_left_alone(blobs: BlobDirectory, layout: Path, text: str) -> None:
    layout.mkdir()
    (layout / "oci-layout").write_text(text)
    with pytest.raises(SpecError, match="its oci-layout has no known version"):
        write(image(blobs, b"new"), blobs, layout, "web:1")
    assert [path.name for path in layout.iterdir()] == ["oci-layout"]


@pytest.mark.parametrize("same_name", [True, False])
@pytest.mark.parametrize("there", [True, False])
def test_writers_at_the_same_time_leave_whole_images(
    blobs: BlobDirectory, layout: Path, tmp_path: Path, same_name: bool, there: bool
) -> None:
    images = [image(blobs, b"shared" * 1000, b"%d" % number * 1000) for number in range(4)]
    if there:
        write(image(blobs, b"shared" * 1000, b"first"), blobs, layout, "web:0" if same_name else "first:1")
    (tmp_path / "link").symlink_to("layout")

    def work(number: int, report: Report) -> None:
        place = [layout, tmp_path / "link", tmp_path / "blobs/../layout"][number % 3]
        for _ in range(3):
            write(images[number], blobs, place, "web:0" if same_name else f"web:{number}")

    run_tasks(range(4), work, 4, abs)
    if same_name:
        (reference,) = index(layout)["manifests"]
        (winner,) = [one for one in images if str(one.manifest.descriptor.digest) == reference["digest"]]
        assert_whole(layout, winner)
        assert_holds_nothing_else(layout, winner)
    else:
        assert_whole(layout, *images)


@pytest.mark.parametrize("calls", range(1, 15))
def test_a_writer_that_is_killed_leaves_nothing_after_the_next_one(
    blobs: BlobDirectory, layout: Path, tmp_path: Path, calls: int
) -> None:
    """Killed between any two of the calls that change names."""
    old, lost, new = (image(blobs, b"shared", data) for data in (b"old", b"lost", b"new"))
    if calls % 2:
        write(old, blobs, layout, "web:1")
    if (child := os.fork()) == 0:
        left = [calls // 2]
        for call in ("link", "rename", "unlink"):
            kill_in(call, left)
        write(lost, blobs, layout, "web:2")
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if calls < 8:
        assert os.WTERMSIG(status) == signal.SIGKILL
    finished = layout.exists() and "web:2" in references(layout)
    if layout.exists():
        assert_whole(layout, *[old] * (calls % 2))
        assert inspect_image(layout, name="web:2" if finished else "web:1").layers
    write(new, blobs, layout, "web:1")

    kept = [lost] * finished + [new]
    assert_whole(layout, *kept)
    assert_holds_nothing_else(layout, *kept)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blobs", "layout"]


def kill_in(name: str, left: list[int]) -> None:
    real = getattr(os, name)

    def call(*arguments: Any, **named: Any) -> Any:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        left[0] -= 1
        return real(*arguments, **named)

    setattr(os, name, call)
