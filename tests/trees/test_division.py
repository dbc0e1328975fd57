"""A large tree is items by its large directories, which have its files between them."""

from __future__ import annotations

from pathlib import Path

from sysimage.spec.trees import Tree
from sysimage.trees.items import TreeStore
from sysimage.trees.selection import Selection
from sysimage_bootstrap.store import ItemStore

LEAST = 1 << 20
"""Bytes from which on a directory is large: with another number the items and layers of images would be others."""


def write(top: Path, files: dict[str, int]) -> None:
    """Files of as many bytes."""
    for path, size in files.items():
        (top / "dist" / path).parent.mkdir(parents=True, exist_ok=True)
        (top / "dist" / path).write_bytes(bytes(size))


def parts(top: Path) -> dict[str, list[str]]:
    """What the items have, by their names."""
    trees = TreeStore(ItemStore(top / "store", "/gnu/store"), top / "memory")
    items = trees.items(Selection.of("/srv/shop", Tree(source="dist", exclude=("left-out",)), top, ()))
    found = {}
    for item in items:
        assert item.shown is not None
        assert item.shown.top == "/srv/shop"
        files = [path for path in item.place.rglob("*") if not path.is_dir() or path.is_symlink()]
        found[item.path.name] = sorted(path.relative_to(item.place).as_posix() for path in files)
        assert sorted(trees.digests(item)) == [path for path in found[item.path.name] if "link" not in path]
    assert len(found) == len(items)
    return found


def test_each_large_directory_is_an_item_and_the_rest_is_one(tmp_path: Path) -> None:
    write(tmp_path, {"run": 1, "src/a": 1, "lib/a/b": LEAST - 1, "lib/c": 1, "odd name+/d": LEAST})
    (tmp_path / "dist/link").symlink_to("lib/c")
    (tmp_path / "dist/link-to-large").symlink_to("lib")
    assert parts(tmp_path) == {
        "tree-srv-shop": ["link", "link-to-large", "run", "src/a"],
        "tree-srv-shop+lib": ["lib/a/b", "lib/c"],
        "tree-srv-shop+odd-name-": ["odd name+/d"],
    }


def test_a_tree_of_large_directories_alone_has_no_rest(tmp_path: Path) -> None:
    write(tmp_path, {"a/x": LEAST, "b/x": LEAST})
    assert list(parts(tmp_path)) == ["tree-srv-shop+a", "tree-srv-shop+b"]


def test_a_tree_that_is_one_directory_or_one_large_file_stays_whole(tmp_path: Path) -> None:
    write(tmp_path, {"a/x": 2 * LEAST})
    assert list(parts(tmp_path)) == ["tree-srv-shop"]
    write(tmp_path / "other", {"x": 2 * LEAST, "a/x": LEAST - 1})
    assert list(parts(tmp_path / "other")) == ["tree-srv-shop"]


def test_what_is_left_out_does_not_count(tmp_path: Path) -> None:
    write(tmp_path, {"a/x": 1, "a/left-out": LEAST, "run": 1})
    assert list(parts(tmp_path)) == ["tree-srv-shop"]


def test_a_part_is_the_same_item_whatever_happens_beside_it(tmp_path: Path) -> None:
    write(tmp_path, {"run": 1, "lib/x": LEAST})
    trees = TreeStore(ItemStore(tmp_path / "store", "/gnu/store"), tmp_path / "memory")
    chosen = Selection.of("/srv/shop", Tree(source="dist"), tmp_path, ())
    first = trees.items(chosen)
    write(tmp_path, {"run": 2})
    second = trees.items(chosen)
    assert [one.path == other.path for one, other in zip(first, second, strict=True)] == [False, True]
    assert trees.items(chosen) == second
