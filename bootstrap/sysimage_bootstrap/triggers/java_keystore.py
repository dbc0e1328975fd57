"""The authorities that Java programs trust: a key store of format JKS, as the package ca-certificates-java makes it.

    0xFEEDFEED, 2, number of entries
    per entry    2 (a trusted certificate), alias, time, "X.509", certificate
    digest       SHA-1 of the password, of "Mighty Aphrodite", and of all before

The time at which an authority was added is zero here: every build gives the same bytes.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping

KEYSTORE_PATH = "ssl/certs/java/cacerts"
"""In /etc; each Java has a link to it."""
PASSWORD = "changeit"  # noqa: S105 - known to all: it protects nothing, and programs expect it
_MAGIC, _VERSION, _TRUSTED = 0xFEEDFEED, 2, 2
_WHITENER = b"Mighty Aphrodite"


def java_keystore(certificates: Mapping[str, bytes]) -> bytes:
    """The store of certificates in DER, by the names of their files; aliases are ``debian:`` and such a name."""
    entries = sorted((f"debian:{name}".lower().encode(), certificate) for name, certificate in certificates.items())
    data = struct.pack(">III", _MAGIC, _VERSION, len(entries))
    for alias, certificate in entries:
        data += struct.pack(">I", _TRUSTED) + _text(alias) + struct.pack(">Q", 0) + _text(b"X.509")
        data += struct.pack(">I", len(certificate)) + certificate
    digest = hashlib.sha1(PASSWORD.encode("utf-16-be") + _WHITENER + data, usedforsecurity=False).digest()
    return data + digest


def _text(raw: bytes) -> bytes:
    return struct.pack(">H", len(raw)) + raw
