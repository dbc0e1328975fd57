"""Images whose items have other names below /usr: hashed while they go by, and nothing but their own names is taken."""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.closure import Closure
from sysimage.errors import IntegrityError
from sysimage.store.items import OwnFile, ShownFiles
from sysimage.verify import verify_image
from sysimage.verify.chunk_stream import ChunkStream
from sysimage.verify.issue_collector import IssueCollector
from sysimage.verify.layer import Reading, read_layer
from sysimage.verify.layer_rules import LayerRules
from sysimage.verify.limits import DEFAULT_LIMITS
from sysimage.verify.open import open_source
from sysimage.verify.read_documents import read_documents
from sysimage.verify.tar import read_members
from tests.support import raw_tar
from tests.support.images import BuiltImage, build_image
from tests.support.raw_image import RawImage, write_directory
from tests.support.store_builder import StoreBuilder, small_system
from tests.support.stores import store_path

ITEM = str(store_path("tool-1"))[1:].encode()


def image(workspace: Path, max_layers: int) -> BuiltImage:
    closure = small_system(StoreBuilder(workspace / "store"))
    usr = ShownFiles((), {"bin/bash": OwnFile(0o4755, 0, 0)}, {})
    items = [replace(item, shown=usr) for item in closure]
    return build_image(workspace, closure=Closure(items, closure.roots), max_layers=max_layers)


@pytest.mark.parametrize("max_layers", [1, 2, 5])
def test_no_layer_is_read_twice_for_the_sake_of_other_names(max_layers: int, tmp_path: Path) -> None:
    built = image(tmp_path, max_layers)
    path = built.archive(tmp_path / "image.tar")
    verified = verify_image(path)
    assert verified.items == 6
    faults = IssueCollector(20)
    with open_source(path, DEFAULT_LIMITS) as source:
        documents = read_documents(source, faults, DEFAULT_LIMITS)
        reading = Reading.within(DEFAULT_LIMITS, source, faults, lambda _: False, lambda _: None)
        layers = [read_layer(document, reading) for document in documents.layers]
    items = [item for layer in layers for item in layer.items.values()]
    assert len(items) == 6
    assert all(item.nar.in_order for item in items)
    links = [member for layer in layers for member in layer.members if member.kind.value == "hard link"]
    assert len(links) > 3
    alone = build_image(tmp_path / "alone", max_layers=max_layers)
    without = verify_image(alone.archive(tmp_path / "alone.tar"))
    assert verified.files == without.files + 1, "only the file of its own is one more"


def test_a_file_with_two_names_is_the_items_whichever_has_the_content(tmp_path: Path) -> None:
    built = image(tmp_path, 1)
    (layer,) = built.image.layers
    data = gzip.decompress(built.blobs.path(layer.descriptor.digest).read_bytes())
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        at = next(
            m.offset_data for m in archive if m.isreg() and m.size and m.name.startswith("usr/") and m.mode == 0o444
        )
    changed = data[:at] + b"\xff" + data[at + 1 :]
    with pytest.raises(IntegrityError) as caught:
        verify_image(raw_tar_image(changed, tmp_path))
    assert any("has the NAR hash" in issue.message for issue in caught.value.issues)


def raw_tar_image(layer: bytes, tmp_path: Path) -> Path:
    return write_directory(RawImage(layer).layout(), tmp_path / "changed")


PARENTS = (
    raw_tar.directory(b"gnu"),
    raw_tar.directory(b"gnu/store", 0o1775),
    raw_tar.directory(ITEM, 0o555),
    raw_tar.directory(b"usr"),
    raw_tar.directory(ITEM + b"/bin", 0o555),
    raw_tar.directory(b"usr/bin"),
    raw_tar.file(b"usr/bin/tool", b"x", mode=0o555),
)


@pytest.mark.parametrize(
    ("members", "faults"),
    [
        ((raw_tar.hard_link(ITEM + b"/bin/tool", b"usr/bin/tool"),), []),
        (
            (raw_tar.hard_link(ITEM + b"/bin/two", b"usr/bin/tool"),),
            ["is a hard link to usr/bin/tool, which is not the other name of a store item's file"],
        ),
        (
            (raw_tar.hard_link(ITEM + b"/bin/tool", b"usr/bin/tool"), raw_tar.hard_link(b"usr/bin/x", b"usr/bin/tool")),
            ["is a hard link to usr/bin/tool, which is not the other name of a store item's file"],
        ),
        ((raw_tar.file(b"usr/bin/tool", b"x", mode=0o555),), ["occurs twice"]),
        (
            (raw_tar.file(b"usr/bin/a", b"x", mode=0o555), raw_tar.file(ITEM + b"/bin/z", b"x", mode=0o555)),
            ["is out of order"],
        ),
        ((raw_tar.file(b"usr/lib/x", b"x", mode=0o555),), ["occurs without its parent directory"]),
    ],
)
def test_what_a_layer_of_sysimage_may_have_below_usr(members: tuple[bytes, ...], faults: list[str]) -> None:
    found = IssueCollector(20)
    rules = LayerRules("layer 1", found, ours=True)
    for member in read_members(ChunkStream(iter([raw_tar.archive(*PARENTS, *members)])), DEFAULT_LIMITS):
        rules.check(replace(member, mtime=b"1"))
    assert [issue.message.partition(" ")[2] for issue in found.issues] == faults


