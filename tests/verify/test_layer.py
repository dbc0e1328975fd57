"""What is read of one layer, and which layers of an image are one build's own."""

from pathlib import Path
from typing import Any

import pytest
import pyzstd

from sysimage.rules.programs import ProgramFormat
from sysimage.verify.issue_collector import IssueCollector
from sysimage.verify.layer import LayerReading, Reading, is_ours, newest_build, read_layer
from sysimage.verify.limits import DEFAULT_LIMITS
from sysimage.verify.manifest import LayerDocument
from sysimage.verify.open import open_source
from sysimage.verify.read_documents import read_documents
from tests.support import raw_tar
from tests.support.raw_image import LAYER, RawImage, blob_name, descriptor, gzipped, sha256, write_directory


def layer(number: int, created: str, created_by: str = "sysimage") -> LayerDocument:
    return LayerDocument(number, f"{number}.tar", None, 0, created=created, created_by=created_by)


def test_the_layers_of_a_base_image_are_not_the_builds_own() -> None:
    foreign = [layer(1, "then", "a shell command"), layer(2, "now", "another")]
    older = [layer(3, "then"), layer(4, "then")]
    newest = [layer(5, "now"), layer(6, "now")]
    assert newest_build([*foreign, *older, *newest]) == {5, 6}
    assert newest_build([*foreign, *newest]) == {5, 6}
    assert newest_build([*foreign, *older, layer(5, "now")]) == {5}
    assert newest_build([layer(1, "earlier"), layer(2, "now")]) == {2}
    assert newest_build([layer(1, "now")]) == {1}
    assert newest_build(foreign) == newest_build([]) == set()
    above = [layer(number, "then", "sysimage, on 4 layers") for number in (5, 6)]
    assert newest_build([*foreign, *older, *above]) == {5, 6}
    assert newest_build([*foreign, *older, layer(5, "now", "sysimage, on 4 layers")]) == {5}
    assert newest_build([*older, layer(5, "now", "sysimage, on 0 layers")]) == {3, 4, 5}
    assert [is_ours(one) for one in (*foreign, *older)] == [False, False, True, True]


def read(
    image: RawImage, place: Path, *, missing: bool = False
) -> tuple[LayerReading, list[int], list[str], list[str]]:
    """An image's layer as it is read, the bytes of each step that was reported, faults, and notes."""
    steps: list[int] = []
    faults = IssueCollector(20)
    path = write_directory(image.layout(), place)
    if missing:
        (path / blob_name(image.blobs[0])).unlink()
    with open_source(path, DEFAULT_LIMITS) as source:
        (document,) = read_documents(source, faults, DEFAULT_LIMITS).layers
        reading = Reading.within(DEFAULT_LIMITS, source, faults, lambda parts: parts[-1] == b"kept", steps.append)
        found = read_layer(document, reading)
    return found, steps, list(map(str, faults.issues)), list(map(str, faults.notes))


def reading_of(layer: bytes, place: Path) -> tuple[LayerReading, list[int]]:
    found, steps, faults, notes = read(RawImage(layer), place)
    assert (faults, notes) == ([], [])
    return found, steps


def described(
    layer: bytes, place: Path, *, creator: str = "others", **changes: Any
) -> tuple[bool, list[str], list[str]]:
    """Whether reading ended early; faults; notes."""
    image = RawImage(layer, config={"history": [{"created_by": creator}]})
    image.blobs = [changes.pop("blob", layer)]
    missing = changes.pop("missing", False)
    entry = descriptor(image.blobs[0], changes.pop("media_type", LAYER), **changes)
    image.manifest_changes = {"layers": [entry]}
    found, _, faults, notes = read(image, place, missing=missing)
    return found.broken, faults, notes


GOOD = raw_tar.archive(raw_tar.file(b"f", b"x" * 600))
LONG = raw_tar.header(b"f", magic=bytes(8)) + bytes(range(256)) * 9000
OTHER = raw_tar.archive(raw_tar.file(b"g"))
NOT_GZIP = f"is zstd inside, its media type is {LAYER}+gzip"
ONE_LAYER: dict[str, tuple[dict[str, Any], tuple[bool, list[str], list[str]]]] = {
    "right": ({}, (False, [], [])),
    "missing": ({"missing": True}, (True, [f"{blob_name(GOOD)} is missing"], [])),
    "of another size": ({"size": 7}, (False, [f"its blob has {len(GOOD)} bytes, the manifest says 7"], [])),
    "another one": (
        {"blob": OTHER},
        (False, [f"its content has the diff ID {sha256(OTHER)}, the config {sha256(GOOD)}"], []),
    ),
    "broken at its beginning, which is all that is wrong with it": (
        {"layer": LONG},
        (True, ["holds no tar header at byte 0"], []),
    ),
    "in another compression": ({"blob": pyzstd.compress(GOOD), "media_type": LAYER + "+gzip"}, (False, [], [NOT_GZIP])),
    "in another compression, by sysimage": (
        {"blob": pyzstd.compress(GOOD), "media_type": LAYER + "+gzip", "creator": "sysimage"},
        (True, [NOT_GZIP], []),
    ),
    "not compressed": (
        {"media_type": LAYER + "+gzip"},
        (False, [], [f"is not compressed, its media type is {LAYER}+gzip"]),
    ),
    "compressed and called plain": (
        {"blob": gzipped(GOOD)},
        (True, [f"is gzip inside, its media type is {LAYER}"], []),
    ),
    "compressed": ({"blob": gzipped(GOOD), "media_type": LAYER + "+gzip"}, (False, [], [])),
    "without its end": ({"layer": GOOD[:-1024]}, (False, [], [])),
    "without its end, by sysimage": (
        {"layer": GOOD[:-1024], "creator": "sysimage"},
        (True, ["ends without its end blocks, at byte 1536"], []),
    ),
}


