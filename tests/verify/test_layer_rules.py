"""What a layer must be like: every rule with its whole message, in layers of sysimage and in those of others."""

from __future__ import annotations

import pytest

from sysimage.verify.chunk_stream import ChunkStream
from sysimage.verify.issue_collector import IssueCollector
from sysimage.verify.layer_rules import LayerRules
from sysimage.verify.limits import DEFAULT_LIMITS
from sysimage.verify.tar import read_members
from tests.support.raw_tar import archive, directory, file, hard_link, header, long_name, pax, symlink

HASH = b"a" * 32
ITEM = b"gnu/store/" + HASH + b"-item"
OTHER = b"gnu/store/" + HASH + b"-other"
STORE = (directory(b"gnu"), directory(b"gnu/store"), directory(ITEM, 0o555), directory(ITEM + b"/bin", 0o555))
BIN = f"/{ITEM.decode()}/bin"


def checked(*members: bytes, ours: bool) -> tuple[list[str], list[str]]:
    """Faults and notes."""
    found = IssueCollector(20)
    rules = LayerRules("layer 3", found, ours=ours)
    for member in read_members(ChunkStream(iter([archive(*members)])), DEFAULT_LIMITS):
        rules.check(member)
    return list(map(str, found.issues)), list(map(str, found.notes))


ADVICE = {
    "a character device": (header(b"n", b"3"), "/n is a character device, which rootless engines cannot make"),
    "a block device": (header(b"n", b"4"), "/n is a block device, which rootless engines cannot make"),
    "a FIFO": (header(b"n", b"6"), "/n is a FIFO, which rootless engines cannot make"),
    "a sparse file": (
        pax([(b"GNU.sparse.map", b"0,3"), (b"GNU.sparse.size", b"9"), (b"GNU.sparse.name", b"n")])
        + file(b"x", b"abc"),
        "/n is a sparse file: engines run an image with one, and fail to save it",
    ),
    "an absolute name": (file(b"/n"), "/n has its name in an unusual form"),
}  # fmt: skip


@pytest.mark.parametrize(("member", "message"), ADVICE.values(), ids=ADVICE)
def test_what_engines_take_is_a_fault_only_in_a_layer_of_sysimage(member: bytes, message: str) -> None:
    assert checked(member, ours=True) == ([f"layer 3: {message}"], [])
    assert checked(member, ours=False) == ([], [f"layer 3: {message}"])


def test_attributes_of_an_overlay_are_a_fault_in_every_layer() -> None:
    fault = "layer 3: /n has attributes of an overlay file system"
    attributes = [(b"SCHILY.xattr.user.x", b""), (b"SCHILY.xattr.trusted.overlay.opaque", b"y")]
    member = pax(attributes) + directory(b"n")
    assert checked(member, ours=False) == ([fault], [])
    assert checked(member, ours=True) == ([fault], [])


