"""Private keys and tokens that a spec would put where all users of the image can read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sysimage.errors import Issue
from sysimage.rules.secrets import SecretScanner, is_allowed, secret_in
from sysimage.spec.json_text import pointer
from sysimage.spec.model import SystemSpec

_PIECE = 1 << 20


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
    yield from _check_values(("environment",), spec.environment, spec.allow_secrets)
    yield from _check_values(("labels",), spec.labels, spec.allow_secrets)
    for name, service in spec.services.items():
        yield from _check_values(("services", name, "environment"), service.environment, spec.allow_secrets)


def _check_values(where: tuple[str, ...], values: Mapping[str, str], allowed: tuple[str, ...]) -> Iterator[Issue]:
    for name, text in values.items():
        if name not in allowed and (found := secret_in(text.encode())) is not None:
            yield Issue(pointer(*where, name), _refusal(found, name))


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
