"""Credentials for a registry, found where Docker's and Podman's ``login`` store them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sysimage.errors import RegistryError
from sysimage.process import run


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password, or an identity token. Not shown by ``repr``."""

    user: str = field(repr=False)
    password: str = field(repr=False)
    identity_token: str | None = field(default=None, repr=False)
    """An OAuth refresh token, exchanged at the registry's token service."""


def auth_files(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Where to look, first match wins: a file that is named explicitly, then Podman's places, then Docker's."""
    if named := environment.get("REGISTRY_AUTH_FILE"):
        return (Path(named),)
    places = []
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        places.append(Path(runtime) / "containers/auth.json")
    places.append(Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "containers/auth.json")
    places.append(Path(environment.get("DOCKER_CONFIG") or home / ".docker") / "config.json")
    return tuple(places)


def find_credentials(host: str, repository: str, files: Sequence[Path]) -> Credentials | None:
    """The credentials for a repository of a registry; None to be anonymous.

    In each file the most specific namespace wins, a registry's own helper is asked before the general one, and a helper
    before what the file itself holds. A file that is not JSON, or an entry that is not base64, is a `RegistryError`
    that does not show what it contains.
    """
    for path in files:
        try:
            config = json.loads(path.read_bytes())
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            raise RegistryError(f"cannot read credentials from {path}: it is not readable JSON") from None
        if isinstance(config, dict) and (found := _in_config(config, host, repository, path)):
            return found
    return None


def _in_config(config: dict[str, Any], host: str, repository: str, path: Path) -> Credentials | None:
    helper = _mapping(config, "credHelpers").get(host) or config.get("credsStore")
    if isinstance(helper, str) and (found := _ask_helper(helper, host)):
        return found
    auths = _mapping(config, "auths")
    for key in _keys(host, repository):
        entry = auths.get(key)
        if isinstance(entry, dict) and (found := _entry(entry, key, path)):
            return found
    return None


def _mapping(config: dict[str, Any], key: str) -> dict[str, Any]:
    value = config.get(key)
    return value if isinstance(value, dict) else {}


def _keys(host: str, repository: str) -> Iterator[str]:
    parts = [host, *repository.split("/")]
    for length in range(len(parts), 0, -1):
        yield "/".join(parts[:length])
    yield f"https://{host}"
    yield f"https://{host}/v1/"
    yield f"https://{host}/v2/"


def _entry(entry: dict[str, Any], key: str, path: Path) -> Credentials | None:
    token = entry.get("identitytoken")
    encoded = entry.get("auth")
    if not encoded:
        return Credentials("", "", str(token)) if token else None
    try:
        user, colon, password = base64.b64decode(str(encoded), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = user = password = ""
    if not colon:
        raise RegistryError(f"cannot read the credentials for {key} in {path}: they are not base 64 of user:password")
    return Credentials(user, password.rstrip("\0"), str(token) if token else None)


def _ask_helper(helper: str, host: str) -> Credentials | None:
    if "/" in helper:
        raise RegistryError(f"cannot ask the credential helper {helper!r}: its name is not valid")
    done = run([f"docker-credential-{helper}", "get"], stdin=host.encode() + b"\n", accept=range(256))
    if done.status:
        return None  # it has no credentials; the registry reports whether it needs them
    try:
        value = json.loads(done.stdout)
        user, secret = str(value["Username"]), str(value["Secret"])
    except (ValueError, KeyError, TypeError):
        raise RegistryError(f"cannot understand the credential helper {helper}: it did not print credentials") from None
    return Credentials("", "", secret) if user == "<token>" else Credentials(user, secret)
