"""What looks like a secret: names of files that usually hold one, and private keys and tokens in texts.

All users that can pull an image can read it, and a layer keeps what a later one removes. So what a user puts into an
image is looked through. Only forms that are unmistakable count: a word called "password" says nothing.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

_NAMES = {
    ".env": "variables, often with passwords",
    ".env.*": "variables, often with passwords",
    ".git": "a repository with all its history",
    ".netrc": "passwords",
    ".npmrc": "often a token",
    ".pypirc": "often a token",
    ".pgpass": "passwords",
    ".git-credentials": "passwords",
    ".htpasswd": "hashes of passwords",
    ".aws": "keys of an account",
    ".ssh": "keys",
    ".gnupg": "keys",
    ".kube": "keys of a cluster",
    ".docker": "passwords of registries",
    "*.pem": "keys or certificates",
    "*.key": "a key",
    "*.p12": "keys",
    "*.pfx": "keys",
    "*.jks": "keys",
    "*.keystore": "keys",
    "*.kdbx": "passwords",
    "id_*": "a key of SSH",
}
"""Pattern on the last component of a path → what such a file holds."""
_HARMLESS = ("*.pub", ".env.example", ".env.sample", ".env.template", ".env.dist")
_SOURCE_TEXT = re.compile(r"id_.*\..*")
"""Such as ``id_generator.py``: keys of SSH have no suffix."""

_PEM = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    rb"(?:\s|\\[nr])*(?:[A-Za-z-]+: [^\r\n\\]*(?:[\r\n]|\\[nr])+)*[A-Za-z0-9+/=]{16}"
)
_END = rb"(?![A-Za-z0-9_])"
_TOKENS: tuple[tuple[bytes, re.Pattern[bytes], str], ...] = (
    (b"PRIVATE KEY", _PEM, "a private key"),
    (b"PuTTY-User-Key-File-", re.compile(rb"PuTTY-User-Key-File-[0-9]+: "), "a private key"),
    (b"AGE-SECRET-KEY-1", re.compile(rb"AGE-SECRET-KEY-1[0-9A-Z]{58}"), "a private key"),
    (b"AKIA", re.compile(rb"(?<![A-Za-z0-9])AKIA[0-9A-Z]{16}" + _END), "an access key of AWS"),
    (b"gh", re.compile(rb"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{36}" + _END), "a token of GitHub"),
    (b"github_pat_", re.compile(rb"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}" + _END), "a token of GitHub"),
    (b"glpat-", re.compile(rb"(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20}"), "a token of GitLab"),
    (b"xox", re.compile(rb"(?<![A-Za-z0-9])xox[abprs]-[0-9]{8,}-[A-Za-z0-9-]{16,}"), "a token of Slack"),
    (b"_live_", re.compile(rb"(?<![A-Za-z0-9])[sr]k_live_[A-Za-z0-9]{24,}"), "a key of Stripe"),
    (b"npm_", re.compile(rb"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}" + _END), "a token of npm"),
    (b"pypi-AgEI", re.compile(rb"pypi-AgEI[A-Za-z0-9_-]{50,}"), "a token of PyPI"),
    (b"AIza", re.compile(rb"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}" + _END), "a key of Google"),
)
"""What all matches contain, the form itself, and what it is."""
LONGEST_SECRET = 4096
"""Bytes of a text that are enough to see any of them in."""


def secret_name(name: str) -> str | None:
    """What a file or directory of this name usually holds, if that is a secret."""
    if any(fnmatchcase(name, pattern) for pattern in _HARMLESS) or _SOURCE_TEXT.fullmatch(name):
        return None
    return next((holds for pattern, holds in _NAMES.items() if fnmatchcase(name, pattern)), None)


def secret_in(data: bytes) -> str | None:
    """What secret the bytes contain, in words; None without one."""
    return next((what for part, form, what in _TOKENS if part in data and form.search(data)), None)


class SecretScanner:
    """Looks through the bytes of a file as they come, in pieces of any size."""

    __slots__ = ("_carry", "found")

    def __init__(self) -> None:
        self._carry = b""
        self.found: str | None = None
        """What secret the bytes so far contain."""

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        if self.found is None:
            window = self._carry + data
            self.found = secret_in(window)
            self._carry = window[-LONGEST_SECRET:]


def is_allowed(path: str, allowed: tuple[str, ...]) -> bool:
    """Whether a path, or a directory above it, is named by one of some shell patterns."""
    ways = [path]
    while "/" in path.lstrip("/"):
        path = path.rpartition("/")[0]
        ways.append(path)
    return any(fnmatchcase(way, pattern) for way in ways for pattern in allowed)
