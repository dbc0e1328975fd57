"""JSON read with its places."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.spec.json_text import MOST_DEPTH, pointer, read_json

SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text() | st.floats(-1e9, 1e9)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)


def messages(text: str) -> list[str]:
    return [str(issue) for issue in read_json(text).issues]


@given(VALUES, st.sampled_from([None, 1, 4]), st.booleans())
def test_what_the_standard_library_writes_is_read_as_it_reads_it(
    value: object, indent: int | None, plain: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=plain)
    read = read_json(text)
    assert read.value == json.loads(text)
    assert read.complete
    assert not read.issues


@given(VALUES)
def test_the_line_of_every_place_is_where_its_text_begins(value: object) -> None:
    text = json.dumps(value, indent=1)
    lines = text.split("\n")
    read = read_json(text)

    def check(here: object, where: str) -> None:
        line = lines[read.lines[where] - 1]
        if isinstance(here, dict):
            for key, below in here.items():
                assert json.dumps(key) in lines[read.lines[where + pointer(key)] - 1]
                check(below, where + pointer(key))
        elif isinstance(here, list):
            for index, below in enumerate(here):
                check(below, where + pointer(index))
        else:
            assert json.dumps(here) in line

    check(value, "")


@given(st.text(alphabet="{}[]\",:/*#\\ \nabtrue01.-+eN'\ufeff\ud800", max_size=40))
def test_any_text_is_either_what_the_standard_library_reads_or_has_a_fault(text: str) -> None:
    read = read_json(text)
    try:
        expected = json.loads(text)
    except ValueError:
        assert read.issues
    else:
        assert read.issues or read.value == expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1: the text is empty"),
        ("\ufeff{}", "line 1: begins with a byte order mark; save it as UTF-8 without one"),
        ('{"a": 1,\n "b": 2,\n "a": 3}', "line 3: /a: is given twice, first on line 1"),
        ('{"a": 1,}', "line 1: there is a comma after the last member"),
        ("[1, 2,]", "line 1: there is a comma after the last element"),
        ('{"a": 1\n "b": 2}', "line 2: a comma is missing before the next member"),
        ('{"a" 1}', "line 1: /a: a ':' is missing after the key"),
        ("[1] 2", "line 1: expected the end: there is text after the value"),
        ("{} // why", "line 1: JSON has no comments; a file called .jsonc may have them"),
        ("{'a': 1}", 'line 1: expected a key in double quotes, found "\'"'),
        ("['a']", 'line 1: /0: strings are written between double quotes (")'),
        (
            "[NaN]",
            "line 1: /0: NaN is neither a number nor true, false or null; strings are written in quotes",
        ),
        ("[1e999]", "line 1: /0: 1e999 is too large a number"),
        ("[True]", "line 1: /0: True is not JSON (did you mean 'true'?)"),
        (
            "[0644]",
            "line 1: /0: 0644: numbers have no leading zeros; modes are strings (did you mean '\"0644\"'?)",
        ),
        ('["a\tb"]', "line 1: /0: a string holds the character '\\t'; write it as \\u0009"),
        ('["a\n"]', "line 1: /0: a string has no end on its line; a line break inside is written \\n"),
        ('["\\ud800"]', "line 1: /0: half a surrogate pair is not a character"),
        ('{"a": [1}', "line 1: /a: expected ',' or ']', found '}'"),
        ('{"a": {', "line 1: /a: the object is not closed: '}' is missing"),
        ("1" * 50, "line 1: a number of 50 digits is too long"),
    ],
)
def test_a_fault_says_what_to_write_instead(text: str, fault: str) -> None:
    assert fault in messages(text)


def test_faults_that_leave_the_meaning_plain_do_not_hide_later_ones() -> None:
    assert len(messages('{"a": [1 2,], // x\n "b": TRUE\n "c": 01,\n "a": 1,}')) == 8


def test_nesting_has_a_limit_and_no_recursion_error() -> None:
    assert not messages("[" * MOST_DEPTH + "]" * MOST_DEPTH)
    assert "nested more than" in messages("[" * 100_000)[0]


def test_a_number_without_a_fraction_is_whole_however_it_is_written() -> None:
    value = read_json("[5.0, 5e0, 5.5]").value
    assert isinstance(value, list)
    assert [type(number) for number in value] == [int, int, float]


def test_pointers_escape_what_pointers_are_made_of() -> None:
    assert pointer("files", "/etc/a~b", 0) == "/files/~1etc~1a~0b/0"
