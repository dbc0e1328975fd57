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
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.blobs import Descriptor
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
    blob: Descriptor | None
    either: Inner | Colour | None
    ratios: tuple[float, ...]
    unequal: str = field(default="", compare=False)


def codec() -> Codec[Outer]:
    return Codec(Outer)


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
    st.none() | st.builds(Descriptor, TEXTS, DIGESTS, st.integers(0, 9)),
    st.none() | INNER | st.sampled_from(Colour),
    st.lists(st.floats(allow_nan=False), max_size=2).map(tuple),
    TEXTS,
)


@settings(max_examples=40)
@given(OUTER)
def test_a_value_comes_back_with_every_field(value: Outer) -> None:
    back = codec().loads(codec().dumps(value))
    assert back == value
    assert back.unequal == value.unequal
    assert list(back.many) == list(value.many), "mappings have an order"
    free = dict(reversed(list(value.free.items())))
    assert codec().dumps(dataclasses.replace(value, free=free)) == codec().dumps(value), "those of any values have none"


def test_a_value_is_one_line_with_the_names_of_fields_in_order() -> None:
    value = Inner("é\n", (2, 1), (("b", True), ("a", False)))
    assert Codec(Inner).dumps(value) == '{"name":"\\u00e9\\n","numbers":[2,1],"pairs":[["b",true],["a",false]]}'


def test_a_set_has_one_form_and_a_path_is_written_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Sets:
        paths: frozenset[StorePath]
        texts: frozenset[str]
        place: Path

    monkeypatch.chdir("/")
    value = Sets(frozenset(STORE_PATHS), frozenset("cab"), Path("etc"))
    document = json.loads(Codec(Sets).dumps(value))
    assert document == {"paths": sorted(map(str, STORE_PATHS)), "texts": ["a", "b", "c"], "place": "/etc"}
    assert Codec(Sets).loads(json.dumps(document)) == dataclasses.replace(value, place=Path("/etc"))


def test_one_of_several_classes_is_named_beside_its_text() -> None:
    @dataclass(frozen=True)
    class Either:
        one: bytes | Path | Inner | None

    for value, written in (
        (b"\xff", ["bytes", "\u00ff"]),
        (Path("/x"), ["Path", "/x"]),
        (Inner("a"), ["Inner", {"name": "a", "numbers": [], "pairs": []}]),
        (None, None),
    ):
        assert json.loads(Codec(Either).dumps(Either(value))) == {"one": written}
        assert Codec(Either).loads(json.dumps({"one": written})) == Either(value)
    for malformed in (["int", 1], ["bytes"], [], 1, ["bytes", "x", "y"]):
        with pytest.raises(ValueError, match=r"."):
            Codec(Either).loads(json.dumps({"one": malformed}))


@settings(max_examples=40)
@given(OUTER, st.sampled_from([(), (0,), (0, 1), (0, 1, 2, 2)]))
def test_a_row_of_another_length_is_refused_both_ways(value: Outer, columns: tuple[int, ...]) -> None:
    other = dataclasses.replace(value, row=tuple(value.row[at] for at in columns))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"."):
        codec().dumps(other)
    document = json.loads(codec().dumps(value))
    document["row"] = [document["row"][at] for at in columns]
    with pytest.raises(ValueError, match=r"."):
        codec().loads(json.dumps(document))


@settings(max_examples=40)
@given(OUTER)
def test_other_fields_are_refused(value: Outer) -> None:
    @dataclass(frozen=True)
    class More(Outer):
        new: int = 0

    more = More(**{each.name: getattr(value, each.name) for each in dataclasses.fields(value)})
    with pytest.raises(TypeError, match="not a Outer"):
        codec().dumps(more)  # which would lose a field
    with pytest.raises(ValueError, match="not the fields of More"):
        Codec(More).loads(codec().dumps(value))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1", "{}", '{"inner": 1}'])
def test_what_is_not_a_value_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        codec().loads(text)


def test_a_type_that_cannot_be_carried_is_refused_at_once() -> None:
    @dataclass(frozen=True)
    class Odd:
        thing: complex

    assert dataclasses.is_dataclass(Odd)
    with pytest.raises(TypeError, match="cannot carry"):
        Codec(Odd)
