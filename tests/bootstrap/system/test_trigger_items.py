"""Items with what triggers make of all packages together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sysimage_bootstrap.store import ItemStore
from sysimage_bootstrap.system.trigger_items import trigger_items
from sysimage_bootstrap.triggers.merged_tree import MergedTree

NO_PROGRAM: Any = None


def test_the_caches_of_icons_are_one_item(tmp_path: Path) -> None:
    icons = {"index.theme": b"", "48x48/apps/go.png": b""}
    tree = MergedTree.of(
        {
            "/usr/bin/gtk-update-icon-cache": b"",
            **{f"/usr/share/icons/{theme}/{path}": text for theme in ("a", "b") for path, text in icons.items()},
        }
    )
    store = ItemStore(tmp_path, "/gnu/store")
    (item,) = trigger_items(tree, [], NO_PROGRAM, "x86_64-linux-gnu", store)
    assert item.path.name == "icon-caches"
    top = store.location(item.path)
    found = sorted(str(path.relative_to(top)) for path in top.rglob("*.cache"))
    assert found == ["share/icons/a/icon-theme.cache", "share/icons/b/icon-theme.cache"]
