"""A Python of this machine in the place of the image's, which only a built system has."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sysimage.wheels.items import WheelItems
from sysimage.wheels.target import Target
from sysimage_bootstrap.building.assemble import Assembled
from sysimage_bootstrap.building.bytecode import Compiler
from sysimage_bootstrap.store import ItemStore

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TARGET = Target(PYTHON, f"{PYTHON}.1", f"{PYTHON}.1-2", (2, 41), "amd64")


@pytest.fixture
def items(tmp_path: Path) -> WheelItems:
    return wheel_items(tmp_path / "store")


def wheel_items(root: Path, target: Target = TARGET) -> WheelItems:
    compiler = Compiler(Assembled(Path("/"), Path("/"), (sys.executable,)))
    return WheelItems(ItemStore(root, "/gnu/store"), target, lambda: compiler)
