"""Trees as items of a store: named by what they hold, read when they may have changed."""

from __future__ import annotations

import os
import tarfile
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from sysimage.digest import Digest
from sysimage.errors import SpecError
from sysimage.spec.trees import Tree
from sysimage.store.items import StoreItem
from sysimage.store.nar import nar_hash_and_size
from sysimage.store.paths import StorePath
from sysimage.trees.item_name import is_of_tree, item_name, patterns_of
from sysimage.trees.items import TreeStore
from sysimage.trees.selection import Selection
from sysimage_bootstrap.store import ItemStore
from tests.support.refusing import refuse_to_open
from tests.support.stores import store_path


@pytest.fixture
def trees(tmp_path: Path) -> TreeStore:
    return TreeStore(ItemStore(tmp_path / "store", "/gnu/store"), tmp_path / "memory", (store_path("libc-1"),))


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    (tmp_path / "dist/lib").mkdir(parents=True)
    (tmp_path / "dist/run").write_text("#!/bin/sh\n")
    (tmp_path / "dist/run").chmod(0o700)
    (tmp_path / "dist/lib/data").write_text("data")
    (tmp_path / "dist/lib/link").symlink_to("data")
    return tmp_path / "dist"


def selection(top: Path, source: str = "dist", path: str = "/srv/shop", allowed: tuple[str, ...] = ()) -> Selection:
    return Selection.of(path, Tree(source=source), top, allowed)


def item_of(trees: TreeStore, chosen: Selection) -> StoreItem:
    """The only one."""
    (item,) = trees.items(chosen)
    return item


def test_an_item_has_the_files_of_the_tree_and_says_where_they_appear(trees: TreeStore, dist: Path) -> None:
    item = item_of(trees, selection(dist.parent))
    assert item.path.name == "tree-srv-shop"
    assert item.shown is not None
    assert item.shown.top == "/srv/shop"
    assert item.location is not None
    assert (item.nar_hash, item.nar_size) == nar_hash_and_size(item.location) == nar_hash_and_size(dist)
    assert trees.digests(item) == {"lib/data": Digest.of(b"data"), "run": Digest.of(b"#!/bin/sh\n")}


def test_times_owners_and_all_other_bits_make_no_other_item(trees: TreeStore, dist: Path) -> None:
    first = item_of(trees, selection(dist.parent)).path
    os.utime(dist / "run", (5, 5))
    (dist / "run").chmod(0o4777)
    (dist / "lib").chmod(0o700)
    assert item_of(trees, selection(dist.parent)).path == first
    (dist / "run").chmod(0o666)
    assert item_of(trees, selection(dist.parent)).path != first


def test_an_archive_gives_the_item_that_its_directory_gives(trees: TreeStore, dist: Path) -> None:
    with tarfile.open(dist.parent / "dist.tar.gz", "w:gz") as archive:
        archive.add(dist, ".")
    assert item_of(trees, selection(dist.parent, "dist.tar.gz")).path == item_of(trees, selection(dist.parent)).path


def test_the_same_files_elsewhere_are_another_item(trees: TreeStore, dist: Path) -> None:
    assert item_of(trees, selection(dist.parent)).path != item_of(trees, selection(dist.parent, path="/srv/other")).path


