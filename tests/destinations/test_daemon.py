"""Loading into an engine: its loader gets the whole archive, and its refusal is what the user reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sysimage.blobs import BlobDirectory
from sysimage.destinations.archive import write_archive
from sysimage.destinations.daemon import Engine, load_into, save_from, stream_into
from sysimage.errors import MachineError
from sysimage.image import Image, ImageConfig, make_image
from sysimage.layers import Compression, LayerSource, build_layers
from sysimage.progress import Progress
from sysimage.rootfs import Entry


def engine(tmp_path: Path, script: str) -> Engine:
    program = tmp_path / "engine"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Engine(str(program), ("load",), {"ENGINE_OUT": str(tmp_path / "received")})


@pytest.fixture
def image(blobs: BlobDirectory) -> Image:
    source = LayerSource("a", (), (Entry.file("/a", bytes(3_000_000)),))
    return make_image(ImageConfig("amd64"), build_layers([source], blobs, compression=Compression("none", 0)))


def test_the_loader_gets_the_whole_archive(tmp_path: Path, blobs: BlobDirectory, image: Image) -> None:
    write_archive(image, [blobs], tmp_path / "a.tar")
    written = load_into(
        engine(tmp_path, 'test "$1" = load && cat >"$ENGINE_OUT"'), lambda fd, _: write_archive(image, [blobs], fd)
    )

    assert (tmp_path / "received").read_bytes() == (tmp_path / "a.tar").read_bytes()
    assert (written.image, written.path) == (image, None)


@pytest.mark.parametrize("script", ["echo no daemon >&2; exit 3", "cat >/dev/null; echo no daemon >&2; exit 3"])
def test_a_refusal_shows_the_answer_of_the_engine(
    tmp_path: Path, blobs: BlobDirectory, image: Image, script: str
) -> None:
    with pytest.raises(MachineError, match="ended with status 3: no daemon"):
        load_into(engine(tmp_path, script), lambda fd, _: write_archive(image, [blobs], fd))


def test_a_load_is_named_after_the_program_and_a_refusal_has_a_hint(
    tmp_path: Path, blobs: BlobDirectory, image: Image
) -> None:
    loader = engine(tmp_path, "cat >/dev/null")
    written = load_into(loader, lambda fd, _: write_archive(image, [blobs], fd))
    assert (written.format, written.image, written.path) == (f"{loader.program} load", image, None)
    loader = engine(tmp_path, "head -c 5000 /dev/zero | tr '\\0' x; echo ' \033no ' >&2; exit 1")
    with pytest.raises(MachineError) as caught:
        load_into(loader, lambda fd, _: write_archive(image, [blobs], fd))
    assert caught.value.message == f"cannot load the image: {loader.program} ended with status 1: \\u001bno"
    assert caught.value.hint == "is its daemon running, and may you use it?"


def test_a_loader_that_takes_a_part_and_says_that_all_is_well_has_loaded_nothing(
    tmp_path: Path, blobs: BlobDirectory, image: Image
) -> None:
    with pytest.raises(MachineError, match="ended with status 0"):
        load_into(engine(tmp_path, "exec <&-; exit 0"), lambda fd, _: write_archive(image, [blobs], fd))


def test_what_an_engine_saves_is_what_the_file_gets(tmp_path: Path) -> None:
    program = engine(tmp_path, 'cat; echo "$@ $MORE"').program
    with (tmp_path / "saved").open("wb") as into:
        save_from(Engine(program, environment={"MORE": "x"}), "web:1", into)
    assert (tmp_path / "saved").read_text() == "save web:1 x\n"


def test_an_engine_that_does_not_have_an_image_says_why(tmp_path: Path) -> None:
    program = engine(tmp_path, "echo part; head -c 5000 /dev/zero | tr '\\0' x >&2; exit 2").program
    with (tmp_path / "saved").open("wb") as into, pytest.raises(MachineError) as caught:
        save_from(Engine(program), "web:\033", into)
    assert caught.value.message == f"cannot save web:\\u001b: {program} ended with status 2: {'x' * 4000}"
    assert caught.value.hint == f"`{program} images` lists what it has"


def test_a_failure_of_sysimage_ends_the_loader(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "received")

    def fail(fd: int, progress: Progress) -> None:
        loader.append(int((tmp_path / "received").read_text()))
        raise ValueError("ours")

    loader: list[int] = []
    with pytest.raises(ValueError, match="ours"):
        load_into(engine(tmp_path, 'echo $$ >"$ENGINE_OUT"; exec sleep 60'), fail)  # type: ignore[arg-type]
    with pytest.raises(ProcessLookupError):
        os.kill(loader[0], 0)


def test_an_engine_that_is_not_there_is_named(image: Image) -> None:
    with pytest.raises(MachineError, match="cannot find no-such-engine"):
        load_into(Engine("no-such-engine"), lambda fd, _: write_archive(image, [], fd))


def test_a_load_is_done_when_the_engine_is_and_not_when_it_has_the_bytes(
    tmp_path: Path, blobs: BlobDirectory, image: Image
) -> None:
    told: list[tuple[str, bool, str, bool]] = []
    received = tmp_path / "received"

    def tell(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        told.append((stage, total is not None and done >= total, at, received.exists()))

    load_into(
        engine(tmp_path, 'cat >/dev/null; echo >"$ENGINE_OUT"'),
        lambda fd, progress: write_archive(image, [blobs], fd, progress=progress),
        tell,
    )
    assert {stage for stage, *_ in told} == {"engine load"}
    assert (told[-2][1:3], told[-1][1:]) == ((False, "engine unpacks it"), (True, "", True))
    assert not any(done for _, done, *_ in told[:-1])
    assert {at for _, _, at, _ in told[:-2]} == {""}


def test_of_an_archive_of_unknown_length_its_bytes_are_reported_and_no_end(tmp_path: Path) -> None:
    steps: list[tuple[object, ...]] = []

    def report(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        steps.append((stage, done, total, unit, at))

    def write(fd: int, progress: Progress) -> int:
        progress("stage", 5, None, unit="bytes", at="x")
        return 5

    assert stream_into(engine(tmp_path, "cat >/dev/null"), write, report) == 5
    assert steps == [("engine load", 5, None, "bytes", "x")]