OURS: dict[str, tuple[tuple[bytes, ...], list[str]]] = {
    "all as it should be": (
        (
            directory(b"./"),
            directory(b"d"),
            file(b"d/f"),
            symlink(b"d/l", b"f"),
            pax([(b"SCHILY.xattr.security.capability", b"x")]) + file(b"e", mode=0o4755),
            pax([(b"SCHILY.xattr.user.x", b"")]) + directory(b"f"),
        ),
        [],
    ),
    "a time": ((file(b"f", mtime=2), file(b"g", mtime=0)),
               ["/f has the time 2, every entry should have 1", "/g has the time 0, every entry should have 1"]),
    "a time with a fraction": (
        (pax([(b"mtime", b"1.5")]) + file(b"f"),), ["/f has the time 1.5, every entry should have 1"]
    ),
    "a mode of a symlink": ((header(b"l", b"2", mode=0o755, link=b"x"),), ["/l is a symlink of mode 0755"]),
    "a whiteout": ((file(b".wh.x"),), ["/.wh.x is a whiteout"]),
    "records without a field": (
        (pax([(b"SCHILY.xattr.user.b", b""), (b"SCHILY.xattr.user.a", b"")]) + file(b"f"),),
        ["/f has extended headers: SCHILY.xattr.user.a, SCHILY.xattr.user.b"],
    ),
    "records of a directory that are no attributes": (
        (pax([(b"SCHILY.xattr.user.b", b""), (b"ctime", b"1")]) + directory(b"d"),),
        ["/d has extended headers: ctime"],
    ),
    "names that go down": ((file(b"b"), file(b"a")), ["/a is out of order"]),
    "names that go down twice": ((file(b"c"), file(b"b"), file(b"a")), ["/b is out of order", "/a is out of order"]),
    "a name twice": ((file(b"a"), file(b"a")), ["/a occurs twice"]),
    "a directory after what is in it": (
        (file(b"d/f"), directory(b"d")),
        ["/d/f occurs without its parent directory", "/d is out of order"],
    ),
    "a file in a file": ((file(b"d"), file(b"d/f")), ["/d/f occurs without its parent directory"]),
    "items that go down": (
        (*STORE[:2], directory(OTHER, 0o555), directory(ITEM, 0o555)),
        [f"/{ITEM.decode()} is out of order"],
    ),
    "what an item shows stands between its members": (
        (*STORE, directory(b"usr"), directory(b"usr/bin"), file(b"usr/bin/a"),
         hard_link(ITEM + b"/bin/a", b"usr/bin/a"), file(b"usr/bin/b"), hard_link(ITEM + b"/bin/b", b"usr/bin/b"),
         directory(OTHER, 0o555), directory(b"usr/a"), file(b"usr/a/x"), file(b"usr/a/y")),
        [],
    ),
    "what two items show": (
        (*STORE, directory(b"usr"), file(b"usr/a"), directory(OTHER, 0o555), file(b"usr/a")),
        ["/usr/a occurs twice"],
    ),
    "what an item shows goes down": (
        (*STORE, directory(b"usr"), file(b"usr/b"), file(b"usr/a"), hard_link(ITEM + b"/bin/a", b"usr/bin/a")),
        [f"{BIN}/a is out of order"],
    ),
    "what no item shows comes after all": (
        (directory(b"a"), *STORE, file(ITEM + b"/bin/f"), directory(b"usr"), directory(b"z")),
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("members", "faults"), OURS.values(), ids=OURS)
def test_what_a_layer_of_sysimage_must_be_like(members: tuple[bytes, ...], faults: list[str]) -> None:
    assert checked(*members, ours=True) == ([f"layer 3: {one}" for one in faults], [])
    assert checked(*members, ours=False) == ([], []), "others may do otherwise"


@pytest.mark.parametrize(
    ("name", "target", "is_right"),
    [
        (ITEM + b"/bin/f", b"usr/bin/f", True),
        (ITEM + b"/bin/f", b"opt/x/bin/f", True),
        (ITEM + b"/bin/f", b"bin/f", False),
        (ITEM + b"/bin/f", b"f", False),
        (ITEM + b"/bin/f", b"usr/f", False),
        (ITEM + b"/bin/f", b"usr/bin/g", False),
        (ITEM + b"/bin/f", OTHER + b"/bin/f", False),
        (ITEM + b"2", b"usr/f", False),
        (b"usr", b"usr/f", False),
    ],
)
def test_only_a_file_of_an_item_has_another_name(name: bytes, target: bytes, is_right: bool) -> None:
    member = (long_name(target, b"K") if len(target) > 100 else b"") + hard_link(name, target)
    link = f"/{name.decode()} is a hard link to {target.decode()}"
    fault = f"layer 3: {link}, which is not the other name of a store item's file"
    assert checked(*STORE, member, ours=True)[0] == ([] if is_right else [fault])
    assert checked(*STORE, member, ours=False) == ([], [])
