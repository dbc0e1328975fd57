"""SHA-256 digests, and the base-32 in which functional stores write them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from io import BufferedReader

NIX_BASE32_ALPHABET = "0123456789abcdfghijklmnpqrsvwxyz"
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A SHA-256 digest. ``Digest.parse`` is the door from text; the constructor checks too."""

    hex: str
    """64 lower-case hexadecimal digits."""

    def __post_init__(self) -> None:
        if not _HEX.fullmatch(self.hex):
            raise ValueError(f"not a SHA-256 digest: {self.hex!r}")

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read ``sha256:<hex>``; anything else, upper case and other algorithms included, is a ValueError."""
        algorithm, colon, value = text.partition(":")
        if algorithm != "sha256" or not colon:
            raise ValueError(f"not a sha256 digest: {text!r}")
        return cls(value)

    @classmethod
    def of(cls, data: bytes) -> Digest:
        return cls(hashlib.sha256(data).hexdigest())

    @classmethod
    def of_file(cls, file: BufferedReader) -> Digest:
        return cls(hashlib.file_digest(file, "sha256").hexdigest())

    def __str__(self) -> str:
        return f"sha256:{self.hex}"

    @property
    def raw(self) -> bytes:
        """The 32 bytes."""
        return bytes.fromhex(self.hex)


def nix_base32(data: bytes) -> str:
    """The base-32 of Nix and Guix: least significant digit last, their alphabet without e, o, t and u."""
    number = int.from_bytes(data, "little")
    length = (len(data) * 8 + 4) // 5
    return "".join(NIX_BASE32_ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(length)))


def from_nix_base32(text: str) -> bytes:
    """The inverse of `nix_base32`; a ValueError for a foreign letter or an impossible length."""
    number = 0
    for letter in text:
        value = NIX_BASE32_ALPHABET.find(letter)
        if value < 0:
            raise ValueError(f"not nix base-32: {text!r}")
        number = number << 5 | value
    length = len(text) * 5 // 8
    if number >> (8 * length):
        raise ValueError(f"not nix base-32: {text!r}")
    return number.to_bytes(length, "little")


def fold(data: bytes, size: int) -> bytes:
    """Fold a digest to ``size`` bytes by exclusive or, as store paths do (20 bytes make the 32 letters)."""
    folded = bytearray(size)
    for index, byte in enumerate(data):
        folded[index % size] ^= byte
    return bytes(folded)
