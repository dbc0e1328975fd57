"""Package lists on their way: where they lie beside a Release, and what is in them."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from sysimage.errors import IntegrityError
from sysimage_bootstrap.archive.fetch import Wanted
from sysimage_bootstrap.archive.release import ListedFile, Release

LIST_LIMIT = 1 << 30
"""Bytes; no list is longer, compressed or not."""


def wanted_list(release: Release, entry: ListedFile) -> Wanted:
    """Where to fetch a package list; an `IntegrityError` for one that nobody could want."""
    if entry.size > LIST_LIMIT:
        raise IntegrityError(f"cannot use {release.what}: its {entry.path} is {entry.size} bytes long")
    base = f"{release.source.uri}/dists/{release.source.suite}"
    folder = entry.path.rpartition("/")[0]
    uris = [f"{base}/{entry.path}"]
    if release.by_hash:
        uris.insert(0, f"{base}/{folder}/by-hash/SHA256/{entry.digest.hex}")
    return Wanted(f"{entry.path} of {release.source.suite}", entry.digest, entry.size, tuple(uris))


def list_text(release: Release, entry: ListedFile, path: Path) -> str:
    """Decompress a package list that has been fetched and checked; an `IntegrityError` if it is malformed."""
    what = f"{entry.path} of {release.source.suite}"
    plain = entry.path.removesuffix(".xz").removesuffix(".gz")
    # The length of the uncompressed list is signed as well, so that a small file cannot become a huge one.
    limit = release.files[plain].size if plain in release.files else LIST_LIMIT
    try:
        with _opener(entry.path)(path) as file:
            data: bytes = file.read(limit + 1)
        if len(data) > limit:
            raise IntegrityError(f"cannot use {what}: it is longer than the {limit} bytes that were promised")
        return data.decode("utf-8")
    except (lzma.LZMAError, EOFError, OSError, UnicodeDecodeError) as error:
        raise IntegrityError(f"cannot use {what}: it is malformed: {error}") from None


def _opener(name: str) -> Callable[[Path], IO[Any]]:
    if name.endswith(".xz"):
        return lambda path: lzma.open(path)
    if name.endswith(".gz"):
        return lambda path: cast("IO[Any]", gzip.open(path))
    return lambda path: path.open("rb")
