"""Layers on top of each other, as an engine would show them."""

from collections.abc import Sequence

import pytest

from sysimage.verify.chunk_stream import ChunkStream
from sysimage.verify.issue_collector import IssueCollector
from sysimage.verify.limits import DEFAULT_LIMITS
from sysimage.verify.tar import read_members
from sysimage.verify.tree import FileTree
from tests.support.raw_tar import archive, directory, file, hard_link, symlink

ITEM = b"gnu/store/" + b"a" * 32 + b"-item"


def layers(*contents: Sequence[bytes], ours: Sequence[int] = ()) -> tuple[list[str], list[str]]:
    """The flattened tree's paths, and the faults."""
    faults = IssueCollector(20)
    tree = FileTree(faults)
    for number, members in enumerate(contents, 1):
        stream = ChunkStream(iter([archive(*members)]))
        tree.apply(number, list(read_members(stream, DEFAULT_LIMITS)), ours=number in ours)
    paths = ["/" + b"/".join(parts).decode() for parts, _ in tree.walk() if parts]
    return paths, [str(issue) for issue in faults.issues]


def test_a_whiteout_hides_what_is_below_it_and_nothing_of_its_own_layer() -> None:
    paths, faults = layers(
        [directory(b"d"), file(b"d/old"), file(b"e")],
        [directory(b"d"), file(b"d/.wh.old"), file(b"d/new"), file(b".wh.e"), file(b".wh.nothing")],
    )
    assert (paths, faults) == (["/d", "/d/new"], [])


def test_an_opaque_directory_hides_everything_below_it() -> None:
    paths, faults = layers(
        [directory(b"d"), directory(b"d/s"), file(b"d/s/old")],
        [directory(b"d"), file(b"d/new"), file(b"d/.wh..wh..opq")],
    )
    assert (paths, faults) == (["/d", "/d/new"], [])


@pytest.mark.parametrize("name", [b".wh.", b".wh..", b".wh...", b".wh..wh.other", b"d/.wh.."])
def test_a_malformed_whiteout_is_a_fault_and_hides_nothing(name: bytes) -> None:
    paths, faults = layers([directory(b"d"), file(b"d/f")], [directory(b"d"), file(name)])
    assert paths == ["/d", "/d/f"]
    assert faults == [f"layer 2: /{name.decode()} is a malformed whiteout"]


def test_a_whiteout_below_a_symlink_hides_nothing_elsewhere() -> None:
    paths, _ = layers([directory(b"etc"), file(b"etc/passwd"), symlink(b"d", b"etc")], [file(b"d/.wh.passwd")])
    assert "/etc/passwd" in paths


def test_something_below_a_symlink_is_a_fault_and_goes_nowhere() -> None:
    paths, faults = layers([directory(b"etc"), symlink(b"d", b"etc")], [file(b"d/f")])
    assert paths == ["/d", "/etc"]
    assert faults == ["layer 2: /d/f is below /d, a symlink"]


def test_a_directory_keeps_its_content_and_a_file_in_its_place_does_not() -> None:
    first = [directory(b"d"), file(b"d/f")]
    assert layers(first, [directory(b"d", 0o700)])[0] == ["/d", "/d/f"]
    assert layers(first, [file(b"d")])[0] == ["/d"]


def test_layers_of_sysimage_must_agree_about_their_directories() -> None:
    members = [[directory(b"d", 0o755)], [directory(b"d", 0o700)]]
    assert layers(*members)[1] == []
    assert layers(*members, ours=(1, 2))[1] == ["layer 2: /d is 0700 0:0, in layer 1 it is 0755 0:0"]


def test_no_layer_of_sysimage_may_replace_a_file_of_a_store_item() -> None:
    members = [directory(b"gnu"), directory(b"gnu/store"), directory(ITEM), file(ITEM + b"/f")]
    assert layers(members, members)[1] == []
    assert layers(members, members, ours=(2,))[1] == [
        f"layer 2: /{ITEM.decode()}/f, in a store item, replaces the file of layer 1",
    ]


def test_a_hard_link_is_the_file_that_came_before_it() -> None:
    faults = IssueCollector(20)
    tree = FileTree(faults)
    stream = ChunkStream(iter([archive(file(b"a", b"12", mode=0o600), hard_link(b"b", b"./a"))]))
    tree.apply(1, list(read_members(stream, DEFAULT_LIMITS)), ours=False)
    node = tree.find((b"b",))
    assert node is not None
    assert (node.mode, node.size, node.content_at, len(faults)) == (0o600, 2, (b"a",), 0)


@pytest.mark.parametrize("target", [b"later", b"missing", b"../../etc/shadow", b"/etc/shadow", b"d", b"lower"])
def test_a_hard_link_to_anything_else_is_a_fault(target: bytes) -> None:
    paths, faults = layers(
        [file(b"lower")],
        [directory(b"d"), symlink(b"l", b"x"), hard_link(b"h", target), file(b"later")],
    )
    assert "/h" not in paths
    assert faults == [f"layer 2: /h is a hard link to {target.decode()}, no earlier file here"]


def test_a_hard_link_to_a_symlink_is_that_symlink() -> None:
    """As buildah writes them, and as an optimised Nix store has them."""
    assert resolved(b"h", file(b"f"), symlink(b"l", b"f"), hard_link(b"h", b"l")) == b"/f"


def resolved(path: bytes, *members: bytes) -> bytes | None:
    tree = FileTree(IssueCollector(20))
    tree.apply(1, list(read_members(ChunkStream(iter([archive(*members)])), DEFAULT_LIMITS)), ours=False)
    found = tree.resolve(path)
    return None if found is None else b"/" + b"/".join(found[0])


def test_links_are_followed_inside_the_image_only() -> None:
    members = (
        directory(b"a"),
        file(b"a/f"),
        symlink(b"a/up", b"../../../../b"),
        directory(b"b"),
        file(b"b/g"),
        symlink(b"abs", b"/a/./up//g"),
    )
    assert resolved(b"/a/up/g", *members) == b"/b/g"
    assert resolved(b"abs", *members) == b"/b/g"
    assert resolved(b"/../../a/f", *members) == b"/a/f"
    assert resolved(b"/a/missing", *members) is None


def test_only_a_directory_has_something_below_it_or_beside_it() -> None:
    members = (directory(b"d"), file(b"f"), symlink(b"l", b"f"), symlink(b"up", b"d/.."))
    assert resolved(b"/d/../f", *members) == resolved(b"/up/f", *members) == b"/f"
    assert [resolved(path, *members) for path in (b"/f/../d", b"/f/.", b"/f/", b"/l/..", b"/l/")] == [None] * 5


def test_links_in_a_circle_lead_nowhere() -> None:
    assert resolved(b"/a", symlink(b"a", b"b"), symlink(b"b", b"a")) is None
    chain = [symlink(b"c%d" % number, b"c%d" % (number + 1)) for number in range(41)]
    assert resolved(b"/c0", *chain, file(b"c41")) is None
    assert resolved(b"/c1", *chain, file(b"c41")) == b"/c41"
