"""What a layer may hold, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.digest import Digest
from sysimage.layers import LayerError, LayerSource
from sysimage.rootfs import Entry
from sysimage.store import StoreItem
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
        f"{here.path}: comes twice",
        "/a: comes twice",
        f"{here.path}/extra: is inside the store item {here.path} (/files/3)",
    ]


def test_an_empty_layer_is_refused() -> None:
    with pytest.raises(LayerError, match="it is empty"):
        LayerSource("nothing")


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
