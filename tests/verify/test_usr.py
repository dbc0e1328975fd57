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
    from tests.support.raw_image import RawImage, write_directory

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
            ["is a hard link to usr/bin/tool, not an item's file to its other name"],
        ),
        (
            (raw_tar.hard_link(ITEM + b"/bin/tool", b"usr/bin/tool"), raw_tar.hard_link(b"usr/bin/x", b"usr/bin/tool")),
            ["is a hard link to usr/bin/tool, not an item's file to its other name"],
        ),
        ((raw_tar.file(b"usr/bin/tool", b"x", mode=0o555),), ["comes twice"]),
        (
            (raw_tar.file(b"usr/bin/a", b"x", mode=0o555), raw_tar.file(ITEM + b"/bin/z", b"x", mode=0o555)),
            ["is out of order"],
        ),
        ((raw_tar.file(b"usr/lib/x", b"x", mode=0o555),), ["comes without its parent directory"]),
    ],
)
def test_what_a_layer_of_sysimage_may_have_below_usr(members: tuple[bytes, ...], faults: list[str]) -> None:
    found = IssueCollector(20)
    rules = LayerRules("layer 1", found, ours=True)
    for member in read_members(ChunkStream(iter([raw_tar.archive(*PARENTS, *members)])), DEFAULT_LIMITS):
        rules.check(replace(member, mtime=b"1"))
    assert [issue.message.partition(" ")[2] for issue in found.issues] == faults
