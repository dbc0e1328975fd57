"""Reference scan: which store paths a stream of bytes mentions.

Exact in the sense of Nix and Guix: a reference is the 32 letters of a hash part, anywhere, whatever is before or
after it. Mapping every letter of the alphabet to 1 and searching a run of 32 ones does at the speed of hashing what
a regular expression does at a tenth of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from sysimage.digest import NIX_BASE32_ALPHABET, Digest
from sysimage.store.nar import write_nar
from sysimage.store.paths import HASH_LENGTH, StorePath

_CARRY = HASH_LENGTH - 1
_WINDOW = 1 << 16  # stays in the processor's cache, and below the size for which memory is fetched from the kernel
_IS_LETTER = bytes(byte in NIX_BASE32_ALPHABET.encode() for byte in range(256))
_RUN = b"\1" * HASH_LENGTH


class Candidates:
    """The store paths that are looked for: put in order once, for any number of items that are scanned for them."""

    __slots__ = ("_by_hash_part",)

    def __init__(self, paths: Iterable[StorePath]) -> None:
        self._by_hash_part: dict[bytes, list[StorePath]] = {}
        for path in paths:
            self._by_hash_part.setdefault(path.hash_part.encode(), []).append(path)

    def __contains__(self, hash_part: bytes) -> bool:
        return hash_part in self._by_hash_part

    def __getitem__(self, hash_part: bytes) -> list[StorePath]:
        return self._by_hash_part[hash_part]


class ReferenceScanner:
    """Finds which of ``candidates`` the bytes fed so far mention; one may be split between two calls of `feed`."""

    def __init__(self, candidates: Candidates) -> None:
        self._wanted = candidates
        self._found: set[bytes] = set()
        self._carry = b""

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Scan the next bytes of the stream."""
        rest = memoryview(data)
        for start in range(0, len(rest), _WINDOW):
            self._scan(self._carry + rest[start : start + _WINDOW])

    def _scan(self, window: bytes) -> None:
        self._carry = window[-_CARRY:]
        letters = window.translate(_IS_LETTER)
        wanted, found = self._wanted, self._found
        start = letters.find(_RUN)
        while start != -1:
            end = letters.find(0, start + HASH_LENGTH)
            if end == -1:
                end = len(letters)
            for position in range(start, end - _CARRY):
                part = window[position : position + HASH_LENGTH]
                if part in wanted:
                    found.add(part)
            start = letters.find(_RUN, end)

    @property
    def found(self) -> frozenset[StorePath]:
        """The candidates mentioned so far."""
        return frozenset(path for part in self._found for path in self._wanted[part])


def scan_and_hash(path: Path, candidates: Candidates) -> tuple[Digest, int, frozenset[StorePath]]:
    """NAR hash, NAR size in bytes, and references of the tree at ``path``, from one read of each file.

    File names and link targets are scanned too. The item's own path is found if it is among the candidates. Errors as
    in `sysimage.store.nar.write_nar`.
    """
    hasher = hashlib.sha256()
    scanner = ReferenceScanner(candidates)

    def receive(piece: memoryview) -> None:
        hasher.update(piece)
        scanner.feed(piece)

    size = write_nar(path, receive)
    return Digest(hasher.hexdigest()), size, scanner.found
