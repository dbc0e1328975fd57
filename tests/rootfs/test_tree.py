"""A tree: parents exist, no path has two entries, and a conflict names both origins."""

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.digest import Digest
from sysimage.rootfs import Entry, Kind, RootTree, TreeError
from sysimage.rootfs.tree import is_normalised

PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(st.sets(PATHS, max_size=12))
def test_every_parent_is_there_and_comes_first(paths: set[str]) -> None:
    tree = RootTree(Entry.directory(path) for path in paths)
    seen: set[str] = set()
    for entry in tree:
        assert entry.path == "/" or entry.path.rpartition("/")[0] in {*seen, ""}
        seen.add(entry.path)
    assert paths <= seen


@given(st.lists(st.sampled_from(["", "a", "b", ".", "..", "...", ".a", "\0"]), max_size=5).map("/".join))
def test_an_image_path_is_one_that_pathlib_leaves_as_it_is(path: str) -> None:
    plain = path == str(PurePosixPath(path)) and path.startswith("/") and not path.startswith("//")
    assert is_normalised(path) == (plain and ".." not in path.split("/") and "\0" not in path)


@given(st.permutations([Entry.file("/etc/passwd", b"x"), Entry.directory("/etc", 0o700), Entry.symlink("/bin", "usr")]))
def test_the_order_of_declarations_does_not_matter(entries: list[Entry]) -> None:
    assert [(e.path, oct(e.mode)) for e in RootTree(entries)] == [
        ("/", "0o755"),
        ("/bin", "0o777"),
        ("/etc", "0o700"),
        ("/etc/passwd", "0o644"),
    ]


def test_every_conflict_is_named_with_both_origins_in_one_error() -> None:
    with pytest.raises(TreeError) as raised:
        RootTree(
            [
                Entry.file("/link/x", b"", owner="four"),
                Entry.file("/b", b"1", owner="/files/~1b"),
                Entry.file("/b", b"1"),
                Entry.file("/b/c/d", b"", owner="below"),
                Entry.directory("/e", 0o700, owner="one"),
                Entry.directory("/e", 0o750, owner="two"),
                Entry.file("/etc/.wh.d/passwd", b"", owner="mine"),
                Entry.file("/etc/.wh.passwd", b""),
                Entry.symlink("/link", "a"),
                Entry.directory("/link", owner="three"),
            ]
        )
    assert str(raised.value).splitlines() == [
        "cannot put the entries into one tree: they contradict each other",
        "  /b: declared by /files/~1b and, differently, by sysimage",
        "  /e: declared by one and, differently, by two",
        "  /etc/.wh.d/passwd: a layer would read this name as a whiteout (from mine)",
        "  /etc/.wh.passwd: a layer would read this name as a whiteout (from sysimage)",
        "  /link: declared by sysimage and, differently, by three",
        "  /b/c/d: is below /b, which is not a directory (below and /files/~1b)",
        "  /link/x: is below /link, which is not a directory (four and sysimage)",
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Entry.directory("/a", 0o700), Entry.directory("/a", 0o755)),
        (Entry.directory("/a", uid=1), Entry.directory("/a")),
        (Entry.directory("/a", gid=1), Entry.directory("/a")),
        (Entry.file("/a", b""), Entry.directory("/a", 0o644)),
        (Entry.directory("/a", 0o644), Entry.file("/a", b"")),
        (Entry.file("/a", b"x"), Entry.file("/a", b"x")),
    ],
)
def test_only_a_directory_may_be_declared_twice_and_the_same(one: Entry, other: Entry) -> None:
    with pytest.raises(TreeError, match="/a: declared by sysimage and, differently, by sysimage"):
        RootTree([one, other])
    assert [entry.owner for entry in RootTree([Entry.directory("/a", owner="x"), Entry.directory("/a")])][1:] == ["x"]


def test_what_is_added_is_roots_and_open_to_all() -> None:
    assert list(RootTree([Entry.file("/a/b/c", b"", 0o600, 5, 6, "x")])) == [
        Entry.directory("/", 0o755, 0, 0, "sysimage"),
        Entry.directory("/a", 0o755, 0, 0, "sysimage"),
        Entry.directory("/a/b", 0o755, 0, 0, "sysimage"),
        Entry.file("/a/b/c", b"", 0o600, 5, 6, "x"),
    ]
    assert list(RootTree()) == [Entry.directory("/")]


