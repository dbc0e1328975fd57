"""JSON with bounds, and descriptors."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.digest import Digest
from sysimage.verify.documents import Reference, field, parse_descriptor, parse_document, parse_named
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
        (b'{"a": "' + b"x" * (4 << 20) + b'"}', "is larger than 4194304 bytes"),
        (b'{"a": [' + b"[], " * 99 + b"[" * 63 + b"]" * 63 + b"]}", "nested deeper than 64"),
        (b'{"a": "\\ud83d"}', "holds half of a surrogate pair, which is not a character"),
        (b'{"\\uDE00": ""}', "holds half of a surrogate pair, which is not a character"),
    ],
)
def test_what_readers_disagree_about_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        parse_document(data, DEFAULT_LIMITS)
    with pytest.raises(MalformedError, match=f"^the manifest .*{message}"):
        parse_named("the manifest", data, DEFAULT_LIMITS)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": "' + b"[" * 1000 + b'\\""}',
        b'{"a":' * 63 + b"[]" + b"}" * 63,
        b'{"a": [' + b"[], {}, " * 99 + b"[" * 62 + b"]" * 62 + b"]}",
        b'{"a": "\\ud83d\\ude00 \\\\ud83d"}',
    ],
    ids=["brackets in strings", "as deep as may be", "many beside each other", "a surrogate pair"],
)
def test_what_all_readers_agree_about_is_read(data: bytes) -> None:
    assert parse_document(data, DEFAULT_LIMITS) == json.loads(data)


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


DESCRIPTOR = {"mediaType": "x", "digest": GOOD, "size": 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": -1}, f"the size of {GOOD} is -1"),
        ({"size": 2**63}, f"the size of {GOOD} is {2**63}"),
        ({"size": 1.5}, "'size' is of the wrong type"),
        ({"size": "1"}, "'size' is of the wrong type"),
        ({"size": True}, "'size' is of the wrong type"),
        ({"size": None}, "has no 'size'"),
        ({"digest": None}, "has no 'digest'"),
        ({"mediaType": None}, "has no 'mediaType'"),
        ({"urls": ["some://where"]}, f"{GOOD} is to be fetched from elsewhere (urls), which sysimage does not do"),
        ({"annotations": {"a": "b", "c": 1}}, "'annotations' is not an object of strings"),
        ({"platform": {"os": "linux"}}, "has no 'architecture'"),
        ({"platform": {"architecture": "arm"}}, "has no 'os'"),
        ({"SIZE": 1}, "has 'size' and 'SIZE', of which readers take one or the other"),
        ({"size": None, "SIZE": 1, "Size": 1}, "has 'size' and 'SIZE', of which readers take one or the other"),
    ],
)
def test_a_malformed_descriptor_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_descriptor({**DESCRIPTOR, **changes})
    assert str(caught.value) == message


def test_a_descriptor_is_read_whole() -> None:
    digest = Digest.parse(GOOD)
    assert parse_descriptor({**DESCRIPTOR, "size": 0}) == Reference("x", digest, 0, {}, None)
    assert parse_descriptor({"MediaType": "x", "digest": GOOD, "SIZE": 1}) == Reference("x", digest, 1, {}, None)
    platform = {"os": "linux", "architecture": "arm"}
    more = {"size": 2**63 - 1, "annotations": {"a": "b"}, "urls": [], "platform": platform}
    assert parse_descriptor({**DESCRIPTOR, **more}) == Reference("x", digest, 2**63 - 1, {"a": "b"}, "linux/arm")
    assert parse_descriptor({**DESCRIPTOR, "platform": {**platform, "variant": "v7"}}).platform == "linux/arm/v7"


@pytest.mark.parametrize("document", [{"a": "x", "SIZES": 1, "size": 2}, {"A": "x"}, {"a": "x", "b": None}])
def test_a_member_is_found_whatever_the_case_of_its_name(document: dict[str, Any]) -> None:
    assert field(document, "a", str, required=True) == "x"
    assert field(document, "c", str) is None
    with pytest.raises(MalformedError, match=r"^'a' is of the wrong type$"):
        field(document, "a", int)


def test_a_truth_value_is_not_a_number() -> None:
    assert field({"a": True}, "a", bool) is True
    with pytest.raises(MalformedError, match=r"^'a' is of the wrong type$"):
        field({"a": True}, "a", int)
