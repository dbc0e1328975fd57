"""Credentials for a registry, found where Docker's and Podman's ``login`` store them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sysimage.characters import printable
from sysimage.destinations.registry.names import Repository
from sysimage.errors import MachineError, RegistryError
from sysimage.process import run

_LONGEST = 1 << 20
"""Bytes of a file of credentials."""
_NONE_KEPT = "credentials not found"
"""What every helper says, by the helpers' protocol, that keeps nothing for a registry."""
_HINT = "mend that file, or name another with REGISTRY_AUTH_FILE"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password, or an identity token. Not shown by ``repr``."""

    user: str = field(repr=False)
    password: str = field(repr=False)
    identity_token: str | None = field(default=None, repr=False)
    """An OAuth refresh token, exchanged at the registry's token service."""

    def basic(self) -> str:
        """The header for user and password, in UTF-8."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


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


def find_credentials(
    repository: Repository, files: Sequence[Path], environment: Mapping[str, str] | None = None
) -> Credentials | None:
    """The credentials for a repository of a registry; None to be anonymous.

    In each file the most specific namespace wins, a registry's own helper is asked before the general one, and a helper
    before what the file itself holds. Helpers run with ``environment``, where what they need is: ``HOME``, ``AWS_…``. A
    file that is not JSON, an entry that is not base64, or a helper that fails is a `RegistryError` that names the file
    and does not show what it contains.
    """
    for path in files:
        try:
            config = _read(path)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError):
            raise RegistryError(f"cannot read credentials from {path}: it is not readable JSON", hint=_HINT) from None
        if isinstance(config, dict) and (found := _in_config(config, repository, path, environment or {})):
            return found
    return None


def _read(path: Path) -> object:
    with path.open("rb") as file:
        data = file.read(_LONGEST + 1)
    if len(data) > _LONGEST:
        raise ValueError("too long")
    return json.loads(data) if data.strip() else {}


def _in_config(
    config: dict[str, Any], repository: Repository, path: Path, environment: Mapping[str, str]
) -> Credentials | None:
    helper = _helper(config, repository)
    if helper is not None and (found := _ask_helper(helper, repository.login_server, path, environment)):
        return found
    auths = {_normal(key): (key, entry) for key, entry in _mapping(config, "auths").items()}
    for wanted in _keys(repository):
        key, entry = auths.get(wanted, ("", None))
        if isinstance(entry, dict) and (found := _entry(entry, key, path)):
            return found
    return None


def _helper(config: dict[str, Any], repository: Repository) -> str | None:
    """The registry's own helper, whatever way its host is written, or else the general one."""
    own = {_normal(key): name for key, name in _mapping(config, "credHelpers").items()}
    for host in repository.spellings:
        if isinstance(name := own.get(host), str):
            return name or None  # an empty one switches the general helper off
    general = config.get("credsStore")
    return general if isinstance(general, str) and general else None


def _mapping(config: dict[str, Any], key: str) -> dict[str, Any]:
    value = config.get(key)
    return value if isinstance(value, dict) else {}


def _normal(key: str) -> str:
    """A key as host and namespace alone: without scheme, version of the interface and slashes at its end."""
    bare = re.sub(r"^https?://", "", key.strip(), flags=re.IGNORECASE).rstrip("/")
    bare = re.sub(r"/v[12]$", "", bare)
    host, slash, rest = bare.partition("/")
    return host.lower() + slash + rest


def _keys(repository: Repository) -> Iterator[str]:
    for host in repository.spellings:
        parts = [host, *repository.name.split("/")]
        for length in range(len(parts), 0, -1):
            yield "/".join(parts[:length])


def _entry(entry: dict[str, Any], key: str, path: Path) -> Credentials | None:
    token = entry.get("identitytoken")
    encoded = entry.get("auth")
    if not encoded:
        if isinstance(entry.get("username"), str) and isinstance(entry.get("password"), str) and entry["username"]:
            return Credentials(entry["username"], entry["password"], str(token) if token else None)
        return Credentials("", "", str(token)) if token else None
    try:
        user, colon, password = base64.b64decode(str(encoded), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        colon = user = password = ""
    if not colon:
        raise RegistryError(
            f"cannot read the credentials for {printable(key)} in {path}: they are not base 64 of user:password",
            hint=_HINT,
        )
    return Credentials(user, password.rstrip("\0"), str(token) if token else None)


def _ask_helper(helper: str, server: str, path: Path, environment: Mapping[str, str]) -> Credentials | None:
    program = f"docker-credential-{helper}"
    what = f"cannot get credentials for {server} from {printable(program)}, which {path} names"
    if "/" in helper or "\0" in helper:
        raise RegistryError(f"{what}: its name is not valid", hint=_HINT)
    try:
        done = run([program, "get"], stdin=server.encode() + b"\n", env=environment, accept=range(-64, 256))
    except MachineError as error:
        raise RegistryError(f"{what}: it is not installed", hint=_HINT) from error
    if done.status:
        # By the protocol the text is on standard output; helpers that break the protocol use standard error.
        said = b"\n".join(text for text in (done.stdout.strip(), done.stderr.strip()) if text)
        text = said.decode("utf-8", "replace")
        if _NONE_KEPT in text.lower():
            return None
        raise RegistryError(f"{what}: {printable(text[:1000]) or f'it ended with status {done.status}'}", hint=_HINT)
    try:
        value = json.loads(done.stdout)
        user, secret = value["Username"], value["Secret"]
        if not isinstance(user, str) or not isinstance(secret, str):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RegistryError(f"{what}: it did not print credentials", hint=_HINT) from None
    if not secret:
        return None
    return Credentials("", "", secret) if user == "<token>" else Credentials(user, secret)
