"""A spec is written with the place of each value after it, and is the same spec still."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.spec.annotated_text import annotated_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "text", "ä", "a/b", "w" * 60]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(["a", "b/c", "~"]), below, max_size=3),
    max_leaves=8,
)


def places(value: Any, where: str = "") -> dict[str, str]:
    """A place for each value, by its JSON pointer: the pointer itself, as if it was a file."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = {where: f"{where or '/'}.json:1:1"}
    for key, part in parts:
        found |= places(part, f"{where}/{str(key).replace('~', '~0').replace('/', '~1')}")
    return found


@given(st.dictionaries(st.sampled_from(["name", "x/y"]), VALUES, max_size=2))
def test_without_its_comments_it_is_the_value(value: dict[str, Any]) -> None:
    text = annotated_text(value, places(value))
    assert json.loads(re.sub(r"  // \S+$", "", text, flags=re.MULTILINE)) == value


def test_every_value_has_its_place_after_it() -> None:
    value = {"name": "web", "packages": ["jq", "curl"], "users": {"ann": {"uid": 7}}, "ports": [1, 2]}
    origins = {"/name": "web.json:1:3", "/packages/0": "base.json:2:4", "/packages/1": "web.json:5:6"}
    origins |= {"/users/ann/uid": "base.json:7:8", "/ports": "web.json:9:1", "/ports/0": "web.json:9:2"}
    origins |= {"/ports/1": "web.json:9:5"}
    assert annotated_text(value, origins).splitlines() == [
        "{",
        '  "name": "web",   // web.json:1:3',
        '  "packages": [',
        '    "jq",          // base.json:2:4',
        '    "curl"         // web.json:5:6',
        "  ],",
        '  "users": {',
        '    "ann": {',
        '      "uid": 7     // base.json:7:8',
        "    }",
        "  },",
        '  "ports": [1, 2]  // web.json:9:1',
        "}",
    ]


@pytest.mark.parametrize(
    ("value", "origins", "lines"),
    [
        ({}, {}, ["{", "}"]),
        (
            {"a": "ä", "b": {}, "c": []},
            {"/b": "x:1:2"},
            ["{", '  "a": "ä",', '  "b": {},   // x:1:2', '  "c": []', "}"],
        ),
        # One place says everything except the line; a variant is another place.
        ({"ö": ["ü", 1]}, {"/ö/0": "x:1:2", "/ö/1": "x:3:4"}, ["{", '  "ö": ["ü", 1]', "}"]),
        (
            {"a": [1, 2]},
            {"/a/0": "x:1:2", "/a/1": "x:1:2 (variant y)"},
            ["{", '  "a": [', "    1,    // x:1:2", "    2     // x:1:2 (variant y)", "  ]", "}"],
        ),
        ({"a": [[1], 2]}, {}, ["{", '  "a": [', "    [1],", "    2", "  ]", "}"]),
        # As much as there is room for on a line of 100 characters.
        ({"a": ["x" * 89]}, {}, ["{", f'  "a": ["{"x" * 89}"]', "}"]),
        ({"a": ["x" * 90]}, {}, ["{", '  "a": [', f'    "{"x" * 90}"', "  ]", "}"]),
        (
            {"a": "x" * 90, "b": 1},
            {"/a": "x:1:2", "/b": "x:3:4"},
            ["{", f'  "a": "{"x" * 90}",  // x:1:2', f'  "b": 1{" " * 92}  // x:3:4', "}"],
        ),
        (
            {"a": "x" * 91, "b": 1},
            {"/a": "x:1:2", "/b": "x:3:4"},
            ["{", f'  "a": "{"x" * 91}",  // x:1:2', '  "b": 1  // x:3:4', "}"],
        ),
    ],
)
def test_a_value_is_on_one_line_where_there_is_room_and_one_place(
    value: dict[str, Any], origins: dict[str, str], lines: list[str]
) -> None:
    assert annotated_text(value, origins).splitlines() == lines
