"""What is taken over from a base: its layers, each once, and its variables as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.bases import copy_layers, variables_of
from sysimage.bases.read import read_base_image
from sysimage.blobs import BlobDirectory
from sysimage.errors import IntegrityError
from tests.support.raw_image import RawImage, write_archive, write_directory
from tests.support.raw_tar import archive, directory


def test_a_base_s_layer_that_is_there_and_right_is_not_fetched_again(tmp_path: Path) -> None:
    path = write_directory(RawImage(archive(directory(b"usr"))).layout(), tmp_path / "base")
    base = read_base_image(path, "linux/amd64", "/gnu/store")
    blobs = BlobDirectory(tmp_path / "out")
    copy_layers(base, blobs)
    (layer,) = base.layers
    (path / layer.file).unlink()
    copy_layers(base, blobs)
    blobs.verify(layer.blob.descriptor)
    blobs.path(layer.blob.descriptor.digest).write_bytes(b"damaged")
    with pytest.raises(IntegrityError, match="it changed since it was read"):
        copy_layers(base, blobs)


def test_what_a_base_s_variable_says_may_hold_equals_signs(tmp_path: Path) -> None:
    image = RawImage(
        archive(directory(b"usr")), config={"config": {"Env": ["OPTS=-Da=b -Dc=d", "EMPTY=", "OPTS=-De=f=g"]}}
    )
    write_archive(image.layout(), tmp_path / "base.tar")
    base = read_base_image(tmp_path / "base.tar", "linux/amd64", "/gnu/store")
    assert variables_of(base) == {"OPTS": "-De=f=g", "EMPTY": ""}
