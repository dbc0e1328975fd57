"""What people give for an image: images, and the errors for everything else."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sysimage.errors import IntegrityError, MachineError, SpecError, SysimageError
from sysimage.verify import inspect_image, verify_image
from sysimage.verify.image_source import ImageSource, LayoutImageSource, TarImageSource
from sysimage.verify.limits import DEFAULT_LIMITS, Limits
from sysimage.verify.open import open_source
from sysimage.verify.skopeo_directory import SkopeoDirectorySource
from tests.support.raw_image import RawImage, write_archive, write_directory
from tests.support.raw_tar import archive, file

IMAGE = RawImage(archive(file(b"f")))
DIRECTORY = "name an archive or the directory of an OCI layout"


def refused(path: Path) -> SysimageError:
    with pytest.raises(SysimageError) as caught:
        open_source(path, DEFAULT_LIMITS)
    return caught.value


def test_archives_layouts_and_skopeos_directories_are_recognised(tmp_path: Path) -> None:
    layout = write_directory(IMAGE.layout(), tmp_path / "layout")
    both = write_directory({**IMAGE.layout(), "version": b"Directory Transport Version: 1.1\n"}, tmp_path / "both")
    skopeo = write_directory(
        {"version": b"Directory Transport Version: 1.1\n", "manifest.json": b"{}"}, tmp_path / "skopeo"
    )
    (tmp_path / "link").symlink_to("a.tar")
    found = {
        write_archive(IMAGE.layout(), tmp_path / "a.tar"): TarImageSource,
        tmp_path / "link": TarImageSource,
        layout: LayoutImageSource,
        both: LayoutImageSource,
        skopeo: SkopeoDirectorySource,
    }
    for path, kind in found.items():
        with open_source(path, DEFAULT_LIMITS) as source:
            assert type(source) is kind


@pytest.mark.parametrize("name", ["index.json", "manifest.json", "oci-layout", "blobs"])
def test_a_directory_with_a_part_of_an_image_is_taken_for_a_broken_one(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with open_source(tmp_path, DEFAULT_LIMITS) as source:
        assert source.names() == ()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.json", "JSON"), ("a.jsonc", "JSON"), ("a.yaml", "YAML"), ("a.yml", "YAML"), ("a.toml", "TOML")],
)
def test_a_text_is_not_an_image_and_may_be_a_spec(name: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text("{}")
    error = refused(path)
    assert isinstance(error, SpecError)
    assert error.message == f"cannot read {path}: it is {kind}, and no image"
    build = f"if it is a spec, build it first: sysimage build {path}"
    assert error.hint == (build if kind == "JSON" else None)


def test_a_directory_without_an_image_may_be_that_of_a_spec(tmp_path: Path) -> None:
    error = refused(tmp_path)
    assert isinstance(error, SpecError)
    assert error.message == f"cannot read {tmp_path}: it is a directory, and no image is in it"
    assert error.hint == DIRECTORY
    (tmp_path / "system.json").write_text("{}")
    assert refused(tmp_path).hint == f"did you mean {tmp_path / 'system.json'}?"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("missing.tar", DIRECTORY),
        ("web:1.0", "name a file or an OCI layout, or an image in a registry with its host, such as docker.io/web:1.0"),
        ("web:.1", DIRECTORY),
        ("Web:1", DIRECTORY),
    ],
)
def test_what_is_not_there_is_the_users_mistake(name: str, hint: str, tmp_path: Path) -> None:
    error = refused(tmp_path / name)
    assert isinstance(error, SpecError)
    assert (error.message, error.hint) == (f"cannot read {tmp_path / name}: there is no such file", hint)


def test_a_stream_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    error = refused(tmp_path / "fifo")
    assert isinstance(error, IntegrityError)
    assert error.message == f"cannot read {tmp_path / 'fifo'}: it is neither a file nor a directory"
    assert error.hint == "save the stream to a file first"


def test_what_this_machine_cannot_read_is_the_machines_fault(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    error = refused(tmp_path / "circle")
    assert isinstance(error, MachineError)
    assert error.message == f"cannot read {tmp_path / 'circle'}: Too many levels of symbolic links"


class Unreachable:
    """A registry that does not answer."""

    def open(self, limits: Limits) -> ImageSource:
        raise OSError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))

    def __str__(self) -> str:
        return "host/web:1"


def test_a_place_that_cannot_be_read_is_not_the_images_fault() -> None:
    for look in (verify_image, inspect_image):
        with pytest.raises(MachineError) as caught:
            look(Unreachable())
        assert caught.value.message == "cannot read host/web:1: Connection reset by peer"
