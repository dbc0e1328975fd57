"""What is read of one layer, and which layers of an image are one build's own."""

from pathlib import Path

from sysimage.rules.programs import ProgramFormat
from sysimage.verify.issue_collector import IssueCollector
from sysimage.verify.layer import LayerReading, Reading, is_ours, newest_build, read_layer
from sysimage.verify.limits import DEFAULT_LIMITS
from sysimage.verify.manifest import LayerDocument
from sysimage.verify.open import open_source
from sysimage.verify.read_documents import read_documents
from tests.support import raw_tar
from tests.support.raw_image import RawImage, write_directory


def layer(number: int, created: str, created_by: str = "sysimage") -> LayerDocument:
    return LayerDocument(number, f"{number}.tar", None, 0, created=created, created_by=created_by)


def test_the_layers_of_a_base_image_are_not_the_builds_own() -> None:
    foreign = [layer(1, "then", "a shell command"), layer(2, "now", "another")]
    older = [layer(3, "then"), layer(4, "then")]
    newest = [layer(5, "now"), layer(6, "now")]
    assert newest_build([*foreign, *older, *newest]) == {5, 6}
    assert newest_build([*foreign, *newest]) == {5, 6}
    assert newest_build(foreign) == newest_build([]) == set()
    above = [layer(number, "then", "sysimage, on 4 layers") for number in (5, 6)]
    assert newest_build([*foreign, *older, *above]) == {5, 6}
    assert [is_ours(one) for one in (*foreign, *older)] == [False, False, True, True]


def reading_of(layer: bytes, place: Path) -> tuple[LayerReading, list[int]]:
    """A layer as it is read, and the bytes of each step that was reported."""
    steps: list[int] = []
    faults = IssueCollector(20)
    with open_source(write_directory(RawImage(layer).layout(), place), DEFAULT_LIMITS) as source:
        (document,) = read_documents(source, faults, DEFAULT_LIMITS).layers
        reading = Reading.within(DEFAULT_LIMITS, source, faults, lambda parts: parts[-1] == b"kept", steps.append)
        found = read_layer(document, reading)
    assert not faults.issues
    return found, steps


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
