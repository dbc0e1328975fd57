"""From roots to items: all that is missing, elsewhere or not what the source says is reported at once, by name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from sysimage.digest import Digest
from sysimage.errors import IntegrityError, Issue
from sysimage.store import StoreItem, StorePath
from sysimage.store.query import FoundItems, PathInfo, StoreSourceError, find_items, open_catalogue, read_store
from sysimage.store.query.catalogue import ListedCatalogue
from tests.support.store_builder import StoreBuilder
from tests.support.stores import store_path

OTHER = Digest("0" * 64)


@pytest.fixture
def store(tmp_path: Path) -> StoreBuilder:
    """A store whose items are where their paths say."""
    store = StoreBuilder(tmp_path / "store", str(tmp_path / "store"))
    store.add("lib", {"file": "x"})
    store.add("tool", {"file": "{lib}{tool}"})
    store.add("other", {"file": "y"})
    return store


def listed(items: Iterable[StoreItem], **read: object) -> ListedCatalogue:
    """What a source says of items, where it does not say something else."""
    return ListedCatalogue(
        PathInfo(item.path, item.references, **{"nar_hash": item.nar_hash, "nar_size": item.nar_size, **read})  # type: ignore[arg-type]
        for item in items
    )


def found(catalogue: ListedCatalogue, *roots: StorePath) -> FoundItems:
    return find_items(catalogue, "list", roots)


def test_items_and_roots_are_sorted_and_each_is_there_once(store: StoreBuilder) -> None:
    lib, tool, other = (store.items[name] for name in ("lib", "tool", "other"))
    assert lib.path < other.path < tool.path
    assert found(listed((tool, other, lib))) == FoundItems((lib, other, tool), (lib.path, other.path, tool.path))
    assert found(listed((tool, other, lib)), tool.path, lib.path, tool.path) == FoundItems(
        (lib, tool), (lib.path, tool.path)
    )


def test_all_that_is_missing_is_named_at_once_with_what_leads_to_it(store: StoreBuilder) -> None:
    lib, tool = store.items["lib"], store.items["tool"]
    gone = store_path("gone")
    with pytest.raises(StoreSourceError) as caught:
        found(listed((tool, store.items["other"])), tool.path, gone)
    assert caught.value.message == "cannot find all store items in list: 2 missing"
    expected = {str(gone): "is not a valid path there", str(lib.path): f"is not there, but {tool.path} refers to it"}
    assert caught.value.issues == tuple(Issue(where, expected[where]) for where in sorted(expected))
    with pytest.raises(StoreSourceError, match=r"^cannot find store items in list: it holds none$"):
        found(listed(()))


def test_all_items_that_are_elsewhere_are_named_at_once(store: StoreBuilder, tmp_path: Path) -> None:
    items = [store.items[name] for name in ("lib", "tool")]
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / store.items["other"].path.base_name).symlink_to("nowhere")
    roots = [store.items[name].path for name in ("tool", "other")]
    with pytest.raises(StoreSourceError) as caught:
        find_items(listed(store.items.values()), "list", roots, location=tmp_path / "elsewhere")
    assert caught.value.message == "cannot find the files of 2 store items of list"
    assert caught.value.hint == "say where the store's files are, if they are not where their paths say"
    assert caught.value.issues == tuple(
        Issue(str(item.path), f"is not at {tmp_path}/elsewhere/{item.path.base_name}") for item in items
    )


def test_all_items_that_are_not_what_the_source_says_are_named_at_once(store: StoreBuilder) -> None:
    lib, other, tool = (store.items[name] for name in ("lib", "other", "tool"))
    facts = [
        PathInfo(lib.path, (), OTHER),
        PathInfo(other.path, (), nar_size=8),
        PathInfo(tool.path, tool.references, tool.nar_hash),
    ]
    with pytest.raises(IntegrityError) as caught:
        found(ListedCatalogue(facts))
    assert caught.value.message == "cannot use the store items of list: 2 are not what it says"
    assert caught.value.hint == "the store is damaged; its own tools can repair it"
    assert caught.value.issues == (
        Issue(str(lib.path), f"has the NAR hash {lib.nar_hash}, list says {OTHER}"),
        Issue(str(other.path), f"has a NAR of {other.nar_size} bytes, list says 8"),
    )


@pytest.mark.parametrize("known", [("nar_hash",), ("nar_size",), ()])
def test_what_a_source_does_not_know_is_read(store: StoreBuilder, known: tuple[str, ...]) -> None:
    unknown = {name: None for name in ("nar_hash", "nar_size") if name not in known}
    assert found(listed(store.items.values(), **unknown)) == found(listed(store.items.values()))


def test_what_a_source_knows_is_believed(store: StoreBuilder) -> None:
    (item,) = found(listed([store.items["lib"]], nar_hash=OTHER, nar_size=8)).items
    assert (item.nar_hash, item.nar_size) == (OTHER, 8)


def test_a_derivation_is_found_with_its_outputs(store: StoreBuilder) -> None:
    tool = store.items["tool"]
    store.add("tool.drv", f'Derive([("out","{tool.path}","","")],[],[],"x","y",[],[])')
    items = found(listed(store.items.values())).items
    assert {item.path.name: item.outputs for item in items if item.outputs} == {"tool.drv": (("out", tool.path),)}


def test_a_bare_directory_holds_items_by_their_names_and_other_files_do_not_matter(store: StoreBuilder) -> None:
    for name in ("a.lock", "a.drv.chroot"):
        (store.location / store_path(name).base_name).mkdir()
    (store.location / ".links").mkdir()
    (store.location / "README").touch()
    expected = found(listed(store.items.values()))
    assert read_store(store.location) == expected, "its own name is that of the store"
    assert read_store(store.location, expected.roots) == expected


def test_a_bare_directory_may_stand_for_another_store(tmp_path: Path) -> None:
    store = StoreBuilder(tmp_path / "copied", "/nix/store")
    lib = store.add("lib", {"file": "x"})
    assert read_store(store.location, [lib.path]).items == (lib,)
    assert read_store(store.location, store_dir="/nix/store").items == (lib,)
    with pytest.raises(StoreSourceError, match="1 missing"):
        read_store(store.location, [lib.path], store_dir="/gnu/store")


def test_how_far_reading_has_come_is_reported(store: StoreBuilder) -> None:
    calls: list[tuple[object, ...]] = []

    def progress(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        calls.append((stage, done, total, unit))

    read_store(store.location, [store.items["tool"].path, store.items["other"].path], progress=progress)
    assert calls == [("store", 2, 2, "items"), ("store", 3, 3, "items")]
    calls.clear()
    find_items(listed(store.items.values(), nar_hash=None), "list", progress=progress)
    assert calls == [("store", 3, 3, "items")]


def test_a_text_that_is_longer_than_any_list_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "source").open("wb") as file:
        file.truncate((1 << 30) + 1)
    with pytest.raises(StoreSourceError, match=r"^cannot read .*/source: it is too large for a list of store items$"):
        open_catalogue(tmp_path / "source")
