"""Bases of a few files, read as any base is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sysimage.bases import BaseImage
from sysimage.bases.read import read_base_image
from sysimage.spec.model import SystemSpec
from tests.support.raw_image import RawImage, write_archive
from tests.support.raw_tar import archive


def base_of(top: Path, *members: bytes, store_dir: str = "/gnu/store", **runtime: Any) -> BaseImage:
    """A base with one layer of these members, which runs so."""
    write_archive(RawImage(archive(*members), config={"config": runtime}).layout(), top / "base.tar")
    return read_base_image(top / "base.tar", "linux/amd64", store_dir)


def spec_of(**parts: Any) -> SystemSpec:
    return SystemSpec.model_validate({"name": "x", "from-store": {"paths": ["x"]}, **parts})
