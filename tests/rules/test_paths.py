"""Paths of an image as texts and as components."""

from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from sysimage.rules import limits
from sysimage.rules.paths import as_parts, as_path, directories_above, link_fault, path_fault

NAMES = st.binary(min_size=1, max_size=5).filter(lambda name: b"/" not in name and b"\0" not in name)
PATHS = st.lists(NAMES.filter(lambda name: name not in (b".", b"..")), max_size=5).map(as_path)


@given(PATHS)
def test_the_directories_above_a_path_are_its_parents_to_the_root(path: str) -> None:
    assert directories_above(path) == [str(parent) for parent in PurePosixPath(path).parents]


@given(st.lists(NAMES, max_size=5).map(tuple))
def test_components_become_a_path_and_come_back(parts: tuple[bytes, ...]) -> None:
    assert as_parts(as_path(parts)) == parts


def test_the_longest_and_deepest_paths_are_taken_and_those_beyond_refused() -> None:
    assert path_fault(()) is None
    longest = b"n" * limits.COMPONENT_LENGTH
    assert path_fault((longest,)) is None
    assert path_fault((longest + b"n",)) == f"has a component of 256 bytes; a file system takes at most {len(longest)}"
    deepest = (b"d",) * limits.DEPTH
    assert path_fault(deepest) is None
    assert path_fault((*deepest, b"d")) == f"has {limits.DEPTH + 1} components; at most {limits.DEPTH} are read"
    names, rest = divmod(limits.PATH_LENGTH, limits.COMPONENT_LENGTH + 1)
    whole = [longest] * names
    assert path_fault((*whole, b"n" * (rest - 1))) is None
    assert path_fault((*whole, b"n" * rest)) == (
        f"has {limits.PATH_LENGTH + 1} bytes; a path has at most {limits.PATH_LENGTH}"
    )


def test_the_longest_link_is_taken_and_one_beyond_or_to_nothing_is_refused() -> None:
    longest = b"x" * limits.PATH_LENGTH
    assert link_fault(longest) is None
    assert link_fault(longest + b"x") == (
        f"is a link of {limits.PATH_LENGTH + 1} bytes; a path has at most {limits.PATH_LENGTH}"
    )
    assert link_fault(b"") == link_fault(b"a\0b") == "is a link to nothing"
