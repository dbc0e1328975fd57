"""Layers on top of each other, as an engine would show them."""

from collections.abc import Sequence

import pytest

from sysimage.rules.files import FileKind
from sysimage.verify.chunk_stream import ChunkStream
from sysimage.verify.issue_collector import IssueCollector
from sysimage.verify.limits import DEFAULT_LIMITS
from sysimage.verify.tar import read_members
from sysimage.verify.tree import FileTree, item_of
from tests.support.raw_tar import archive, directory, file, hard_link, header, symlink

ITEM = b"gnu/store/" + b"a" * 32 + b"-item"


def flattened(*contents: Sequence[bytes], ours: Sequence[int] = ()) -> tuple[FileTree, list[str]]:
    """The tree, and the faults."""
    faults = IssueCollector(20)
    tree = FileTree(faults)
    for number, members in enumerate(contents, 1):
        stream = ChunkStream(iter([archive(*members)]))
        tree.apply(number, list(read_members(stream, DEFAULT_LIMITS)), ours=number in ours)
    return tree, [str(issue) for issue in faults.issues]


def layers(*contents: Sequence[bytes], ours: Sequence[int] = ()) -> tuple[list[str], list[str]]:
    """The flattened tree's paths, and the faults."""
    tree, faults = flattened(*contents, ours=ours)
    return ["/" + b"/".join(parts).decode() for parts, _ in tree.walk() if parts], faults


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


@pytest.mark.parametrize(
    ("name", "below", "above", "fault"),
    [
        (b"d", {"mode": 0o755}, {"mode": 0o700}, "/d is 0700 0:0, in layer 1 it is 0755 0:0"),
        (b"d", {"uid": 1}, {"gid": 2}, "/d is 0755 0:2, in layer 1 it is 0755 1:0"),
        (b"d", {"uid": 1}, {"uid": 1}, None),
        (b"usr", {}, {"mode": 0o700, "uid": 3}, None),
        (b"usr", {"mode": 0o700}, {}, "/usr is 0755 0:0, in layer 1 it is 0700 0:0"),
        (b"usr", {"uid": 1}, {}, "/usr is 0755 0:0, in layer 1 it is 0755 1:0"),
        (b"usr", {"gid": 1}, {}, "/usr is 0755 0:0, in layer 1 it is 0755 0:1"),
    ],
)
def test_layers_of_sysimage_must_agree_about_their_directories(
    name: bytes, below: dict[str, int], above: dict[str, int], fault: str | None
) -> None:
    """Below /usr a system may want something special, once, of what every item has as plain directories."""
    members = [[directory(name, **below)], [directory(name, **above)]]
    for ours in ((), (1,), (2,)):
        assert layers(*members, ours=ours)[1] == []
    assert layers(*members, ours=(1, 2))[1] == ([] if fault is None else [f"layer 2: {fault}"])
    assert layers(*members, [directory(name, **above)], ours=(1, 2, 3))[1] == (
        [] if fault is None else [f"layer 2: {fault}"]
    )


def test_what_comes_twice_in_one_layer_replaces_nothing_of_another() -> None:
    again = [directory(b"d"), directory(b"d", 0o700), file(ITEM, b"1"), file(ITEM, b"22")]
    tree, faults = flattened(again, ours=(1,))
    assert faults == []
    assert (tree.find((b"d",)) or tree.root).mode == 0o700
    assert (tree.find(tuple(ITEM.split(b"/"))) or tree.root).size == 2


def test_what_no_layer_describes_is_a_directory_of_root_in_the_layer_that_needs_it() -> None:
    tree, faults = flattened([file(b"a")], [file(b"b/c/f", b"12", mode=0o600, uid=1, gid=2)])
    assert faults == []
    found = {b"/".join(parts): (n.mode, n.uid, n.gid, n.size, n.layer, n.content_at) for parts, n in tree.walk()}
    assert found == {
        b"": (0o755, 0, 0, 0, 0, ()),
        b"a": (0o644, 0, 0, 0, 1, (b"a",)),
        b"b": (0o755, 0, 0, 0, 2, ()),
        b"b/c": (0o755, 0, 0, 0, 2, ()),
        b"b/c/f": (0o600, 1, 2, 2, 2, (b"b", b"c", b"f")),
    }


def test_the_root_may_be_described() -> None:
    tree, faults = flattened([file(b"a"), directory(b"./", 0o700)], [directory(b"./", 0o711)], ours=(1, 2))
    assert (tree.root.mode, list(tree.names(())), faults) == (0o711, [b"a"], [])


@pytest.mark.parametrize("name", [b".wh..wh.plnk", b".wh..wh.orph", b".wh..wh.aufs"])
def test_what_aufs_kept_is_not_in_the_image_but_hard_links_may_lead_there(name: bytes) -> None:
    kept = [directory(name), file(name + b"/12.34", b"text"), file(name + b"/.wh.x")]
    tree, faults = flattened([*kept, hard_link(b"f", name + b"/12.34"), directory(b"d"), file(b"d/" + name)])
    assert faults == [f"layer 1: /d/{name.decode()} is a malformed whiteout"]
    assert [b"/".join(parts) for parts, _ in tree.walk()] == [b"", b"d", b"f"]
    node = tree.find((b"f",))
    assert node is not None
    assert (node.size, node.content_at) == (4, (name, b"12.34"))
    _, faults = flattened(kept, [hard_link(b"f", name + b"/12.34")])
    assert faults == [f"layer 2: /f is a hard link to {name.decode()}/12.34, no earlier file here"]


@pytest.mark.parametrize(
    ("path", "item"),
    [
        (b"gnu/store/" + b"a" * 32 + b"-x/bin", b"gnu/store/" + b"a" * 32 + b"-x"),
        (b"z" * 32 + b"-name+-._?=1", b"z" * 32 + b"-name+-._?=1"),
        (b"store/" + b"0" * 32 + b"-" + b"n" * 211, b"store/" + b"0" * 32 + b"-" + b"n" * 211),
        (b"store/" + b"0" * 32 + b"-" + b"n" * 212, None),
        (b"store/" + b"0" * 32 + b"-", None),
        (b"store/" + b"0" * 31 + b"-name", None),
        (b"store/" + b"e" * 32 + b"-name", None),
        (b"x" * 40, None),
        (b"a", None),
        (b"", None),
    ],
)
def test_an_item_is_found_by_its_name_wherever_a_store_is(path: bytes, item: bytes | None) -> None:
    parts = tuple(part for part in path.split(b"/") if part)
    assert item_of(parts) == (None if item is None else tuple(item.split(b"/")))


def test_a_path_is_seen_as_what_is_there() -> None:
    tree, _ = flattened([directory(b"d"), file(b"d/f", mode=0o755), symlink(b"l", b"d"), header(b"null", b"3")])
    seen = {path: tree.at(tuple(path.split(b"/"))) for path in (b"d", b"d/f", b"l", b"null", b"l/f", b"x", b"d/f/g")}
    assert {path: info and (info.kind, info.mode, info.link) for path, info in seen.items()} == {
        b"d": (FileKind.DIRECTORY, 0o755, b""),
        b"d/f": (FileKind.FILE, 0o755, b""),
        b"l": (FileKind.SYMLINK, 0o777, b"d"),
        b"null": (FileKind.SPECIAL, 0o644, b""),
        b"l/f": None,
        b"x": None,
        b"d/f/g": None,
    }
    assert [sorted(tree.names((name,))) for name in (b"d", b"l", b"x", b"null")] == [[b"f"], [], [], []]


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
