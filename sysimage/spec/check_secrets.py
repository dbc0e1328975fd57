"""Private keys and tokens that a spec would put where all users of the image can read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sysimage.errors import Issue
from sysimage.rules.secrets import SecretScanner, is_allowed, secret_in
from sysimage.spec.json_text import pointer
from sysimage.spec.model import SystemSpec
from sysimage.spec.spec_object import SpecObject, hyphenated

_PIECE = 1 << 20
_CHECKED_APART = ("files", "trees", "allow-secrets")


def check_secrets(spec: SystemSpec, beside: Path | None) -> Iterator[Issue]:
    """Each text of the spec, and each file that it names, which contains one without being allowed to."""
    for path, file in spec.files.items():
        if is_allowed(path, spec.allow_secrets):
            continue
        found = secret_in((file.text or "").encode())
        if file.source is not None and beside is not None:
            found = _secret_of(beside / file.source)
        if found is not None:
            yield Issue(pointer("files", path), _refusal(found, path))
    for where, text in _texts(spec, ()):
        if where[0] in _CHECKED_APART or (found := secret_in(text.encode("utf-8", "surrogateescape"))) is None:
            continue
        place = pointer(*where)
        name = str(where[-1]) if where[-2:-1] in (("environment",), ("labels",)) else place
        if name not in spec.allow_secrets:
            yield Issue(place, _refusal(found, name))


def _texts(value: object, where: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text in a value with its place, as keys of JSON."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _texts(one, (*where, str(key)))
    elif isinstance(value, tuple | list):
        for number, one in enumerate(value):
            yield from _texts(one, (*where, number))
    elif isinstance(value, SpecObject):
        for key, one in value:
            yield from _texts(one, (*where, hyphenated(key)))


def _refusal(found: str, name: str) -> str:
    return (
        f"contains {found}, which all users of the image could read; let the service read it when it starts, "
        f'or say "allow-secrets": ["{name}"] if it is meant to be public'
    )


def _secret_of(file: Path) -> str | None:
    scanner = SecretScanner()
    try:
        if not file.is_file():
            return None
        with file.open("rb") as stream:
            while scanner.found is None and (data := stream.read(_PIECE)):
                scanner.feed(data)
    except OSError:
        return None  # the check of sources reports that
    return scanner.found
