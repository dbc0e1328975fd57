"""Store paths: the identity of an item, parsed once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sysimage.digest import NIX_BASE32_ALPHABET, fold, nix_base32

HASH_LENGTH = 32
"""Letters of the hash part: 160 bits in nix base-32."""

_BASE_NAME = re.compile(rf"([{NIX_BASE32_ALPHABET}]{{{HASH_LENGTH}}})-([A-Za-z0-9+\-._?=]{{1,211}})")


@dataclass(frozen=True, slots=True)
class StorePath:
    """``<store directory>/<hash part>-<name>``. Sorts by name, then hash part, so that order survives a rebuild."""

    store_dir: str
    """The logical store directory, such as ``/gnu/store``; where the files are is `StoreItem.location`."""
    hash_part: str
    name: str

    def __post_init__(self) -> None:
        if not _BASE_NAME.fullmatch(self.base_name) or self.name.startswith("."):
            raise ValueError(f"not a store path: {self}")
        if not self.store_dir.startswith("/") or self.store_dir.endswith("/") or "//" in self.store_dir:
            raise ValueError(f"not a store directory: {self.store_dir!r}")

    @classmethod
    def parse(cls, text: str) -> StorePath:
        """Read the path of an item itself, not of a file inside it; a ValueError says what is wrong."""
        store_dir, slash, base_name = text.rpartition("/")
        match = _BASE_NAME.fullmatch(base_name)
        if not slash or match is None:
            raise ValueError(f"not a store path: {text!r}")
        return cls(store_dir, match[1], match[2])

    @property
    def base_name(self) -> str:
        return f"{self.hash_part}-{self.name}"

    def __str__(self) -> str:
        return f"{self.store_dir}/{self.hash_part}-{self.name}"

    @property
    def _key(self) -> tuple[str, str, str]:
        return self.name, self.hash_part, self.store_dir

    def __lt__(self, other: StorePath) -> bool:
        return self._key < other._key


def make_store_path(store_dir: str, kind: str, inner_digest: bytes, name: str) -> StorePath:
    """The path of an item of ``kind`` ("output:out", "source", ...) made from ``inner_digest`` (SHA-256, 32 bytes).

    The scheme of Nix's ``makeStorePath``: SHA-256 of ``kind:sha256:<hex>:<store>:<name>``, folded to 160 bits.
    """
    import hashlib

    fingerprint = f"{kind}:sha256:{inner_digest.hex()}:{store_dir}:{name}"
    return StorePath(store_dir, nix_base32(fold(hashlib.sha256(fingerprint.encode()).digest(), 20)), name)
