"""NAR hashes from tar entries, against the NAR code of the store, with which they share nothing."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.store.nar import nar_hash_and_size
from sysimage.verify.nar import NarStream

Node = bytes | tuple[str, Any] | dict[bytes, Any]
names = st.binary(min_size=1, max_size=12).filter(
    lambda name: not set(name) & set(b"/\0") and name not in (b".", b"..")
)
contents = st.tuples(st.just("file"), st.tuples(st.booleans(), st.binary(max_size=40)))
links = st.tuples(st.just("link"), st.binary(min_size=1, max_size=30).filter(lambda target: b"\0" not in target))
trees: st.SearchStrategy[Any] = st.recursive(
    contents | links, lambda children: st.dictionaries(names, children, max_size=4), max_leaves=12
)


def write(place: bytes, node: Any) -> None:
    match node:
        case ("link", target):
            os.symlink(target, place)  # noqa: PTH211  # a target of bytes
        case ("file", (executable, data)):
            Path(os.fsdecode(place)).write_bytes(data)
            Path(os.fsdecode(place)).chmod(0o755 if executable else 0o644)
        case _:
            Path(os.fsdecode(place)).mkdir()
            for name, child in node.items():
                write(place + b"/" + name, child)


def feed(stream: NarStream, parts: tuple[bytes, ...], node: Any) -> None:
    match node:
        case ("link", target):
            stream.symlink(parts, target)
        case ("file", (executable, data)):
            stream.begin_file(parts, executable, len(data))
            stream.content(data[:7])
            stream.content(data[7:])
            stream.end_file(parts, len(data))
        case _:
            stream.directory(parts)
            for name in sorted(node):
                feed(stream, (*parts, name), node[name])


@pytest.mark.slow
@given(trees)
def test_the_hash_and_size_are_those_of_the_store(tree: Any) -> None:
    stream = NarStream()
    feed(stream, (), tree)
    with tempfile.TemporaryDirectory() as directory:
        write(os.fsencode(directory) + b"/item", tree)
        assert stream.in_order
        assert stream.finish() == nar_hash_and_size(Path(directory, "item"))


ORDERS = {
    "names go up": (["", "a", "a/x", "a/y", "b", "c", "c/a"], True),
    "names go down": (["", "b", "a"], False),
    "a name twice": (["", "a", "a"], False),
    "a name twice below": (["", "a", "a/x", "a/x"], False),
    "a directory whose own did not come": (["", "d/a"], False),
    "two of them": (["", "d", "d/e/f"], False),
    "below a sibling of its directory": (["", "a", "b", "a/x"], False),
    "the item after what is in it": (["a", ""], False),
    "the item twice": (["", ""], False),
    "the item again in the end": (["", "a", ""], False),
}


@pytest.mark.parametrize(("paths", "in_order"), ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("last", ["directory", "symlink", "file"])
def test_members_in_another_order_than_a_nars_are_noticed(paths: list[str], last: str, *, in_order: bool) -> None:
    stream = NarStream()
    *before, at_last = [tuple(part.encode() for part in path.split("/") if part) for path in paths]
    for parts in before:
        stream.directory(parts)
    if last == "directory":
        stream.directory(at_last)
    elif last == "symlink":
        stream.symlink(at_last, b"x")
    else:
        stream.begin_file(at_last, executable=False, size=0)
        stream.end_file(at_last, 0)
    assert stream.in_order is in_order
    stream.directory((b"zzz",))
    assert stream.in_order is in_order, "what was out of order once is not in order again"
