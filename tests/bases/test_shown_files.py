"""Our /usr on a base that has one: files are laid over it, and what excludes the other is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.bases import NO_BASE, BaseImage, customization_on
from sysimage.bases.base_image import BaseImageError
from sysimage.bases.read import read_base_image
from sysimage.bases.shown_files import shown_on
from sysimage.closure import Closure
from sysimage.notices import listen_to_notices
from sysimage.rootfs.system import ImageDefaults, SystemResult
from sysimage.rootfs.tree import Entry
from sysimage.spec.model import SystemSpec
from sysimage.store.items import OwnFile, ShownFiles
from tests.support.raw_image import RawImage, write_archive
from tests.support.raw_tar import archive, directory, file, symlink
from tests.support.stores import make_item


def base_of(tmp_path: Path, *members: bytes) -> BaseImage:
    write_archive(RawImage(archive(directory(b"usr"), *members)).layout(), tmp_path / "base.tar")
    return read_base_image(tmp_path / "base.tar", "linux/amd64", "/gnu/store")


@pytest.fixture
def closure(tmp_path: Path) -> Closure:
    files: dict[str, str | bytes | None] = {"bin/tool": b"#!", "bin/su": b"su", "lib/x/data": "", "etc/tool": ""}
    item = make_item(tmp_path / "store", "tool-1", files)
    usr = ShownFiles((), {"bin/su": OwnFile(0o4755, 0, 0)}, {})
    return Closure([replace(item, shown=usr)], [item.path])


def test_a_base_without_usr_and_no_base_at_all_need_nothing(closure: Closure, tmp_path: Path) -> None:
    assert shown_on(NO_BASE, closure) == ()
    assert shown_on(base_of(tmp_path), closure) == ()


def test_directories_stay_as_the_base_has_them(closure: Closure, tmp_path: Path) -> None:
    base = base_of(
        tmp_path, directory(b"usr/bin", 0o2775, gid=50), directory(b"usr/lib"), directory(b"usr/lib/x", 0o700)
    )
    assert [(one.path, one.mode, one.gid) for one in shown_on(base, closure)] == [
        ("/usr/bin", 0o2775, 50),
        ("/usr/lib/x", 0o700, 0),
    ]


def test_files_take_the_place_of_the_bases_and_are_counted(closure: Closure, tmp_path: Path) -> None:
    base = base_of(tmp_path, directory(b"usr/bin"), file(b"usr/bin/tool", b"theirs"), symlink(b"usr/bin/su", b"tool"))
    said: list[str] = []
    with listen_to_notices(said.append):
        assert shown_on(base, closure) == ()
    assert said == ["2 files of the base are replaced by those of packages and trees"]


def test_a_directory_in_the_place_of_something_else_is_named_and_the_reverse(closure: Closure, tmp_path: Path) -> None:
    base = base_of(tmp_path, symlink(b"usr/lib", b"lib64"), directory(b"usr/bin"), directory(b"usr/bin/tool"))
    with pytest.raises(BaseImageError, match="it and what is to be in the image contradict each other") as caught:
        shown_on(base, closure)
    assert [str(issue).replace(str(closure.roots[0]), "tool") for issue in caught.value.issues] == [
        "/usr/bin/tool: is a file of tool, the base has a directory",
        "/usr/lib: is a directory of tool, the base has a symlink",
    ]


def test_a_link_to_a_directory_is_a_link(tmp_path: Path) -> None:
    item = make_item(tmp_path / "store", "tool-1", {"lib/x": "", "lib64": "->lib"})
    closure = Closure([replace(item, shown=ShownFiles())])
    assert shown_on(base_of(tmp_path, symlink(b"usr/lib64", b"lib")), closure) == ()
    with pytest.raises(BaseImageError) as caught:
        shown_on(base_of(tmp_path, directory(b"usr/lib64")), closure)
    assert [str(issue) for issue in caught.value.issues] == [
        f"/usr/lib64: is a file of {item.path}, the base has a directory"
    ]
    assert caught.value.hint == "leave out what the base has otherwise: packages with exclude, or a tree's path"


def test_what_the_spec_asks_for_counts_more_than_what_the_base_has(tmp_path: Path) -> None:
    base = base_of(tmp_path, *(directory(b"opt" + one, 0o700) for one in (b"", b"/a", b"/a/b")))
    item = replace(make_item(tmp_path / "store", "tool-1", {"b/x": ""}), shown=ShownFiles(top="/opt/a"))
    asked = (Entry.directory("/opt/a", 0o711, owner="me"),)
    system = SystemResult(item.path, None, (item,), None, asked, ImageDefaults((), (), None, {}))
    spec = SystemSpec.model_validate({"name": "x", "from-store": {"paths": ["x"]}, "store": {"database": False}})
    tree = customization_on(base, spec, system, Closure([item]))
    assert {path: tree[path].mode for path in ("/opt", "/opt/a", "/opt/a/b")} == {
        "/opt": 0o700,
        "/opt/a": 0o711,
        "/opt/a/b": 0o700,
    }


@pytest.mark.parametrize("database", [True, False])
def test_an_item_of_the_base_has_a_root_if_the_image_has_a_database(database: bool, tmp_path: Path) -> None:
    ours, theirs = (make_item(tmp_path / "store", name, {"x": ""}) for name in ("ours", "theirs"))
    base = replace(base_of(tmp_path), items=(theirs,), unregistered=(theirs.path,))
    system = SystemResult(ours.path, None, (ours,), None, (), ImageDefaults((), (), None, {}))
    said = {"name": "x", "from-store": {"paths": ["x"]}, "store": {"database": database}}
    tree = customization_on(base, SystemSpec.model_validate(said), system, Closure([ours]))
    assert (f"/var/guix/gcroots/base/{theirs.path.hash_part}" in tree) == database
    assert ("/var/guix/db/db.sqlite" in tree) == database


def test_a_base_whose_usr_is_a_link_is_refused(closure: Closure, tmp_path: Path) -> None:
    write_archive(RawImage(archive(symlink(b"usr", b"run/x"))).layout(), tmp_path / "base.tar")
    with pytest.raises(BaseImageError, match="the base has a symlink here, where /usr is a directory"):
        shown_on(read_base_image(tmp_path / "base.tar", "linux/amd64", "/gnu/store"), closure)


def test_items_that_the_base_has_in_its_store_alone_get_their_files_in_usr(closure: Closure, tmp_path: Path) -> None:
    base = replace(base_of(tmp_path, directory(b"usr/bin"), file(b"usr/bin/tool", b"#!")), items=tuple(closure))
    assert [(one.path, one.mode) for one in shown_on(base, closure)] == [
        ("/usr/bin/su", 0o4755),
        ("/usr/lib/x/data", 0o444),
    ]


def test_directories_come_in_the_order_of_what_is_shown_there_whatever_items_show_it(tmp_path: Path) -> None:
    base = base_of(tmp_path, *(directory(b"opt" + one, 0o700) for one in (b"", b"/a", b"/z")))
    items = [make_item(tmp_path / "store", name, {"x": ""}) for name in ("first", "second")]
    for tops in (("/opt/a", "/opt/z"), ("/opt/z", "/opt/a")):
        shown = [replace(item, shown=ShownFiles(top=top)) for item, top in zip(items, tops, strict=True)]
        found = shown_on(base, Closure(shown))
        assert [entry.path for entry in found] == ["/opt", "/opt/a", "/opt/z"]