def test_what_a_directory_holds_comes_before_names_that_begin_like_it() -> None:
    paths = ["/a", "/a/z", "/a-b", "/a-b/c", "/a.d", "/b"]
    tree = RootTree(Entry.directory(path) for path in reversed(paths))
    assert [entry.path for entry in tree] == ["/", *paths]
    assert "/a-b" in tree
    assert "/a/b" not in tree
    assert len(tree) == 7
    assert tree.get("/c") is None
    assert tree.get("/b") is tree["/b"]
    assert tree == RootTree(map(Entry.directory, paths))
    assert tree != RootTree(map(Entry.directory, paths[:-1]))
    assert tree != list(tree)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ((Kind.FILE, 0o10000, {"content": b""}), "mode of /x is 10000"),
        ((Kind.FILE, -1, {"content": b""}), "mode of /x is -1"),
        ((Kind.DIRECTORY, 0o755, {"capabilities": b"x"}), "only a file has capabilities"),
        ((Kind.SYMLINK, 0o777, {"target": "y", "capabilities": b"x"}), "only a file has capabilities"),
        ((Kind.FILE, 0o755, {"content": b"", "attributes": ((b"a", b"b"),)}), "only a directory has attributes"),
        ((Kind.FILE, 0o644, {}), "only a file has content"),
        ((Kind.DIRECTORY, 0o755, {"content": b""}), "only a file has content"),
        ((Kind.SYMLINK, 0o777, {"target": "y", "content": b""}), "only a file has content"),
        ((Kind.SYMLINK, 0o777, {}), "only a symlink has a target"),
        ((Kind.FILE, 0o644, {"content": b"", "target": "y"}), "only a symlink has a target"),
        ((Kind.DIRECTORY, 0o755, {"target": "y"}), "only a symlink has a target"),
        ((Kind.SYMLINK, 0o777, {"target": ""}), "not what a symlink can say, at /x: ''"),
        ((Kind.SYMLINK, 0o777, {"target": "a\0"}), "not what a symlink can say, at /x:"),
    ],
)
def test_no_entry_has_what_its_kind_cannot_have(fields: tuple[Kind, int, dict[str, Any]], fault: str) -> None:
    kind, mode, others = fields
    with pytest.raises(ValueError, match=fault):
        Entry("/x", kind, mode, **others)


def test_an_entry_has_every_mode_and_what_its_kind_can_have() -> None:
    assert Entry.file("/x", b"", 0o7777).mode == 0o7777
    assert Entry.directory("/x", 0).mode == 0
    assert Entry("/x", Kind.FILE, 0o755, content=b"", capabilities=b"x").capabilities == b"x"
    assert Entry("/x", Kind.DIRECTORY, 0o755, attributes=((b"a", b"b"),)).attributes == ((b"a", b"b"),)
    for entry in (Entry.file("/x", b""), Entry.directory("/x"), Entry.symlink("/x", "y")):
        assert (entry.uid, entry.gid, entry.owner) == (0, 0, "sysimage")
        assert (entry.item, entry.capabilities, entry.attributes, entry.known_digest) == (None, b"", (), None)
    plain = Entry("/x", Kind.FILE, 0o644, content=b"")
    assert plain == Entry.file("/x", b"")


def test_the_content_of_a_file_is_the_same_in_memory_and_on_this_machine(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"twelve bytes")
    known = Digest("0" * 64)
    for content in (b"twelve bytes", tmp_path / "file"):
        entry = Entry.file("/x", content)
        assert (entry.size(), entry.read(), entry.digest()) == (12, b"twelve bytes", Digest.of(b"twelve bytes"))
        told = replace(entry, known_digest=known)
        assert told.digest() == known
        assert told == entry, "what is known of a file is not part of it"
    assert Entry.file("/x", b"").size() == 0
    for other in (Entry.directory("/x"), Entry.symlink("/x", "y")):
        assert other.size() == 0
        with pytest.raises(ValueError, match="/x is not a file"):
            other.read()
        with pytest.raises(ValueError, match="/x is not a file"):
            other.digest()


@pytest.mark.parametrize("path", ["", "etc", "/etc/", "/a/../b", "//a", "/a/./b"])
def test_a_path_that_is_not_normalised_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="normalised"):
        Entry.directory(path)
