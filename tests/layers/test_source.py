"""What a layer may hold, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.digest import Digest
from sysimage.layers import LayerError, LayerSource
from sysimage.rootfs import Entry
from sysimage.store import StoreItem
from sysimage.store.items import ShownFiles
from tests.support.stores import make_item, store_path


def test_every_fault_is_reported_at_once(tmp_path: Path) -> None:
    nowhere = StoreItem(store_path("nowhere"), Digest.of(b""), 1)
    here = make_item(tmp_path, "here", {"file": ""})

    with pytest.raises(LayerError) as caught:
        LayerSource(
            "all wrong",
            (nowhere, here, here),
            (Entry.file(f"{here.path}/extra", b"", owner="/files/3"), Entry.directory("/a"), Entry.file("/a", b"")),
            (Entry.file("/etc", b""),),
        )

    assert [str(issue) for issue in caught.value.issues] == [
        f"{nowhere.path}: where its files are on this machine is not known",
        "/etc: is given as a parent but is not a directory",
        f"{here.path}: occurs twice",
        "/a: occurs twice",
        f"{here.path}/extra: is inside the store item {here.path} (/files/3)",
    ]


def test_an_empty_layer_is_refused() -> None:
    with pytest.raises(LayerError) as caught:
        LayerSource("nothing", parents=(Entry.directory("/"),))
    assert str(caught.value) == "cannot make the layer 'nothing'\n  it is empty"


def test_directories_above_are_the_images_or_the_usual_ones(tmp_path: Path) -> None:
    item = make_item(tmp_path, "x", {"f": ""})
    source = LayerSource(
        "x",
        (item,),
        (Entry.directory("/etc", 0o700), Entry.file("/etc/a/b", b""), Entry.directory("/gnu", 0o711)),
        (Entry.directory("/etc/a", 0o750, 3, 4), Entry.directory("/srv", 0o700)),
    )
    assert source.directories_above() == (
        Entry.directory("/"),
        Entry.directory("/etc/a", 0o750, 3, 4),
        Entry.directory("/gnu/store", 0o1775),
    )
    assert LayerSource("x", (), (Entry.directory("/"),)).directories_above() == ()


def test_a_layer_weighs_what_its_items_and_files_do(tmp_path: Path) -> None:
    item = make_item(tmp_path, "x", {"f": ""})
    (tmp_path / "file").write_bytes(b"12345")
    entries = Entry.file("/a", b"123"), Entry.file("/b", tmp_path / "file"), Entry.directory("/c")
    assert LayerSource("x", (item, replace(item, path=store_path("y"))), entries).weight == 2 * item.nar_size + 8
    assert LayerSource("x", (), entries[:1]).weight == 3


def test_directories_that_look_as_usual_make_no_difference_where_files_are_shown(tmp_path: Path) -> None:
    item = replace(make_item(tmp_path, "x", {"f": ""}), shown=ShownFiles(top="/opt/x"))
    usual = Entry.directory("/opt/x/usual")
    attributes = replace(Entry.directory("/opt/x/attributes"), attributes=((b"SCHILY.xattr.user.a", b"1"),))
    unusual = (
        attributes,
        Entry.directory("/opt/x/mode", 0o700),
        Entry.directory("/opt/x/uid", uid=1),
        Entry.directory("/opt/x/gid", gid=1),
    )
    source = LayerSource("x", (item,), parents=(usual, *unusual))
    assert source.unusual_directories() == unusual
    assert LayerSource("x", (replace(item, shown=None),), parents=unusual).unusual_directories() == ()


def test_the_order_in_which_parts_are_given_does_not_matter(tmp_path: Path) -> None:
    items = tuple(make_item(tmp_path, name, {"f": name}) for name in ("one", "two", "three"))
    entries = (Entry.directory("/etc"), Entry.file("/etc/x", b"x"), Entry.directory("/gnu/store", 0o1775))

    assert list(LayerSource("a", items, entries).parts()) == list(LayerSource("b", items[::-1], entries[::-1]).parts())


def test_entries_beside_the_items_in_the_store_directory_are_allowed(tmp_path: Path) -> None:
    item = make_item(tmp_path, "x", {"f": ""})
    source = LayerSource("x", (item,), (Entry.directory("/gnu/store/.links"), Entry.file("/gnu/README", b"")))

    assert [getattr(part, "path", None) for part in source.parts()] == [
        "/",
        "/gnu",
        "/gnu/README",
        "/gnu/store",
        "/gnu/store/.links",
        item.path,
    ]
