"""NAR hashes from tar entries, against the NAR code of the store, with which they share nothing."""

import os
import tempfile
from pathlib import Path
from typing import Any

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


@given(trees)
def test_the_hash_and_size_are_those_of_the_store(tree: Any) -> None:
    stream = NarStream()
    feed(stream, (), tree)
    with tempfile.TemporaryDirectory() as directory:
        write(os.fsencode(directory) + b"/item", tree)
        assert stream.in_order
        assert stream.finish() == nar_hash_and_size(Path(directory, "item"))


def test_entries_in_another_order_are_noticed() -> None:
    stream = NarStream()
    stream.directory(())
    stream.symlink((b"b",), b"x")
    assert stream.in_order
    stream.symlink((b"a",), b"x")
    assert not stream.in_order


def test_an_entry_whose_directory_did_not_come_is_noticed() -> None:
    stream = NarStream()
    stream.directory(())
    stream.symlink((b"d", b"a"), b"x")
    assert not stream.in_order


def test_a_directory_that_comes_again_after_its_sibling_is_noticed() -> None:
    stream = NarStream()
    for parts in ((), (b"a",), (b"b",), (b"a", b"x")):
        stream.directory(parts)
    assert not stream.in_order


def test_anything_before_the_item_itself_is_noticed() -> None:
    stream = NarStream()
    stream.symlink((b"a",), b"x")
    assert not stream.in_order
