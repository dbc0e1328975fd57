"""The wheels that run in an image follow from its items: its Python, its C library, its architecture."""

from __future__ import annotations

from dataclasses import replace
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


def test_versions_are_those_of_packages_where_items_say_them(tmp_path: Path) -> None:
    stanza = "share/sysimage/packages"
    items = [
        make_item(tmp_path, "python3.13-3.13.5-2-deb", {f"{stanza}/other": "Version: 9\n"}),
        make_item(
            tmp_path,
            "python3.13-minimal-3.13.5-2-deb",
            {f"{stanza}/python3.13-minimal": "Package: x\nX-Version: 1\nVersion: 3.13.5-2~deb\nVersion: 2\n"},
        ),
        make_item(tmp_path, "libc6-2.41-12", {f"{stanza}/libc6": "Package: libc6\n"}),
        replace(make_item(tmp_path, "libc6-dev-2.42-1", {}), location=None),
    ]
    assert Target.of(items, "arm64") == Target("3.13", "3.13.5", "3.13.5-2~deb", (2, 41), "arm64")
    nowhere = [replace(item, location=None) for item in items]
    assert Target.of(nowhere, "arm64").package_version == "3.13.5-2-deb"


def test_a_package_by_its_name_alone_is_enough() -> None:
    versions = {
        "python3.13": "3.13.5-2",
        "python3.13-minimal": "3.13.5-2",
        "libc6": "2.41-12",
        "python3.14-minimal": "1",
    }
    found = Target.of_versions(versions, "amd64")
    assert found == Target("3.13", "3.13.5", "3.13.5-2", (2, 41), "amd64")
    assert found.environment() == {
        "implementation_name": "cpython",
        "implementation_version": "3.13.5",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": "3.13.5",
        "python_version": "3.13",
        "sys_platform": "linux",
    }
    with pytest.raises(SpecError):
        Target.of_versions({**versions, "libc6": "two"}, "amd64")


def test_platforms_are_named_from_the_newest_c_library_down_to_the_first_that_has_the_machine() -> None:
    assert Target("3.13", "3.13.5", "3.13.5-2", (2, 18), "amd64").platforms == [
        *("manylinux_2_18_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
        *(f"manylinux_2_{minor}_x86_64" for minor in range(16, 11, -1)),
        "manylinux2010_x86_64",
        *(f"manylinux_2_{minor}_x86_64" for minor in range(11, 4, -1)),
        *("manylinux1_x86_64", "linux_x86_64"),
    ]
    assert Target("3.13", "3.13.5", "3.13.5-2", (2, 18), "arm64").platforms == [
        *("manylinux_2_18_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64", "linux_aarch64")
    ]


@pytest.mark.parametrize(
    ("names", "cause"),
    [
        (("libc6-2.41-12",), "the image has no Python"),
        (TRIXIE[2:], "the image has no Python"),
        ((*TRIXIE, "python3.14-3.14.0-1", "python3.14-minimal-3.14.0-1"), "it has several Pythons"),
    ],
)
def test_without_one_whole_python_there_are_no_wheels(tmp_path: Path, names: tuple[str, ...], cause: str) -> None:
    with pytest.raises(SpecError) as caught:
        target(tmp_path, names)
    assert str(caught.value) == f"cannot put Python packages into the image: {cause}"
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