def test_a_tree_that_did_not_change_is_not_read_again(
    trees: TreeStore, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = item_of(trees, selection(dist.parent)).path
    refuse_to_open(monkeypatch, dist)
    assert item_of(trees, selection(dist.parent)).path == first
    os.utime(dist / "run")
    with pytest.raises(AssertionError, match="opened"):
        item_of(trees, selection(dist.parent))


def test_what_a_tree_mentions_of_the_system_are_its_references(trees: TreeStore, dist: Path) -> None:
    libc = store_path("libc-1")
    (dist / "lib/data").write_text(f"{libc}/lib and {store_path('other-1')}")
    assert item_of(trees, selection(dist.parent)).references == (libc,)


def test_the_path_of_an_item_is_as_it_was_written_down(dist: Path, tmp_path: Path) -> None:
    """With another one every image with a tree would be another."""
    libraries = tuple(store_path(name) for name in ("libc-1", "libb-1", "liba-1"))
    (dist / "lib/data").write_text(" ".join(map(str, libraries)))
    trees = TreeStore(ItemStore(tmp_path / "store", "/gnu/store"), tmp_path / "memory", libraries)
    assert (
        str(item_of(trees, selection(dist.parent)).path) == "/gnu/store/1sikn87gsvmv06mbgdawv2mbdcrf4lv1-tree-srv-shop"
    )


def test_keys_in_files_are_refused_unless_named(trees: TreeStore, dist: Path) -> None:
    (dist / "lib/conf").write_text("AKIA" + "Q" * 16)
    with pytest.raises(SpecError) as caught:
        item_of(trees, selection(dist.parent))
    assert [issue.message for issue in caught.value.issues] == [
        'contains an access key of AWS; exclude it, or say "allow-secrets": ["/srv/shop/lib/conf"]'
    ]
    assert not list(trees.store.items_dir.glob("*"))
    assert item_of(trees, selection(dist.parent, allowed=("/srv/shop/lib/conf",)))
    with pytest.raises(SpecError):  # what was allowed once is not for ever
        item_of(trees, selection(dist.parent))


def test_an_empty_tree_is_refused(trees: TreeStore, tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    with pytest.raises(SpecError, match="some of it cannot be in an image") as caught:
        item_of(trees, selection(tmp_path))
    assert [issue.message for issue in caught.value.issues] == ["holds nothing that is not excluded"]


def test_later_members_of_an_archive_replace_earlier_ones_and_links_share_content(trees: TreeStore, dist: Path) -> None:
    with tarfile.open(dist.parent / "a.tar", "w") as archive:
        archive.add(dist / "run", "a")
        link = tarfile.TarInfo("b")
        link.type, link.linkname = tarfile.LNKTYPE, "a"
        archive.addfile(link)
        archive.add(dist / "lib/data", "a")
    item = item_of(trees, selection(dist.parent, "a.tar"))
    assert item.location is not None
    assert ((item.location / "a").read_text(), (item.location / "b").read_text()) == ("data", "#!/bin/sh\n")
    assert os.access(item.location / "b", os.X_OK)
    assert trees.digests(item)["b"] == Digest.of(b"#!/bin/sh\n")


def test_an_archive_need_not_name_directories_and_what_comes_later_counts(trees: TreeStore, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind, target in (
            *(("a/b/c", tarfile.REGTYPE, ""), ("a/b", tarfile.DIRTYPE, ""), ("a/b/d", tarfile.LNKTYPE, "a/b/c")),
            *(("a/b/c", tarfile.SYMTYPE, "d"), ("z", tarfile.DIRTYPE, ""), ("z", tarfile.DIRTYPE, "")),
            *(("a/link", tarfile.SYMTYPE, "b"), ("a/link", tarfile.REGTYPE, "")),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
    item = item_of(trees, selection(tmp_path, "a.tar"))
    assert trees.digests(item) == {"a/b/d": Digest.of(b""), "a/link": Digest.of(b"")}
    found = {path.relative_to(item.place).as_posix(): path for path in item.place.rglob("*")}
    assert sorted(found) == ["a", "a/b", "a/b/c", "a/b/d", "a/link", "z"]
    assert os.readlink(found["a/b/c"]) == "d"  # noqa: PTH115
    assert not found["a/link"].is_symlink()


def test_an_archive_that_did_not_change_is_not_read_again(
    trees: TreeStore, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = dist.parent / "dist.tar"
    with tarfile.open(source, "w") as archive:
        archive.add(dist, ".")
    first = item_of(trees, selection(dist.parent, "dist.tar")).path
    refuse_to_open(monkeypatch, source)
    assert item_of(trees, selection(dist.parent, "dist.tar")).path == first
    os.utime(source)
    with pytest.raises(AssertionError, match="opened"):
        item_of(trees, selection(dist.parent, "dist.tar"))


def test_a_fault_that_comes_later_is_found_beside_files_that_did_not_change(trees: TreeStore, dist: Path) -> None:
    chosen = selection(dist.parent)
    first = item_of(trees, chosen)
    os.mkfifo(dist / "fifo")
    for _ in range(2):
        with pytest.raises(SpecError) as caught:
            item_of(trees, chosen)
        assert caught.value.message == f"cannot put {dist} at /srv/shop: some of it cannot be in an image"
        assert caught.value.hint == "leave files out with exclude"
        assert [str(one) for one in caught.value.issues] == [
            f"{dist}/fifo: is neither a file, a directory nor a symlink"
        ]
    (dist / "fifo").unlink()
    assert item_of(trees, chosen) == first


def test_the_order_of_what_may_be_mentioned_is_of_no_account(
    dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is the store's directory, which is made."""
    libraries = [store_path(f"lib{name}-1") for name in "abcdefgh"]
    (dist / "lib/data").write_text(" ".join(map(str, libraries)))

    def made(present: list[StorePath]) -> StoreItem:
        store = ItemStore(tmp_path / "new/store", "/gnu/store")
        return item_of(TreeStore(store, tmp_path / "memory", tuple(present)), selection(dist.parent))

    first = made(libraries)
    assert first.references == tuple(sorted(libraries))
    refuse_to_open(monkeypatch, dist)
    assert made(libraries[::-1]) == first
    with pytest.raises(AssertionError, match="opened"):
        made(libraries[1:])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/srv/shop", "tree-srv-shop"),
        ("/opt/ä b/?", "tree-opt---b--"),
        ("/x" * 150, f"tree-{'x-' * 75}"[:150]),
        ("/.hidden", "tree-.hidden"),
        ("/a[b]*", "tree-a-b--"),
        ("/a+b=c_d.e", "tree-a-b=c_d.e"),
    ],
)
def test_every_path_of_an_image_gives_a_name_that_a_store_takes(path: str, name: str) -> None:
    part = f"{name}+lib-1"
    assert (item_name(path), item_name(path, "lib+1")) == (name, part)
    assert item_name(path, "y" * 300) == f"{name}+{'y' * 300}"[:200]
    store_path(item_name(path, "y" * 300))
    for one in (name, part):
        assert is_of_tree(one, path)
        assert any(fnmatchcase(one, pattern) for pattern in patterns_of(path))
    for other in (f"{name}-x", f"{name[:-1]}", f"x{name}", "tree"):
        assert not is_of_tree(other, path)
        assert not any(fnmatchcase(other, pattern) for pattern in patterns_of(path))


def test_a_damaged_item_is_made_again(trees: TreeStore, dist: Path, tmp_path: Path) -> None:
    item = item_of(trees, selection(dist.parent))
    assert item.location is not None
    (item.location / "lib").chmod(0o755)
    (item.location / "lib/data").chmod(0o644)
    (item.location / "lib/data").write_text("other")
    fresh = TreeStore(ItemStore(tmp_path / "store", "/gnu/store"), tmp_path / "memory", trees.present)
    assert item_of(fresh, selection(dist.parent)).nar_hash == item.nar_hash
    assert (item.location / "lib/data").read_text() == "data"


def test_nothing_is_left_behind(trees: TreeStore, dist: Path) -> None:
    (dist / "key").write_text("AKIA" + "Q" * 16)
    with pytest.raises(SpecError):
        item_of(trees, selection(dist.parent))
    assert list(trees.store.root.iterdir()) == []
