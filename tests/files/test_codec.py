"""Values come back as they were, with every field that they have and will have."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.digest import Digest
from sysimage.files.codec import Codec
from sysimage.store.paths import StorePath


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    name: str
    numbers: tuple[int, ...] = ()
    pairs: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True)
class Outer:
    inner: Inner
    many: Mapping[str, Inner]
    maybe: Inner | None
    content: bytes | Path | None
    digest: Digest | None
    path: StorePath
    colour: Colour
    words: frozenset[str]
    row: tuple[Path, Digest, bytes]
    places: tuple[Path, ...]
    known: frozenset[StorePath]
    free: Mapping[str, Any]
    unequal: str = field(default="", compare=False)


CODEC = Codec(Outer)
STORE_PATHS = [StorePath.parse(f"/gnu/store/{letter * 32}-name") for letter in "abc"]
PATHS = st.sampled_from([Path("/some/file"), Path("/another"), Path("/")])
DIGESTS = st.binary(max_size=5).map(Digest.of)
TEXTS = st.text(max_size=5)
PAIRS = st.lists(st.tuples(TEXTS, st.booleans()), max_size=3)
INNER = st.builds(Inner, TEXTS, st.lists(st.integers(), max_size=3).map(tuple), PAIRS.map(tuple))
OUTER = st.builds(
    Outer,
    INNER,
    st.dictionaries(TEXTS, INNER, max_size=3),
    st.none() | INNER,
    st.none() | st.binary(max_size=5) | PATHS,
    st.none() | DIGESTS,
    st.sampled_from(STORE_PATHS),
    st.sampled_from(Colour),
    st.frozensets(TEXTS, max_size=3),
    st.tuples(PATHS, DIGESTS, st.binary(max_size=5)),
    st.lists(PATHS, max_size=3).map(tuple),
    st.frozensets(st.sampled_from(STORE_PATHS)),
    st.dictionaries(TEXTS, st.integers(), max_size=3),
    TEXTS,
)


@given(OUTER)
def test_a_value_comes_back_with_every_field(value: Outer) -> None:
    back = CODEC.loads(CODEC.dumps(value))
    assert back == value
    assert back.unequal == value.unequal
    assert list(back.many) == list(value.many), "mappings have an order"
    free = dict(reversed(list(value.free.items())))
    assert CODEC.dumps(dataclasses.replace(value, free=free)) == CODEC.dumps(value), "those of any values have none"


@given(OUTER, st.sampled_from([(), (0,), (0, 1), (0, 1, 2, 2)]))
def test_a_row_of_another_length_is_refused_both_ways(value: Outer, columns: tuple[int, ...]) -> None:
    other = dataclasses.replace(value, row=tuple(value.row[at] for at in columns))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"."):
        CODEC.dumps(other)
    document = json.loads(CODEC.dumps(value))
    document["row"] = [document["row"][at] for at in columns]
    with pytest.raises(ValueError, match=r"."):
        CODEC.loads(json.dumps(document))


@given(OUTER)
def test_other_fields_are_refused(value: Outer) -> None:
    @dataclass(frozen=True)
    class More(Outer):
        new: int = 0

    more = More(**{each.name: getattr(value, each.name) for each in dataclasses.fields(value)})
    with pytest.raises(TypeError, match="not a Outer"):
        CODEC.dumps(more)  # which would lose a field
    with pytest.raises(ValueError, match="not the fields of More"):
        Codec(More).loads(CODEC.dumps(value))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1", "{}", '{"inner": 1}'])
def test_what_is_not_a_value_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        CODEC.loads(text)


def test_a_type_that_cannot_be_carried_is_refused_at_once() -> None:
    @dataclass(frozen=True)
    class Odd:
        thing: complex

    assert dataclasses.is_dataclass(Odd)
    with pytest.raises(TypeError, match="cannot carry"):
        Codec(Odd)
