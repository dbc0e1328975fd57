"""JSON documents of an image, read with bounds, and descriptors, digests checked before use."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from sysimage.digest import Digest
from sysimage.verify.issue_collector import MalformedError, escaped
from sysimage.verify.limits import Limits

_HALF = re.compile("[\ud800-\udfff]")
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_LARGEST_SIZE = 2**63 - 1


def parse_document(data: bytes, limits: Limits) -> dict[str, Any]:
    """Read a JSON object as I-JSON: UTF-8 without a byte order mark, no duplicate names, no NaN, bounded."""
    value = parse_json(data, limits)
    if not isinstance(value, dict):
        raise MalformedError("is not a JSON object")
    return value


def parse_named(what: str, data: bytes, limits: Limits) -> dict[str, Any]:
    """`parse_document`, with ``what`` it is at the beginning of the message."""
    with described(f"{what} "):
        return parse_document(data, limits)


@contextmanager
def described(beginning: str) -> Iterator[None]:
    """Put a ``beginning``, which says what it is about, in front of the message of what is wrong."""
    try:
        yield
    except MalformedError as error:
        raise MalformedError(f"{beginning}{error}") from None


def parse_json(data: bytes, limits: Limits) -> Any:
    """Any JSON value, with the bounds of `parse_document`."""
    if len(data) > limits.document_size:
        raise MalformedError(f"is larger than {limits.document_size} bytes")
    if data.startswith(b"\xef\xbb\xbf"):
        raise MalformedError("begins with a byte order mark")
    _check_depth(data, limits.document_depth)
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise MalformedError("is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise MalformedError(f"is not JSON: {error}") from None
    except RecursionError:
        raise MalformedError(f"is nested deeper than {limits.document_depth}") from None
    except MalformedError:
        raise
    except ValueError as error:
        raise MalformedError(f"is not JSON: {error}") from None
    if b"\\ud" in data.lower() and _HALF.search(json.dumps(value, ensure_ascii=False)):
        raise MalformedError("holds half of a surrogate pair, which is not a character")
    return value


def _check_depth(data: bytes, deepest: int) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(data):
        token = match[0]
        if token in (b"[", b"{"):
            depth += 1
            if depth > deepest:
                raise MalformedError(f"is nested deeper than {deepest}")
        elif token in (b"]", b"}"):
            depth -= 1


def _without_duplicates(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise MalformedError(f"has the name {escaped(key)!r} twice in one object")
        found[key] = value
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise MalformedError(f"holds {word}, which is not JSON")


def field(document: Mapping[str, Any], name: str, kind: type | tuple[type, ...], *, required: bool = False) -> Any:
    """A member of a JSON object, checked for its type; None when it is absent (or null) and not required.

    Engines do not mind the case of its name, and Guix relies on that: ``entrypoint`` is ``Entrypoint``.
    """
    value = document.get(name)
    others = [key for key in document if key != name and key.lower() == name.lower()]
    if others and (name in document or len(others) > 1):
        raise MalformedError(f"has {name!r} and {escaped(others[0])!r}, of which readers take one or the other")
    if others:
        value = document[others[0]]
    if value is None:
        if required:
            raise MalformedError(f"has no {name!r}")
        return None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise MalformedError(f"{name!r} is of the wrong type")
    return value


def strings(document: dict[str, Any], name: str) -> tuple[str, ...]:
    """A member that is an array of strings; empty when absent."""
    values = field(document, name, list) or []
    if not all(isinstance(value, str) for value in values):
        raise MalformedError(f"{name!r} is not an array of strings")
    return tuple(values)


def string_map(document: dict[str, Any], name: str) -> dict[str, str]:
    """A member that is an object of strings, such as annotations and labels; empty when absent."""
    values = field(document, name, dict) or {}
    if not all(isinstance(value, str) for value in values.values()):
        raise MalformedError(f"{name!r} is not an object of strings")
    return values


@dataclass(frozen=True, slots=True)
class Reference:
    """A descriptor as a document holds it, checked: what a blob must be."""

    media_type: str
    digest: Digest
    size: int
    """Bytes."""
    annotations: dict[str, str]
    platform: str | None = None
    """``os/architecture[/variant]``."""


def parse_descriptor(value: Any) -> Reference:
    """Check a descriptor: its digest's grammar, its size's range; foreign ``urls`` and embedded data are refused."""
    if not isinstance(value, dict):
        raise MalformedError("a descriptor is not an object")
    text = field(value, "digest", str, required=True)
    try:
        digest = Digest.parse(text)
    except ValueError:
        raise MalformedError(f"{escaped(text)!r} is not a sha256 digest") from None
    size = field(value, "size", int, required=True)
    if not 0 <= size <= _LARGEST_SIZE:
        raise MalformedError(f"the size of {digest} is {size}")
    if field(value, "urls", object):
        raise MalformedError(f"{digest} is to be fetched from elsewhere (urls), which sysimage does not do")
    platform = field(value, "platform", dict)
    return Reference(
        field(value, "mediaType", str, required=True),
        digest,
        size,
        string_map(value, "annotations"),
        None if platform is None else _platform(platform),
    )


def _platform(value: dict[str, Any]) -> str:
    parts = [field(value, "os", str, required=True), field(value, "architecture", str, required=True)]
    variant = field(value, "variant", str)
    return "/".join(parts + ([variant] if variant else []))
