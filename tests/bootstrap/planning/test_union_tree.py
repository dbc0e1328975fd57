"""What the packages would be as one file system, and which of them a path is taken from."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sysimage_bootstrap.debs.inventory import Inventory
from sysimage_bootstrap.planning.union_tree import PackagePath, UnionTree, in_usr

PACKAGES = ("a", "b", "c")
PATHS = (
    "bin/sh",
    "lib/x/libc.so.6",
    "lib/x/plugins/one.so",
    "share/doc/so",
    "share/doc/sub/deep",
    "lib/libz.so",
    "share/one.so",
    "lib/x/so",
)
DIRECTORIES = ("bin", "lib", "lib/x", "lib/x/plugins", "share", "share/doc", "share/doc/sub", "nothing", "bin/sh", "")
CONTENTS = st.dictionaries(st.sampled_from(PACKAGES), st.sets(st.sampled_from(PATHS)))


def inventory(package: str, files: tuple[str, ...], links: Mapping[str, str] | None = None) -> Inventory:
    return Inventory(package, "1", "amd64", "", files, links or {}, frozenset(), {}, {}, {}, {}, {}, (), ())


def tree_of(contents: Mapping[str, set[str]]) -> UnionTree:
    """Half of the paths are links: both are there."""
    return UnionTree(
        {
            package: inventory(
                package,
                tuple(path for path in sorted(paths) if len(path) % 2),
                {path: "/nowhere" for path in sorted(paths) if not len(path) % 2},
            )
            for package, paths in contents.items()
        }
    )


@example({"b": {"bin/sh"}, "a": {"bin/sh"}}, "bin/sh", "c")
@given(CONTENTS, st.sampled_from(PATHS), st.sampled_from(PACKAGES))
def test_a_path_is_the_asking_packages_own_or_else_the_first_ones_by_name(
    contents: dict[str, set[str]], path: str, asking: str
) -> None:
    tree = tree_of(contents)
    holders = sorted(package for package, paths in contents.items() if path in paths)
    assert tree.has(path) == bool(holders)
    expected = None if not holders else PackagePath(asking if asking in holders else holders[0], path)
    assert tree.find(path, asking) == expected
    directory, _, name = path.rpartition("/")
    assert tree.find_in(["nothing", directory, "lib"], name, asking) == expected or path == "lib/libz.so"


@given(CONTENTS, st.sampled_from(DIRECTORIES), st.sampled_from(PACKAGES), st.sets(st.sampled_from(PACKAGES)))
def test_a_directory_is_the_asking_packages_own_or_that_of_the_only_one_among_some(
    contents: dict[str, set[str]], directory: str, asking: str, among: set[str]
) -> None:
    """Of two that hold it, neither is taken: plugins would be looked for in one package alone."""
    tree = tree_of(contents)
    holders = {
        package
        for package, paths in contents.items()
        if directory and any(path.startswith(directory + "/") for path in paths)
    }
    assert tree.has_directory(directory) == bool(holders)
    found = tree.find_directory(directory, asking, among)
    if asking in holders:
        assert found == PackagePath(asking, directory)
    elif len(holders & among) == 1:
        assert found == PackagePath((holders & among).pop(), directory)
    else:
        assert found is None


@given(CONTENTS)
def test_a_library_is_known_by_its_name_wherever_it_is_below_lib(contents: dict[str, set[str]]) -> None:
    tree = tree_of(contents)
    for name in ("libc.so.6", "one.so", "libz.so", "so", "sh"):
        expected = sorted(
            PackagePath(package, path)
            for package, paths in contents.items()
            for path in paths
            if path.startswith("lib") and path.endswith("/" + name) and ".so" in name
        )
        assert tree.named(name) == expected


def test_places_of_a_library_are_sorted_whether_they_are_files_or_links() -> None:
    tree = UnionTree(
        {
            "b": inventory("b", ("lib/b/x.so", "lib/d/x.so"), {"lib/a/x.so": "y", "lib/c/x.so": "y"}),
            "a": inventory("a", ("lib/z/x.so",)),
        }
    )
    assert tree.named("x.so") == [
        PackagePath("a", "lib/z/x.so"),
        *(PackagePath("b", f"lib/{letter}/x.so") for letter in "abcd"),
    ]


def test_links_are_followed_from_package_to_package_to_a_file_or_as_far_as_they_are_known() -> None:
    links = {"lib/one": "/usr/lib/two", "lib/lost": "/usr/lib/none", "lib/etc": "/etc/file", "lib/a": "b", "lib/b": "a"}
    tree = UnionTree({"x": inventory("x", (), links), "y": inventory("y", ("lib/end",), {"lib/two": "../lib/end"})})
    assert tree.final(PackagePath("x", "lib/one")) == PackagePath("y", "lib/end")
    for last in ("lib/lost", "lib/etc"):
        assert tree.final(PackagePath("x", last)) == PackagePath("x", last)
    assert tree.final(PackagePath("x", "lib/a")).path in ("lib/a", "lib/b"), "a circle has an end"


@pytest.mark.parametrize(("count", "last"), [(40, "lib/end"), (41, "lib/40")])
def test_as_many_links_are_followed_as_the_kernel_follows(count: int, last: str) -> None:
    links = {f"lib/{number}": str(number + 1) for number in range(count - 1)} | {f"lib/{count - 1}": "end"}
    tree = UnionTree({"x": inventory("x", ("lib/end",), links)})
    assert tree.final(PackagePath("x", "lib/0")) == PackagePath("x", last)


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("/usr/lib/x", "lib/x"),
        ("/lib/x", "lib/x"),
        ("/usr", None),
        ("/", None),
        ("/etc/usr/x", None),
        ("/var", None),
        ("/usr/etc/x", "etc/x"),
    ],
)
def test_what_is_the_running_systems_is_not_below_usr(path: str, below: str | None) -> None:
    assert in_usr(path) == below
