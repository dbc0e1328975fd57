"""JSON read with its places."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.errors import Issue
from sysimage.spec.json_text import MOST_CHARACTERS, JsonText, pointer, pointer_keys, read_json

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
    ("text", "comments", "value", "complete", "faults"),
    [
        ("", False, None, False, ["1:1: the text is empty"]),
        ("  \n ", False, None, False, ["2:2: the text is empty"]),
        ("\ufeff{}", False, {}, True, ["1:1: begins with a byte order mark; save it as UTF-8 without one"]),
        ('{"a": 1,\n "b": 2,\n  "a": 3}', False, {"a": 1, "b": 2}, True, ["3:3: /a: is given twice, first on line 1"]),
        ('{"a": 1, "a": {"b": 2}}', False, {"a": 1}, True, ["1:10: /a: is given twice, first on line 1"]),
        ('{"a": 1,\n }', False, {"a": 1}, True, ["1:8: there is a comma after the last member"]),
        ("[1,\n 2,]", False, [1, 2], True, ["2:3: there is a comma after the last element"]),
        ('{"a": 1\n "b": 2}', False, {"a": 1, "b": 2}, True, ["2:2: a comma is missing before the next member"]),
        ("[1 2]", False, [1, 2], True, ["1:4: a comma is missing before the next element"]),
        ("[1,,2]", False, None, False, ["1:4: /1: expected a value, found ','"]),
        (
            '{"a": 1; "b": 2}',
            False,
            None,
            False,
            ["1:8: a comma is missing before the next member", "1:8: expected a key in double quotes, found ';'"],
        ),
        ('{"a"\n 1}', False, {"a": 1}, True, ["2:2: /a: a ':' is missing after the key"]),
        ("[1] 2", False, [1], False, ["1:5: expected the end: there is text after the value"]),
        ("{} // why", False, {}, True, ["1:4: JSON has no comments; a file called .jsonc may have them"]),
        ("[1, # x\n2]", True, [1, 2], True, ["1:5: a comment begins with // here"]),
        ("[1, # x\n2]", False, [1, 2], True, ["1:5: JSON has no comments; a file called .jsonc may have them"]),
        ('{\n"a": 1, /* x\n*/ "b": [2,],}', True, {"a": 1, "b": [2]}, True, []),
        ("{'a': 1}", False, None, False, ['1:2: expected a key in double quotes, found "\'"']),
        ("[\n 'a']", False, None, False, ['2:2: /0: strings are written between double quotes (")']),
        (
            '{"a": NaN}',
            False,
            {"a": None},
            True,
            ["1:7: /a: NaN is neither a number nor true, false or null; strings are written in quotes"],
        ),
        ("[&]", False, None, False, ["1:2: /0: expected a value, found '&'"]),
        (
            "[1e999, -1e999, 1]",
            False,
            [None, None, 1],
            True,
            ["1:2: /0: 1e999 is too large a number", "1:9: /1: -1e999 is too large a number"],
        ),
        (
            "[TRUE, Null, 1]",
            False,
            [None, None, 1],
            True,
            ["1:2: /0: TRUE is not JSON (did you mean 'true'?)", "1:8: /1: Null is not JSON (did you mean 'null'?)"],
        ),
        (
            "[0644, -01, +1, 1]",
            False,
            [None, None, None, 1],
            True,
            [
                "1:2: /0: 0644: numbers have no leading zeros; modes are strings (did you mean '\"0644\"'?)",
                "1:8: /1: -01: numbers have no leading zeros; modes are strings (did you mean '\"-01\"'?)",
                "1:13: /2: +1 is neither a number nor true, false or null; strings are written in quotes",
            ],
        ),
        ('["a\tb"]', False, None, False, ["1:2: /0: a string holds the character '\\t'; write it as \\u0009"]),
        ('["a\\"\tb"]', False, None, False, ["1:2: /0: a string holds the character '\\t'; write it as \\u0009"]),
        (
            '["a\n"]',
            False,
            None,
            False,
            ["1:2: /0: a string has no end on its line; a line break inside is written \\n"],
        ),
        ('["\\ud800", 1]', False, ["", 1], True, ["1:2: /0: half a surrogate pair is not a character"]),
        (
            '["\\q", 2]',
            False,
            ["", 2],
            True,
            ['1:2: /0: a backslash precedes a letter that is not an escape; a backslash itself is "\\\\"'],
        ),
        (
            '{"\\q": 1, "b" 2}',
            False,
            {"": 1, "b": 2},
            True,
            [
                '1:2: a backslash precedes a letter that is not an escape; a backslash itself is "\\\\"',
                "1:15: /b: a ':' is missing after the key",
            ],
        ),
        ('{"a": [1}', False, None, False, ["1:9: /a: expected ',' or ']', found '}'"]),
        ('[{"a": 1]', False, None, False, ["1:9: /0: expected ',' or '}', found ']'"]),
        ('{"a": {', False, None, False, ["1:8: /a: the object is not closed: '}' is missing"]),
        ('{"a": [1, 2', False, None, False, ["1:12: /a: the array is not closed: ']' is missing"]),
        ('{"a":', False, None, False, ["1:6: /a: expected a value, found the end"]),
        ("1" * 40, False, int("1" * 40), True, []),
        ("1" * 41, False, None, True, ["1:1: a number of 41 digits is too long"]),
        ("-1.5e3", False, -1500, True, []),
    ],
)
def test_a_fault_has_its_place_and_leaves_of_the_value_what_is_plain(
    text: str, comments: bool, value: object, complete: bool, faults: list[str]
) -> None:
    read = read_json(text, comments=comments)
    assert [f"{issue.line}:{issue.column}: {replace(issue, line=None, column=None)}" for issue in read.issues] == faults
    assert (read.value, read.complete) == (value, complete)


def test_every_place_has_its_line_and_its_column() -> None:
    read = read_json('{"a": {"b": [1,\n {"c~/": 2}]},\n\n  "d" : [[3], "é", 4] }')
    assert {where: (line, read.columns[where]) for where, line in read.lines.items()} == {
        "": (1, 1),
        "/a": (1, 2),
        "/a/b": (1, 8),
        "/a/b/0": (1, 14),
        "/a/b/1": (2, 2),
        "/a/b/1/c~0~1": (2, 3),
        "/d": (4, 3),
        "/d/0": (4, 10),
        "/d/0/0": (4, 11),
        "/d/1": (4, 15),
        "/d/2": (4, 20),
    }
    assert read.placed(Issue("/d/1", "x"), "a.json") == Issue("/d/1", "x", 4, None, 15, "a.json")
    assert read.placed(Issue("/d/1/none/x", "x")) == Issue("/d/1/none/x", "x", 4, None, 15)
    assert read.placed(Issue("", "x")) == Issue("", "x", 1, None, 1)
    assert read.placed(Issue("/none", "x", 7), "a.json") == Issue("/none", "x", 7, None, None, "a.json")
    assert read_json("").placed(Issue("/a", "x")) == Issue("/a", "x", 1, None, 1)
    assert JsonText(None, {}, {}, (), False).placed(Issue("/a", "x"), "b") == Issue("/a", "x", None, None, None, "b")


@given(st.lists(st.text(alphabet="~/a01", max_size=3)).map(tuple))
def test_the_keys_of_a_pointer_are_those_that_it_was_made_of(keys: tuple[str, ...]) -> None:
    assert pointer_keys(pointer(*keys)) == keys


def test_a_text_has_as_many_characters_as_are_read() -> None:
    longest = " " * (MOST_CHARACTERS - 1) + "1"
    assert not read_json(longest).issues
    read = read_json(longest + " ")
    assert (read.value, read.complete) == (None, False)
    assert [str(issue) for issue in read.issues] == [f"has more than {MOST_CHARACTERS} characters"]


def test_faults_that_leave_the_meaning_plain_do_not_hide_later_ones() -> None:
    assert len(messages('{"a": [1 2,], // x\n "b": TRUE\n "c": 01,\n "a": 1,}')) == 8


def test_nesting_has_a_limit_and_no_recursion_error() -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        assert not messages(opening * 63 + "[]" + closing * 63)
        (fault,) = messages(opening * 64 + "[]" + closing * 64)
        assert fault.endswith("is nested more than 64 deep")
    assert "nested more than" in messages("[" * 100_000)[0]


def test_a_number_without_a_fraction_is_whole_however_it_is_written() -> None:
    value = read_json("[5.0, 5e0, 5.5]").value
    assert isinstance(value, list)
    assert [type(number) for number in value] == [int, int, float]


def test_pointers_escape_what_pointers_are_made_of() -> None:
    assert pointer("files", "/etc/a~b", 0) == "/files/~1etc~1a~0b/0"
