"""Links to certificate authorities by the hash of their subject, as ``openssl rehash`` makes them in /etc/ssl/certs.

OpenSSL looks for an authority in a directory as ``HASH.0``. The hash is that of a subject's canonical encoding: texts
in UTF-8, small letters, blanks made single.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

_PEM = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----\s+(.*?)-----END ", re.DOTALL)
_SEQUENCE, _SET, _UTF8, _VERSION = 0x30, 0x31, 0x0C, 0xA0
_ENCODINGS: Mapping[int, str] = {
    _UTF8: "utf-8",
    0x13: "latin-1",  # PrintableString
    0x14: "latin-1",  # T61String, as OpenSSL takes it
    0x16: "latin-1",  # IA5String
    0x1A: "latin-1",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}
_BLANKS = re.compile("[ \t\n\v\f\r]+")
_REPLACED = str.maketrans(" ,()", "__==")
_SUBJECT = 4
"""Fields of a certificate before its subject, the version left out: serial number, algorithm, issuer, validity."""


class CertificateError(ValueError):
    """A file is not a certificate."""


def certificate_links(certificates: Mapping[str, bytes]) -> dict[str, str]:
    """Name in /etc/ssl/certs → what the link says, for authorities by image path: one by a readable name, one by hash.

    A file with several certificates, or without one, gets the first link only; two copies of a certificate share one
    hash.
    """
    links: dict[str, str] = {}
    by_name = {pem_name(path): path for path in certificates}
    taken: dict[str, list[bytes]] = {}
    for name, path in sorted(by_name.items(), key=lambda pair: pair[0].encode()):
        links[name] = path
        try:
            (encoded,) = certificates_in(certificates[path])
            hashed = subject_hash(encoded)
        except ValueError:
            continue
        same = taken.setdefault(hashed, [])
        if encoded not in same:
            links[f"{hashed}.{len(same)}"] = name
            same.append(encoded)
    return dict(sorted(links.items()))


def pem_name(path: str) -> str:
    """What update-ca-certificates calls the link to a certificate."""
    stem = PurePosixPath(path).name.removesuffix(".crt")
    return stem.translate(_REPLACED) + ".pem"


def certificates_in(text: bytes) -> tuple[bytes, ...]:
    """The certificates of a PEM file, as DER; a `CertificateError` where one is not base64."""
    try:
        return tuple(base64.b64decode(b"".join(found.split()), validate=True) for found in _PEM.findall(text))
    except binascii.Error as error:
        raise CertificateError(str(error)) from None


def subject_hash(certificate: bytes) -> str:
    """Eight hexadecimal digits, of a certificate in DER; a `CertificateError` for anything else."""
    _, whole = _only(certificate, _SEQUENCE)
    _, signed = next(_values(whole), (0, b""))
    fields = [content for tag, content in _values(signed) if tag != _VERSION]
    if len(fields) <= _SUBJECT:
        raise CertificateError("it is cut short")
    canonical = b"".join(_canonical_part(part) for _, part in _values(fields[_SUBJECT]))
    digest = hashlib.sha1(canonical, usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"


def _canonical_part(part: bytes) -> bytes:
    entries = [
        _encoded(_SEQUENCE, b"".join(_canonical_value(tag, content) for tag, content in _values(entry)))
        for _, entry in _values(part)
    ]
    return _encoded(_SET, b"".join(sorted(entries)))


def _canonical_value(tag: int, content: bytes) -> bytes:
    if tag not in _ENCODINGS:
        return _encoded(tag, content)
    try:
        text = content.decode(_ENCODINGS[tag])
    except UnicodeDecodeError as error:
        raise CertificateError(str(error)) from None
    folded = _BLANKS.sub(" ", text).strip(" ")
    small = "".join(letter.lower() if letter.isascii() else letter for letter in folded)
    return _encoded(_UTF8, small.encode())


def _only(data: bytes, tag: int) -> tuple[int, bytes]:
    found = next(_values(data), None)
    if found is None or found[0] != tag:
        raise CertificateError("it is not a certificate")
    return found


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of DER values that follow each other."""
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise CertificateError("it is cut short")
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise CertificateError("it is cut short")
        yield tag, data[at : at + length]
        at += length


def _encoded(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content