@pytest.mark.parametrize(("options", "expected"), ONE_LAYER.values(), ids=ONE_LAYER)
def test_what_is_wrong_with_a_layer_is_named_and_nothing_else(
    options: dict[str, Any], expected: tuple[bool, list[str], list[str]], tmp_path: Path
) -> None:
    broken, faults, notes = described(**{"layer": GOOD, "place": tmp_path / "layout", **options})
    broken_expected, *issues = expected
    assert (broken, faults, notes) == (broken_expected, *([f"layer 1: {one}" for one in part] for part in issues))


def test_a_blob_that_is_another_is_named_by_both_digests(tmp_path: Path) -> None:
    image = RawImage(GOOD)
    image.files = {blob_name(GOOD): GOOD[:-1] + b"\1"}
    _, _, faults, _ = read(image, tmp_path / "layout")
    digest = sha256(image.files[blob_name(GOOD)])
    assert faults == [
        "layer 1: does not end with two blocks of zeros",
        f"layer 1: its blob has the digest {digest}, the manifest {sha256(GOOD)}",
    ]


ITEM = b"gnu/store/" + b"a" * 32 + b"-x.drv"


def test_a_derivation_is_kept_and_a_file_below_something_of_that_name_is_not(tmp_path: Path) -> None:
    layer = raw_tar.archive(raw_tar.file(ITEM, b"Derive"), raw_tar.file(ITEM + b"2", b"text"), raw_tar.file(b"y.drv"))
    assert reading_of(layer, tmp_path / "a")[0].captured == {tuple(ITEM.split(b"/")): b"Derive"}
    layer = raw_tar.archive(raw_tar.directory(ITEM), raw_tar.file(ITEM + b"/y.drv", b"Derive"))
    assert reading_of(layer, tmp_path / "b")[0].captured == {}


def test_what_a_layer_has_of_an_item_is_measured(tmp_path: Path) -> None:
    other = ITEM[:-4]
    letters = b"0123456789abcdfghijklmnpqrsvwxyz"
    layer = raw_tar.archive(
        raw_tar.directory(other, 0o555),
        raw_tar.file(other + b"/" + letters + b"-name", b"refers to " + letters[::-1], mode=0o444),
        raw_tar.symlink(other + b"/l", b"/" + letters[1:] + b"z"),
        raw_tar.file(ITEM, b"text", mode=0o444),
        raw_tar.file(b"z", letters),
    )
    found, _ = reading_of(layer, tmp_path / "layout")
    items = {parts[-1]: item for parts, item in found.items.items()}
    assert list(items) == [other[10:], ITEM[10:]]
    first, second = items.values()
    assert (first.members, second.members) == (3, 1)
    assert first.runs.runs == {letters, letters[::-1], letters[1:] + b"z"}
    assert second.runs.runs == set()
    assert first.nar.in_order
    assert second.nar.finish()[1] == 120


def test_what_some_user_may_run_is_read_as_a_program_and_nothing_else(tmp_path: Path) -> None:
    modes = [*range(0o1000), 0o4000, 0o4644, 0o2644]
    members = [raw_tar.file(b"%o" % mode, b"#!/bin/sh\n", mode=mode) for mode in modes]
    found, _ = reading_of(raw_tar.archive(*members), tmp_path / "layout")
    assert {int(parts[0], 8) for parts in found.programs} == {mode for mode in modes if mode & 0o111}
    assert {program.format for program in found.programs.values()} == {ProgramFormat.SCRIPT}


def test_every_byte_of_a_layer_is_counted_and_what_is_wanted_is_kept(tmp_path: Path) -> None:
    layer = raw_tar.archive(raw_tar.file(b"kept", b"a" * 600), raw_tar.file(b"other", b"b"), raw_tar.file(b"d/kept"))
    found, steps = reading_of(layer, tmp_path / "layout")
    assert sum(steps) == len(layer) == found.size
    assert found.captured == {(b"kept",): b"a" * 600, (b"d", b"kept"): b""}
    assert not found.broken
