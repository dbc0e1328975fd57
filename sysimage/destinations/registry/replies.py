"""What a registry answers: statuses, headers, documents with bounds, and its own words for what it refuses."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from sysimage.characters import printable
from sysimage.errors import RegistryError

MOST_JSON = 4 << 20
"""Bytes of a document; registries take no longer manifests either."""
_DEEPEST = 64
"""Nesting of arrays and objects."""
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_NEXT = re.compile(r'<([^<>]*)>\s*;\s*(?:[^,]*;\s*)?rel="?next"?')
_FOLD = re.compile(r"\s*\r?\n\s*")
_SECONDS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; of several with one name, all of them with commas between."""
    body: bytes
    """Empty where the bytes went to a sink."""
    url: str
    """Where it came from, after redirects."""
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The same headers, with each value that was sent by itself."""

    @classmethod
    def of(cls, status: int, headers: Iterable[tuple[str, str]], body: bytes, url: str) -> Reply:
        """An answer as it came: names in any case, values over several lines, and a document that something in between
        has compressed although that was not asked for."""
        lists: dict[str, list[str]] = {}
        for name, value in headers:
            lists.setdefault(name.lower(), []).append(_FOLD.sub(" ", value))
        joined = {name: ", ".join(values) for name, values in lists.items()}
        if joined.get("content-encoding", "").lower() in ("gzip", "x-gzip"):
            body = _unpacked(body)
        return cls(status, joined, body, url, lists)

    @property
    def digest(self) -> str | None:
        """What the registry calls that which it has stored or gives; None where it does not say. A proxy may have
        added it again."""
        found = {text.strip() for text in self.headers.get("docker-content-digest", "").split(",")} - {""}
        return ", ".join(sorted(found)) or None

    @property
    def wait(self) -> float:
        """Seconds after which the registry wants to be asked again; 0 where it does not say.

        A date is compared with the answer's own date, because clocks differ.
        """
        text = self.headers.get("retry-after", "").strip()
        if _SECONDS.fullmatch(text):
            return float(text)
        until, now = _date(text), _date(self.headers.get("date", ""))
        return max(0.0, (until - now).total_seconds()) if until and now else 0.0

    @property
    def next_page(self) -> str | None:
        """Where a list goes on, perhaps relative to ``url``; None at its end."""
        found = _NEXT.search(self.headers.get("link", ""))
        return found[1] if found is not None else None

    def document(self) -> dict[str, Any]:
        """The body as a JSON object; a `RegistryError` for anything else."""
        value = parse_json(self.body)
        if not isinstance(value, dict):
            raise RegistryError(f"cannot read {safe_address(self.url)}: the answer is not a JSON object")
        return value


def _unpacked(body: bytes) -> bytes:
    """What a gzip body holds, as far as documents go; the body itself where it is not gzip."""
    try:
        return zlib.decompressobj(wbits=31).decompress(body, MOST_JSON + 1)
    except zlib.error:
        return body


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo is not None else None


def parse_json(data: bytes) -> Any:
    """A JSON value; None for what is not JSON, is too long, or is nested too deep."""
    if len(data) > MOST_JSON:
        return None
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(data):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(match[0], 0)
        if depth > _DEEPEST:
            return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def safe_address(url: str) -> str:
    """An address without what may be secret in it, and without what a terminal would obey."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        host = parts.hostname or ""
    except ValueError:
        return "a malformed address"
    return printable(f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path}")[:500]


_HINTS = {
    401: "log in first, with docker login or podman login",
    403: "this account may not do that; log in with another, with docker login or podman login",
    404: "check the name; some registries want a repository to be made before the first push",
    407: "say user and password of the proxy in http_proxy",
    413: "something between here and the registry bounds the size of a request; its administrator can raise that",
    429: "the registry wants to be asked less often; log in, or try again later",
}
_HINTS_BY_CODE = (
    ("immutable", "the registry lets no tag be moved; push under another tag"),
    ("alreadyexists", "the registry lets no tag be moved; push under another tag"),
    ("name_unknown", "make the repository first: this registry does not make one for a push"),
    ("toomanyrequests", "the registry wants to be asked less often; log in, or try again later"),
    ("quota", "make room in the registry, or ask its administrator for more"),
)


class RefusedError(RegistryError):
    """An answer with another status than was hoped for."""

    def __init__(self, message: str, *, hint: str | None, status: int, wait: float) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.wait = wait
        """Seconds after which the registry wants to be asked again."""


def refusal(method: str, reply: Reply) -> RefusedError:
    """The error for an answer that was not hoped for, with what the registry says of it."""
    says = _words(reply)
    folded = says.lower().replace(" ", "")
    hint = next((hint for code, hint in _HINTS_BY_CODE if code in folded), _HINTS.get(reply.status))
    return RefusedError(
        f"cannot {method} {safe_address(reply.url)}: status {reply.status}{f' ({says})' if says else ''}",
        hint=hint,
        status=reply.status,
        wait=reply.wait,
    )


def _words(reply: Reply) -> str:
    """The errors of the specification's form, or a plain line of text; nothing of a page for browsers."""
    value = parse_json(reply.body)
    errors = value.get("errors") if isinstance(value, dict) else None
    if isinstance(errors, list):
        texts = []
        for error in errors[:3]:
            if isinstance(error, dict):
                code, message = error.get("code"), error.get("message")
                texts.append(": ".join(str(part) for part in (code, message) if part)[:300])
        return printable("; ".join(texts))
    if isinstance(value, dict):
        for key in ("message", "details", "error_description", "error"):
            if isinstance(value.get(key), str):
                return printable(str(value[key])[:300])
    kind = reply.headers.get("content-type", "")
    if kind.startswith("text/plain"):
        return printable(reply.body[:300].decode("utf-8", "replace").strip())
    return ""
