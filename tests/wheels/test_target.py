"""The wheels that run in an image follow from its items: its Python, its C library, its architecture."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.tags import Tag

from sysimage.errors import SpecError
from sysimage.wheels.target import Target
from tests.support.stores import make_item

TRIXIE = ("python3-3.13.5-1", "python3.13-3.13.5-2+deb13u5", "python3.13-minimal-3.13.5-2+deb13u5", "libc6-2.41-12")


def target(store: Path, names: tuple[str, ...] = TRIXIE, architecture: str = "amd64") -> Target:
    return Target.of([make_item(store, name, {"x": ""}) for name in names], architecture)


def test_a_system_s_python_and_c_library_are_read_from_its_items(tmp_path: Path) -> None:
    found = target(tmp_path)
    assert (found.python, found.version, found.package_version) == ("3.13", "3.13.5", "3.13.5-2+deb13u5")
    assert found.glibc == (2, 41)
    assert str(found) == "CPython 3.13 on x86_64 with glibc 2.41"


@pytest.mark.parametrize(
    "names", [("libc6-2.41-12",), TRIXIE[2:], (*TRIXIE, "python3.14-3.14.0-1", "python3.14-minimal-3.14.0-1")]
)
def test_without_one_whole_python_there_are_no_wheels(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(SpecError, match="cannot put Python packages into the image") as caught:
        target(tmp_path, names)
    assert caught.value.hint == 'add "python3" to "packages"'


def test_tags_are_the_machine_s_with_the_newest_c_library_first(tmp_path: Path) -> None:
    tags = target(tmp_path).tags()
    order = [
        "cp313-cp313-manylinux_2_41_x86_64",
        "cp313-cp313-manylinux_2_17_x86_64",
        "cp313-cp313-manylinux2014_x86_64",
        "cp313-cp313-manylinux1_x86_64",
        "cp313-abi3-manylinux_2_28_x86_64",
        "cp39-abi3-manylinux2014_x86_64",
        "py3-none-manylinux_2_17_x86_64",
        "py3-none-any",
    ]
    places = [tags.index(Tag(*text.split("-"))) for text in order]
    assert places == sorted(places)
    refused = ("musllinux_1_2_x86_64", "manylinux_2_42_x86_64", "manylinux_2_17_aarch64", "win_amd64")
    assert not {tag.platform for tag in tags} & set(refused)
    assert {tag.platform for tag in target(tmp_path / "arm", architecture="arm64").tags()} == {
        *(f"manylinux_2_{minor}_aarch64" for minor in range(17, 42)),
        *("manylinux2014_aarch64", "linux_aarch64", "any"),
    }
