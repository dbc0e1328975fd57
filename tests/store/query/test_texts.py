"""Texts that list store items: what each form says is read exactly, and what it leaves out or gets wrong is named."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sysimage.digest import Digest, nix_base32
from sysimage.store import StorePath
from sysimage.store.query import PathInfo
from sysimage.store.query.catalogue import ListedCatalogue, parse_hash
from sysimage.store.query.path_info import parse_path_info
from sysimage.store.query.registration import parse_registration
from tests.support.stores import store_path

A, B, DRV = (store_path(name) for name in ("a", "b", "a.drv"))
HASH = Digest("0123456789abcdef" * 4)
BOTH = tuple(sorted((A, B)))
FACTS = PathInfo(A, BOTH, HASH, 120, DRV)
Read = Callable[[str], Iterator[PathInfo]]


def read(text: object) -> list[PathInfo]:
    return list(parse_path_info(text if isinstance(text, str) else json.dumps(text)))


def entry(name: Callable[[StorePath], str] = str, **other: Any) -> dict[str, Any]:
    """What Nix says of A; members that are given as None are left out."""
    references = [name(path) for path in (*reversed(BOTH), A)]
    whole = {"narHash": str(HASH), "narSize": 120, "references": references, "deriver": name(DRV), **other}
    return {key: value for key, value in whole.items() if value is not None}


def base_name(path: StorePath) -> str:
    return path.base_name


@pytest.mark.parametrize(
    "value",
    [
        [{"path": str(A), **entry()}],
        [{"path": str(A), "valid": True, **entry()}, {"path": str(B), "valid": False}],
        {str(A): entry(), str(B): None},
        {str(A): entry(narHash={"algorithm": "sha256", "hash": HASH.hex})},
        {"storeDir": "/gnu/store", "info": {A.base_name: entry(base_name), B.base_name: None}},
        {"storeDir": "/gnu/store", "info": {str(A): entry()}},
        {"info": {str(A): entry()}},
        {"name": "x", "outputs": ["out"], "empty": [], "graph": [{"path": str(A), **entry()}]},
        f" \n{json.dumps([{'path': str(A), **entry()}])}",
    ],
)
def test_each_shape_says_the_same(value: object) -> None:
    assert read(value) == [FACTS]


@pytest.mark.parametrize("deriver", [None, 1, "unknown-deriver", "/gnu/store/unknown-deriver"])
def test_a_deriver_may_be_unknown(deriver: object) -> None:
    assert read({str(A): entry(deriver=deriver)}) == [PathInfo(A, BOTH, HASH, 120)]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1, "neither an array nor an object"),
        ("null", "neither an array nor an object"),
        ([1], "an entry without a path"),
        ([{}], "an entry without a path"),
        ([{"path": 1}], "an entry without a path"),
        ({"a": []}, "0 references graphs, not one"),
        ({"a": ["x"], "b": [1]}, "0 references graphs, not one"),
        ({"a": [{}], "b": [{}]}, "2 references graphs, not one"),
        ({"path": str(A), **entry()}, "it has no entry for path"),
        ({str(A): [1]}, "0 references graphs, not one"),
        ({str(A): 1}, f"it has no entry for {A}"),
        ({"info": {str(A): 1}}, f"it has no entry for {A}"),
        ({"info": {A.base_name: entry()}}, f"not a store path: '{A.base_name}'"),
        ({str(A): entry(references=None)}, f"no references are given for {A}"),
        ({str(A): entry(references=str(B))}, f"no references are given for {A}"),
        ({str(A): entry(references=[str(B), 1])}, f"no references are given for {A}"),
        ({str(A): entry(references=["x"])}, "not a store path: 'x'"),
        ({str(A): entry(narSize=None)}, f"no NAR size is given for {A}"),
        ({str(A): entry(narSize="120")}, f"no NAR size is given for {A}"),
        ({str(A): entry(narSize=0)}, f"NAR size of {A} is 0, must be positive"),
        ({str(A): entry(narHash=None)}, f"no NAR hash is given for {A}"),
        ({str(A): entry(narHash={"algorithm": "md5", "hash": "x"})}, f"no NAR hash is given for {A}"),
        ({str(A): entry(narHash="x")}, "not a SHA-256 hash: 'x'"),
    ],
)
def test_what_an_entry_lacks_or_gets_wrong_is_the_message(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read(value)
    assert str(caught.value) == message


WRITTEN = [
    HASH.hex,
    HASH.hex.upper(),
    f"sha256:{HASH.hex}",
    f"sha256:{nix_base32(HASH.raw)}",
    nix_base32(HASH.raw),
    f"sha256-{base64.b64encode(HASH.raw).decode()}",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_a_hash_is_read_in_each_way_that_nix_and_guix_write_one(text: str) -> None:
    assert parse_hash(text) == HASH


@pytest.mark.parametrize(
    "text",
    ["", "sha256:", HASH.hex[:-1], f"{HASH.hex}0", "sha256-" + "A" * 40, f"!{WRITTEN[-1][7:]}", "md5:" + "0" * 32],
)
def test_what_is_not_a_hash_of_that_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a SHA-256 hash: ") as caught:
        parse_hash(text)
    assert repr(text) in str(caught.value)


def test_a_fact_may_be_listed_twice_if_it_is_the_same() -> None:
    catalogue = ListedCatalogue([FACTS, FACTS])
    assert (catalogue.find([B, A]), list(catalogue.paths())) == ({A: FACTS}, [A])
    with pytest.raises(ValueError, match=f"^says two different things of {A}$"):
        ListedCatalogue([FACTS, PathInfo(A, ())])


@pytest.mark.parametrize(
    ("lines", "facts"),
    [
        ([A, "", 0], [PathInfo(A, ())]),
        ([A, DRV, 2, B, A], [PathInfo(A, BOTH, deriver=DRV)]),
        ([A, "", 1, A, B, "", 0], [PathInfo(A, (A,)), PathInfo(B, ())]),
        ([A, HASH.hex, 120, DRV, 2, A, B], [FACTS]),
        ([A, HASH, 120, "", 0, B, HASH.hex, 8, "", 0], [PathInfo(A, (), HASH, 120), PathInfo(B, (), HASH, 8)]),
    ],
)
def test_both_forms_by_lines_are_read_item_after_item(lines: list[object], facts: list[PathInfo]) -> None:
    assert list(parse_registration("".join(f"{line}\n" for line in lines))) == facts


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["x"], "line 1: not a store path: 'x'"),
        ([A], "line 2: the text ends inside an entry"),
        ([A, "", 1], "line 4: the text ends inside an entry"),
        ([A, "x"], "line 2: not a store path: 'x'"),
        ([A, "", "-1"], "line 3: not a number of references: '-1'"),
        ([A, "", "²"], "line 3: not a number of references: '²'"),
        ([A, "", 1_000_001], "line 3: not a number of references: '1000001'"),
        ([A, "", 1_000_000], "line 4: the text ends inside an entry"),
        ([A, HASH, "x"], "line 3: not a NAR size: 'x'"),
        ([A, HASH, "²"], "line 3: not a NAR size: '²'"),
        ([A, HASH, 0, "", 0], f"line 5: NAR size of {A} is 0, must be positive"),
        ([A, "", 0, B, "", "no"], "line 6: not a number of references: 'no'"),
    ],
)
def test_the_line_that_is_wrong_is_named(lines: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        list(parse_registration("".join(f"{line}\n" for line in lines)))
    assert str(caught.value) == message
