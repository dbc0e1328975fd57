"""JSON with bounds, and descriptors."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.verify.documents import parse_descriptor, parse_document
from sysimage.verify.issue_collector import MalformedError
from sysimage.verify.limits import DEFAULT_LIMITS

GOOD = "sha256:" + "a" * 64
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=3))
def test_what_is_json_is_read(value: dict[str, Any]) -> None:
    assert parse_document(json.dumps(value).encode(), DEFAULT_LIMITS) == value


@given(st.binary())
def test_rubbish_is_refused_and_never_crashes(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_document(b"x" + data, DEFAULT_LIMITS)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xef\xbb\xbf{}", "begins with a byte order mark"),
        (b'{"a": 1, "a": 2}', "has the name 'a' twice"),
        (b'{"b": {"a": 1, "a": 1}}', "has the name 'a' twice"),
        (b'{"a": NaN}', "holds NaN"),
        (b'{"a": -Infinity}', "holds -Infinity"),
        (b"[" * 100_000, "nested deeper than 64"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "nested deeper than 64"),
        (b"[]", "is not a JSON object"),
        (b'{"a": "\xff"}', "is not UTF-8"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is not JSON"),
        (b'{"a": "' + b"x" * (4 << 20) + b'"}', "is larger than"),
    ],
)
def test_what_readers_disagree_about_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        parse_document(data, DEFAULT_LIMITS)


def test_brackets_in_strings_are_not_nesting() -> None:
    value = {"a": "[" * 1000 + '\\"'}
    assert parse_document(json.dumps(value).encode(), DEFAULT_LIMITS) == value


@pytest.mark.parametrize(
    "digest",
    [
        "sha256:../../../etc/passwd",
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 64 + "\n",
        "sha256:" + "a" * 64 + "/x",
        "sha512:" + "a" * 128,
        "md5:" + "a" * 32,
        "",
    ],
)
def test_a_malformed_digest_is_refused_before_any_use(digest: str) -> None:
    with pytest.raises(MalformedError, match="is not a sha256 digest"):
        parse_descriptor({"mediaType": "x", "digest": digest, "size": 1})


@pytest.mark.parametrize("size", [-1, 2**63, 1.5, "1", None, True])
def test_a_malformed_size_is_refused(size: object) -> None:
    with pytest.raises(MalformedError, match="size"):
        parse_descriptor({"mediaType": "x", "digest": GOOD, "size": size})


def test_a_layer_that_is_elsewhere_is_refused() -> None:
    with pytest.raises(MalformedError, match="elsewhere"):
        parse_descriptor({"mediaType": "x", "digest": GOOD, "size": 1, "urls": ["some://where"]})
