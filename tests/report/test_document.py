"""The data of a page: everything that it shows, as JSON."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sysimage.cli.report import is_later
from sysimage.report import difference, files_document, report_document
from sysimage.report.document import MOST_FILES
from sysimage.report.facts import FileFact
from tests.report.made_facts import facts, item, many, path_of


def size_of(entry: list[Any]) -> int:
    if len(entry) == 3 or not isinstance(entry[1], list):
        return int(entry[1])
    return sum(map(size_of, entry[1]))


def test_places_stand_for_items() -> None:
    found = report_document(facts(item("b-1", "a-1"), item("a-1"), item("c-2", "b-1")))
    assert [one["name"] for one in found["items"]] == ["a", "b", "c"]
    assert [one["references"] for one in found["items"]] == [[], [0], [1]]
    assert [one["way"] for one in found["items"]] == [1, 2, None]
    assert found["items"][2]["path"] == path_of("c-2")
    assert found["difference"] is None


def test_every_value_is_json_and_the_same_each_time() -> None:
    made = many(50)
    found = report_document(made, difference(many(40, seed=1), made, is_later))
    assert json.loads(json.dumps(found)) == found
    assert found == report_document(many(50), difference(many(40, seed=1), many(50), is_later))


names = st.binary(min_size=1, max_size=4).filter(lambda name: b"/" not in name)


@given(st.lists(st.tuples(st.lists(names, min_size=1, max_size=4), st.integers(0, 10**9)), max_size=30))
def test_the_sizes_of_files_add_up_however_they_are_called(held: list[tuple[list[bytes], int]]) -> None:
    files = {tuple(parts): FileFact(tuple(parts), size, b"") for parts, size in held}
    apart = {parts: file for parts, file in files.items() if not any(parts[:n] in files for n in range(1, len(parts)))}
    made = facts(item("a", files=tuple(apart.values())))
    (tree,) = files_document(made)["items"]
    assert sum(map(size_of, tree)) == sum(file.size for file in apart.values())
    json.dumps(tree).encode()
    assert [size_of(entry) for entry in tree] == sorted(map(size_of, tree), reverse=True)


def test_beyond_many_files_small_ones_are_summed_up_by_directory() -> None:
    held = tuple(FileFact((b"d", b"%d" % at), at, b"") for at in range(MOST_FILES + 10))
    (tree,) = files_document(facts(item("a", files=held)))["items"]
    ((name, entries),) = tree
    assert name == "d"
    assert len(entries) == MOST_FILES + 1
    assert sum(map(size_of, entries)) == sum(file.size for file in held)
    (rest,) = [entry for entry in entries if len(entry) == 3]
    assert rest == [10, sum(range(10)), 0]


def test_directories_within_one_another_without_end_become_one_name() -> None:
    deep = FileFact((b"d",) * 2000, 7, b"")
    (tree,) = files_document(facts(item("a", files=(deep,))))["items"]
    assert sum(map(size_of, tree)) == 7
    assert json.dumps(tree).replace('["d", [', "").startswith('[["d/d/d')


def test_files_of_no_item_are_listed_by_layer() -> None:
    made = facts(item("a"), others={1: (FileFact((b"etc", b"passwd"), 7, b""),)})
    assert files_document(made)["layers"] == {"1": [["etc", [["passwd", 7]]]]}


def test_names_have_no_characters_that_a_reader_would_obey() -> None:
    made = facts(item("a", files=(FileFact((b"\xe2\x80\xae evil\x1b[0m",), 7, b""),)))
    assert files_document(made)["items"] == [[["\\u202e evil\\u001b[0m", 7]]]
