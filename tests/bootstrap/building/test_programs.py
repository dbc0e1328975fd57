"""The init's programs are compiled by the Guile of the system's own version, once for all architectures.

That what is compiled runs is seen where systems boot.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.errors import MachineError, SpecError
from sysimage.store.items import StoreItem
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.building.programs import build_programs, native_guile
from sysimage_bootstrap.packages.resolve import Resolution
from sysimage_bootstrap.store import ItemStore, Recipe
from tests.bootstrap.debs.made_debs import package_of

TEXTS = {"boot": b"(display 1)"}


def resolution(*packages: Package) -> Resolution:
    return Resolution(packages, {package.name: () for package in packages}, ())


def guile(version: str = "3.0.10-4") -> Package:
    return package_of("guile-3.0-libs", b"", version=version)


def build(store: ItemStore, system: Package, *here: Package) -> StoreItem:
    return build_programs(
        TEXTS, resolution(system), dict.fromkeys(here, Path("/absent")), store, native_architecture="amd64"
    )


def test_a_system_without_guile_is_reported_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="it has no Guile") as caught:
        build(ItemStore(tmp_path, "/gnu/store"), package_of("bash", b""))
    assert caught.value.hint == "do not leave guile-3.0 out of the packages"


@pytest.mark.parametrize("here", [(), (guile("3.0.9-1"),), (package_of("bash", b""),)])
def test_another_guile_would_give_other_bytes(tmp_path: Path, here: tuple[Package, ...]) -> None:
    store = ItemStore(tmp_path, "/gnu/store")
    with pytest.raises(MachineError, match="they need a Guile that this machine runs") as caught:
        build(store, guile(), *here)
    found = "3.0.9-1" if here and here[0].name == "guile-3.0-libs" else "none"
    assert [str(issue) for issue in caught.value.issues] == [
        f"guile-3.0-libs: the system has 3.0.10-4, this machine's architecture has {found}"
    ]
    assert [path for path in store.items_dir.iterdir() if path.name.endswith("init-programs")] == []


def test_a_rebuild_of_the_same_source_gives_the_same_item_and_is_asked_for(tmp_path: Path) -> None:
    assert native_guile(resolution(guile("3.0.10-4+b2"))) == ("guile-3.0-libs=3.0.10-4*",)
    assert native_guile(resolution(package_of("bash", b""))) == ()

    store, made = ItemStore(tmp_path, "/gnu/store"), []

    class Recording(ItemStore):
        def realise(self, recipe: Recipe, *arguments: object, **more: object) -> StoreItem:
            made.append(recipe)
            return store.realise(recipe, lambda top: top.mkdir())

    for version in ("3.0.10-4", "3.0.10-4+b2", "3.0.10-5"):
        build(Recording(tmp_path, "/gnu/store"), guile(version))
    paths = [recipe.path("/gnu/store") for recipe in made]
    assert paths[0] == paths[1] != paths[2]
    assert build(store, guile("3.0.10-4+b1")).path == paths[0], "nothing is compiled that the store has"
