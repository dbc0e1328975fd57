"""What a text means where an image is asked for: a place here, one of several images in it, or a name in a registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.destinations.registry import Registries
from sysimage.errors import RegistryError
from sysimage.pipeline.base_images import find_base
from sysimage.pipeline.image_places import (
    FoundImage,
    cut_at_colons,
    find_image,
    find_image_here,
    is_on_this_machine,
    path_of,
)
from sysimage.pipeline.options import BuildSources, DeclaredSystem
from sysimage.spec import parse_spec
from tests.support.builds import NO_ARCHIVE

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "layout").mkdir()
    (tmp_path / "layout/oci-layout").touch()
    (tmp_path / "plain").mkdir()
    for name in ("web.tar", "a:b.tar", "a"):
        (tmp_path / name).touch()
    return tmp_path


def test_a_place_comes_before_the_name_of_one_of_its_images(here: Path) -> None:
    asked = {
        "web.tar": ("web.tar", None),
        "oci:web.tar": ("web.tar", None),
        "layout": ("layout", None),
        "plain": ("plain", None),
        "layout:1.0": ("layout", "1.0"),
        "oci:layout:web:1.0": ("layout", "web:1.0"),
        f"layout@{DIGEST}": ("layout", DIGEST),
        "web.tar:1.0": ("web.tar", "1.0"),
        "a:b.tar": ("a:b.tar", None),
        "a:b.tar:1": ("a", "b.tar:1"),
        "layout:": None,
        "layout@": None,
        "plain:1.0": None,
        "none": None,
        "none:1.0": None,
        f"none@{DIGEST}": None,
    }
    found = {text: find_image_here(text, here) for text in asked}
    assert found == {
        text: None if said is None else FoundImage(here / said[0], said[1]) for text, said in asked.items()
    }
    assert {text: path_of(text, here) for text in asked} == {
        text: here / (text if said is None else said[0]) for text, said in asked.items()
    }


def test_a_registry_is_asked_for_what_has_its_name_and_is_not_here(here: Path) -> None:
    asked: list[int] = []

    def registries() -> Registries:
        asked.append(1)
        return Registries()

    for text in ("none.tar", "web.tar:1", "plain:1", "none"):
        found = find_image(text, registries, beside=here)
        assert found.place in (here / text, here / "web.tar")
        assert is_on_this_machine(text, here)
    assert asked == []
    found = find_image("registry.example/web:1", registries, beside=here)
    assert not isinstance(found.place, Path)
    assert (str(found), found.name, len(asked)) == ("registry.example/web:1", None, 1)
    assert not is_on_this_machine("registry.example/web:1", here)
    (here / "registry.example").mkdir()
    (here / "registry.example/web").touch()
    assert is_on_this_machine("registry.example/web:1", here)
    assert find_image("registry.example/web:1", registries, beside=here).place == here / "registry.example/web"


def test_an_image_is_written_as_it_is_asked_for() -> None:
    assert str(FoundImage(Path("web.tar"))) == "web.tar"
    assert str(FoundImage(Path("layout"), "web:1")) == "layout:web:1"


def test_a_text_is_cut_at_each_of_its_colons() -> None:
    assert list(cut_at_colons("a:b:c")) == [("a", ":", "b:c"), ("a:b", ":", "c")]
    assert list(cut_at_colons("a")) == []


def test_a_base_is_found_beside_the_spec_or_pinned_by_its_own_digest(here: Path) -> None:
    def base(name: str, sources: BuildSources, lock_file: Path | None = None) -> str:
        spec = parse_spec(f'{{"name": "x", "packages": [], "from-image": "{name}"}}')
        return str(find_base(DeclaredSystem.of(spec, here, lock_file), sources))

    offline = BuildSources(here / "cache", NO_ARCHIVE, locked=True)
    assert base("layout:1.0", offline) == f"{here}/layout:1.0"
    name = f"registry.example/web:1@{DIGEST}"
    with pytest.raises(RegistryError) as caught:
        base(name, offline)
    assert str(caught.value) == f"cannot fetch the base image {name}: the network is off"
    assert caught.value.hint == "leave --offline out"
    assert base(name, BuildSources(here / "cache", NO_ARCHIVE, locked=True, registries=Registries)) == name
