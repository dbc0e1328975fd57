"""Loading into an engine: its loader gets the whole archive, and its refusal is what the user reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.blobs import BlobDirectory
from sysimage.destinations.archive import write_archive
from sysimage.destinations.daemon import Engine, load_into
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
def blobs(tmp_path: Path) -> BlobDirectory:
    return BlobDirectory(tmp_path / "blobs")


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


def test_a_failure_of_sysimage_ends_the_loader(tmp_path: Path) -> None:
    def fail(fd: int, progress: Progress) -> None:
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        load_into(engine(tmp_path, 'cat >"$ENGINE_OUT"; sleep 60'), fail)  # type: ignore[arg-type]


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
