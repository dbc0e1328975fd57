"""A tree: parents exist, nothing stands twice, and a conflict names both origins."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.rootfs import Entry, Tree, TreeError
from sysimage.rootfs.tree import is_normalised

PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(st.sets(PATHS, max_size=12))
def test_every_parent_is_there_and_comes_first(paths: set[str]) -> None:
    tree = Tree(Entry.directory(path) for path in paths)
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
    assert [(e.path, oct(e.mode)) for e in Tree(entries)] == [
        ("/", "0o755"),
        ("/bin", "0o777"),
        ("/etc", "0o700"),
        ("/etc/passwd", "0o644"),
    ]


def test_a_conflict_names_both_origins() -> None:
    with pytest.raises(TreeError) as raised:
        Tree([Entry.file("/a", b"1", owner="/files/~1a"), Entry.file("/a", b"2", owner="sysimage")])
    assert "/files/~1a" in str(raised.value)
    assert "sysimage" in str(raised.value)


def test_nothing_lies_below_a_file() -> None:
    with pytest.raises(TreeError, match="not a directory"):
        Tree([Entry.file("/a", b""), Entry.file("/a/b", b"")])


def test_a_name_that_a_layer_reads_as_a_whiteout_is_refused() -> None:
    with pytest.raises(TreeError, match="whiteout"):
        Tree([Entry.file("/etc/.wh.passwd", b"")])
    with pytest.raises(TreeError, match="whiteout"):
        Tree([Entry.file("/etc/.wh.d/passwd", b"")])


def test_the_same_directory_may_be_declared_twice() -> None:
    assert len(Tree([Entry.directory("/srv"), Entry.directory("/srv")])) == 2


@pytest.mark.parametrize("path", ["", "etc", "/etc/", "/a/../b", "//a", "/a/./b"])
def test_a_path_that_is_not_normalised_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="normalised"):
        Entry.directory(path)
