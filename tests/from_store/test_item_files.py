"""Files of store items are found by their paths in the image, through links, and never outside of the items."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.errors import SpecError
from sysimage.from_store.item_files import ItemFiles
from sysimage.from_store.store_paths import real_store_path, resolve_all
from tests.support.store_builder import Link, Program, StoreBuilder
from tests.support.stores import store_path


@pytest.fixture
def store(tmp_path: Path) -> StoreBuilder:
    made = StoreBuilder(tmp_path / "store")
    made.add("file-1", "text")
    made.add("data-1", {"share": {"x": "x"}, "run": Program(""), "up": Link("../file"), "out": Link("/etc/passwd")})
    made.add("link-1", Link("{data-1}/share"))
    chain = {f"l{number}": Link(f"l{number + 1}") for number in range(60)}
    made.add(
        "top-1",
        {
            "data": Link("{data-1}"),
            "deep": {"up": Link("../data/share"), "here": Link("up/x"), "gone": Link("nowhere")},
            "loop": Link("loop"),
            "l60": "end",
            **chain,
        },
    )
    return made


def test_links_are_followed_from_item_to_item_and_no_further(store: StoreBuilder) -> None:
    files = ItemFiles(store.items.values())
    top, data, link, file = (str(store.items[name].path) for name in ("top-1", "data-1", "link-1", "file-1"))
    place = store.items["data-1"].place
    asked = {
        f"{top}/data/share/x": place / "share/x",
        f"{top}/deep/here": place / "share/x",
        f"{top}/data": place,
        f"{link}/x": place / "share/x",
        link: place / "share",
        file: store.items["file-1"].place,
        f"{top}/l21": store.items["top-1"].place / "l60",
        f"{top}/l20": None,
        f"{top}/l0": None,
        f"{top}/loop": None,
        f"{top}/deep/gone": None,
        f"{data}/up": None,
        f"{data}/out": None,
        f"{data}/share/x/y": None,
        f"{data}/share/z": None,
        "/gnu/store": None,
        "/etc/passwd": None,
    }
    assert {path: files.find(path) for path in asked} == asked


def test_an_item_that_is_not_on_this_machine_has_no_files(store: StoreBuilder) -> None:
    away = [replace(item, location=None) for item in store.items.values()]
    assert ItemFiles(away).find(f"{store.items['data-1'].path}/share/x") is None


def test_a_link_is_distinguished_from_what_it_leads_to(store: StoreBuilder) -> None:
    files = ItemFiles(store.items.values())
    top, data, link = (str(store.items[name].path) for name in ("top-1", "data-1", "link-1"))
    asked = {
        f"{top}/data": data,
        f"{top}/data/out": "/etc/passwd",
        f"{top}/deep/up": "../data/share",
        f"{top}/deep": None,
        f"{data}/run": None,
        f"{data}/nowhere": None,
        f"{data}/nowhere/x": None,
        link: f"{data}/share",
        data: None,
    }
    assert {path: files.link(path) for path in asked} == asked


def test_a_program_is_a_file_that_can_be_run(store: StoreBuilder) -> None:
    files = ItemFiles(store.items.values())
    top, data = (str(store.items[name].path) for name in ("top-1", "data-1"))
    asked = {f"{top}/data/run": True, f"{data}/share/x": False, f"{data}/share": False, f"{data}/none": False}
    assert {path: files.is_program(path) for path in asked} == asked


A, B = store_path("a-1"), store_path("b-1")


def test_a_word_is_a_store_path_one_in_the_stores_location_or_a_link_to_one(tmp_path: Path) -> None:
    here = tmp_path / "gnu"
    here.mkdir()
    (tmp_path / "one").symlink_to("sub/../two")
    (tmp_path / "two").symlink_to(str(A))
    (tmp_path / "three").symlink_to(f"gnu/{B.base_name}")
    assert real_store_path(tmp_path / "one", "/gnu/store") == A
    assert real_store_path(Path(f"{A}/../{B.base_name}"), "/gnu/store") == B
    assert real_store_path(tmp_path / "three", "/gnu/store", here) == B
    words = ["three", str(A), "one", f"gnu/{B.base_name}"]
    assert resolve_all(words, tmp_path, "/gnu/store", here) == (B, A)


def test_a_chain_of_links_has_an_end(tmp_path: Path) -> None:
    (tmp_path / "l40").symlink_to(str(A))
    for number in range(40):
        (tmp_path / f"l{number}").symlink_to(f"l{number + 1}")
    assert real_store_path(tmp_path / "l2", "/gnu/store") == A
    for name in ("l1", "l0"):
        with pytest.raises(ValueError, match=r"^is a link that leads in circles$"):
            real_store_path(tmp_path / name, "/gnu/store")


def test_every_word_that_leads_to_no_store_path_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "short").symlink_to("/gnu/store/short")
    with pytest.raises(SpecError) as caught:
        resolve_all(["absent", "file", str(A), "short", f"{A}/bin"], tmp_path, "/gnu/store")
    assert caught.value.message == "cannot find in the store what the spec names"
    assert caught.value.hint is None
    absent, file, short, below = caught.value.issues
    assert (absent.where, absent.message) == ("absent", "there is nothing of this name")
    assert (file.where, file.message) == (
        "file",
        f"is neither in /gnu/store nor a link that leads there: {tmp_path}/file",
    )
    assert short.where == "short"
    assert (below.where, below.message) == (f"{A}/bin", "there is nothing of this name")


def test_a_path_of_nix_asks_for_a_store_of_nix(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        resolve_all(["/nix/store/x"], tmp_path, "/gnu/store")
    assert caught.value.hint == 'a Nix store needs "store": {"kind": "nix"}'