LINK = raw_tar.hard_link(ITEM + b"/bin/tool", b"usr/bin/tool")
TAKEN: dict[str, tuple[tuple[bytes, ...], bool]] = {
    "its other name comes next": ((LINK,), True),
    "another file comes after it": ((LINK, raw_tar.file(ITEM + b"/bin/z", b"z", mode=0o444)), True),
    "something comes between": ((raw_tar.directory(b"usr/lib"), LINK), False),
    "a link comes between": ((raw_tar.symlink(b"usr/l", b"x"), LINK), False),
    "a file of other modes comes between": ((raw_tar.file(b"usr/bin/u", b"x"), LINK), False),
    "a file that could be another of the item comes between": (
        (raw_tar.file(b"usr/bin/u", b"x", mode=0o444), LINK),
        False,
    ),
    "nothing comes next": ((), False),
    "another item comes next": ((raw_tar.directory(ITEM[:-1] + b"2", 0o555),), False),
    "a link of another name comes next": ((raw_tar.hard_link(ITEM + b"/bin/two", b"usr/bin/tool"),), False),
    "a link to another name comes next": ((raw_tar.hard_link(ITEM + b"/bin/tool", b"opt/bin/tool"),), False),
    "the file itself comes next": ((raw_tar.file(ITEM + b"/bin/tool", b"x", mode=0o555),), False),
    "a symlink of its name comes next": ((raw_tar.symlink(ITEM + b"/bin/tool", b"usr/bin/tool"),), False),
}


def items_of(members: tuple[bytes, ...], place: Path) -> list[tuple[bool, int]]:
    """Of each item of a layer, whether it came in order, and how many members it has."""
    faults = IssueCollector(20)
    with open_source(write_directory(RawImage(raw_tar.archive(*members)).layout(), place), DEFAULT_LIMITS) as source:
        (document,) = read_documents(source, faults, DEFAULT_LIMITS).layers
        reading = Reading.within(DEFAULT_LIMITS, source, faults, lambda _: False, lambda _: None)
        items = read_layer(document, reading).items.values()
    assert not faults.issues
    return [(item.nar.in_order, item.members) for item in items]


@pytest.mark.parametrize(("members", "in_order"), TAKEN.values(), ids=TAKEN)
def test_a_file_outside_is_an_items_only_if_its_name_in_it_comes_next(
    members: tuple[bytes, ...], in_order: bool, tmp_path: Path
) -> None:
    found = items_of((*PARENTS, *members), tmp_path / "layout")
    assert found[0][0] is in_order
    if in_order:
        assert found[0][1] == 2 + len(members)


PLACES: dict[str, tuple[tuple[bytes, ...], bool]] = {
    "of another mode": ((raw_tar.file(b"usr/bin/u", b"x", mode=0o644),), True),
    "in a directory that the item has not shown": ((raw_tar.file(b"usr/lib/u", b"x", mode=0o444),), True),
    "outside of where the item shows its files": ((raw_tar.file(b"etc/bin/u", b"x", mode=0o444),), True),
    "beside what the item shows": ((raw_tar.file(b"usr/u", b"x", mode=0o444),), False),
    "in another place, which the item shows": (
        (
            raw_tar.directory(b"opt"),
            raw_tar.directory(b"opt/x"),
            raw_tar.directory(b"opt/x/bin"),
            raw_tar.file(b"opt/x/bin/u", b"x", mode=0o444),
            raw_tar.hard_link(ITEM + b"/bin/u", b"opt/x/bin/u"),
        ),
        True,
    ),
}


@pytest.mark.parametrize(("members", "in_order"), PLACES.values(), ids=PLACES)
def test_a_file_outside_that_cannot_be_the_next_of_the_item_is_not_taken_for_it(
    members: tuple[bytes, ...], in_order: bool, tmp_path: Path
) -> None:
    ((found, _),) = items_of((*PARENTS[:-1], *members), tmp_path / "layout")
    assert found is in_order
