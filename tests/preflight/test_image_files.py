"""The files of an image before it is written: what is declared, what items have, what they show, and the base's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.bases import NO_BASE
from sysimage.closure import Closure
from sysimage.preflight.image_files import ImageFiles
from sysimage.preflight.packages import check_packages
from sysimage.rootfs.tree import Entry, RootTree
from sysimage.rules.files import FileInfo, FileKind
from sysimage.rules.finding import Finding
from sysimage.rules.paths import as_parts
from sysimage.rules.programs import ProgramFormat
from sysimage.store.items import OwnFile, ShownFiles, StoreItem
from tests.support.stores import make_item, store_path

DIRECTORY, SCRIPT = FileKind.DIRECTORY, b"#!/bin/sh\n"


def files(tree: Iterable[Entry], *items: StoreItem) -> ImageFiles:
    return ImageFiles(RootTree(tree), Closure(items, [item.path for item in items]))


def seen(image: ImageFiles, *paths: str) -> dict[str, tuple[FileKind, int, bytes] | None]:
    found = {path: image.at(as_parts(path)) for path in paths}
    return {path: None if one is None else (one.kind, one.mode, one.link) for path, one in found.items()}


def names(image: ImageFiles, path: str) -> list[bytes]:
    return sorted(image.names(as_parts(path)))


@pytest.fixture
def tool(tmp_path: Path) -> StoreItem:
    item = make_item(tmp_path, "tool-1", {"bin/run": SCRIPT, "share/text": "x", "link": "-> share", "empty": None})
    place = item.place
    for name, mode in (("of-others", 0o611), ("unwritable", 0o400), ("own", 0o700)):
        (place / name).touch(mode)
        (place / name).chmod(mode)
    os.mkfifo(place / "fifo")
    return item


def test_items_have_the_modes_of_a_store_whatever_theirs_are(tool: StoreItem) -> None:
    top, image = str(tool.path), files((), tool)
    assert seen(image, *(f"{top}/{name}" for name in ("bin", "bin/run", "share/text", "link", "fifo"))) == {
        f"{top}/bin": (DIRECTORY, 0o555, b""),
        f"{top}/bin/run": (FileKind.FILE, 0o555, b""),
        f"{top}/share/text": (FileKind.FILE, 0o444, b""),
        f"{top}/link": (FileKind.SYMLINK, 0o777, b"share"),
        f"{top}/fifo": (FileKind.SPECIAL, 0, b""),
    }
    assert seen(image, *(f"{top}/{name}" for name in ("of-others", "unwritable", "own", "none", "link/text"))) == {
        f"{top}/of-others": (FileKind.FILE, 0o444, b""),
        f"{top}/unwritable": (FileKind.FILE, 0o444, b""),
        f"{top}/own": (FileKind.FILE, 0o555, b""),
        f"{top}/none": None,
        f"{top}/link/text": (FileKind.FILE, 0o444, b""),
    }
    assert seen(image, top, "/gnu", "/srv") == {top: (DIRECTORY, 0o555, b""), "/gnu": None, "/srv": None}
    assert names(image, "/gnu/store") == [os.fsencode(tool.path.base_name)]
    assert names(image, top) == sorted(os.fsencode(one.name) for one in tool.place.iterdir())
    assert names(image, f"{top}/empty") == names(image, f"{top}/link") == names(image, f"{top}/bin/run") == []


def test_an_item_that_is_not_here_has_no_files(tmp_path: Path) -> None:
    absent = StoreItem(store_path("x-1"), make_item(tmp_path, "tool-1", {}).nar_hash, 5, shown=ShownFiles())
    image = files((), absent)
    assert seen(image, str(absent.path), "/usr") == {str(absent.path): None, "/usr": None}


def test_an_item_shows_its_files_below_its_top(tool: StoreItem) -> None:
    shown = ShownFiles(("share/text",), {"bin/run": OwnFile(0o4755, 0, 0)}, {"link": "../x"}, top="/srv/shop/www")
    image = files((), replace(tool, shown=shown))
    assert seen(image, *(path := ["/srv", "/srv/shop", "/srv/shop/www", "/srv/shop/www/bin"])) == dict.fromkeys(
        path, (DIRECTORY, 0o755, b"")
    )
    assert seen(image, *(f"/srv/shop/www/{name}" for name in ("bin/run", "link", "own", "share/text", "none"))) == {
        "/srv/shop/www/bin/run": (FileKind.FILE, 0o4755, b""),
        "/srv/shop/www/link": (FileKind.SYMLINK, 0o777, b"../x"),
        "/srv/shop/www/own": (FileKind.FILE, 0o555, b""),
        "/srv/shop/www/share/text": None,
        "/srv/shop/www/none": None,
    }
    assert seen(image, "/srv/shop/other", "/srv/www", "/bin/run") == dict.fromkeys(
        ("/srv/shop/other", "/srv/www", "/bin/run")
    )
    assert [names(image, path) for path in ("/srv", "/srv/shop", "/srv/shop/www/share")] == [[b"shop"], [b"www"], []]
    assert names(image, "/srv/shop/www") == sorted(os.fsencode(one.name) for one in tool.place.iterdir())
    assert names(image, "/srv/shop/www/link") == names(image, "/srv/shop/www/own") == []


def test_several_items_share_a_top_and_the_tree_counts_before_them(tool: StoreItem, tmp_path: Path) -> None:
    other = make_item(tmp_path, "other-1", {"bin/other": "x", "share/more": "y"})
    entries = [
        *(Entry.file("/usr/bin/own", SCRIPT, 0o700), Entry.symlink("/usr/bin/other", "own")),
        *(Entry.file("/usr/bin/host", tool.place / "bin/run", 0o755), Entry.directory("/usr/share", 0o711)),
    ]
    image = files(entries, *(replace(item, shown=ShownFiles()) for item in (tool, other)))
    assert names(image, "/usr/bin") == [b"host", b"other", b"own", b"run"]
    assert names(image, "/usr/share") == [b"more", b"text"]
    assert names(image, "/") == [b"usr"]
    assert seen(image, "/usr/bin/own", "/usr/bin/other", "/usr/share", "/usr/share/more") == {
        "/usr/bin/own": (FileKind.FILE, 0o700, b""),
        "/usr/bin/other": (FileKind.SYMLINK, 0o777, b"own"),
        "/usr/share": (DIRECTORY, 0o711, b""),
        "/usr/share/more": (FileKind.FILE, 0o444, b""),
    }
    for path in ("/usr/bin/own", "/usr/bin/host", "/usr/bin/run"):
        found = image.at(as_parts(path))
        assert isinstance(found, FileInfo)
        assert (found.program().format, found.program().interpreter) == (ProgramFormat.SCRIPT, b"/bin/sh")


def test_a_file_that_cannot_be_read_is_unknown(tool: StoreItem) -> None:
    """The writer of the layer reports it."""
    found = files((), tool).at(as_parts(f"{tool.path}/own"))
    assert found is not None
    (tool.place / "own").unlink()
    assert found.program().format is ProgramFormat.UNKNOWN


def test_each_debian_package_has_its_row(tmp_path: Path) -> None:
    package = make_item(tmp_path, "jq-1", {"share/sysimage/packages/jq": "Package: jq\n"})
    closure = Closure([package], [package.path])
    row = Entry.file("/var/lib/dpkg/status.d/jq", b"Package: jq\n")
    sums = Entry.file("/var/lib/dpkg/status.d/jq.md5sums", b"")
    beyond = (
        "reports a package to scanners, and no item of the image is that package",
        "leave the file out: what the spec names under packages has one",
    )

    def found(*entries: Entry) -> list[Finding]:
        return list(check_packages(RootTree(entries), closure, NO_BASE))

    says = Finding(
        "packages", ("file", str(package.path)), "is a Debian package, and no file in /var/lib/dpkg/status.d says so"
    )
    assert found() == found(Entry.directory(row.path)) == found(Entry.symlink(row.path, "x")) == [says]
    assert found(row) == found(row, replace(sums, item=package.path)) == found(row, Entry.symlink(sums.path, "x")) == []
    assert found(row, sums) == [Finding("packages", ("file", sums.path), *beyond)]
    other = replace(row, path="/var/lib/dpkg/status.d/x", content=b"Package: x\n")
    assert found(row, other) == [Finding("packages", ("file", other.path), *beyond)]
    assert found(replace(row, item=package.path)) == []
    told = replace(row, content=b"Package: jq\nas it was read\n", item=package.path)
    assert found(told) == [], "of a row that follows from an item no file is opened"
    absent = StoreItem(store_path("x-1"), package.nar_hash, 5)
    assert list(check_packages(RootTree([row]), Closure([package, absent], [package.path, absent.path]), NO_BASE)) == []
