"""Package lists: their addresses relative to a Release, and their paragraphs."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from sysimage.errors import IntegrityError
from sysimage_bootstrap.archive.fetch import FetchRequest
from sysimage_bootstrap.archive.release import ListedFile, Release

LIST_LIMIT = 1 << 30
"""Bytes; no list is longer, compressed or not."""
_PIECE = 4 << 20
"""Bytes read at once."""


def list_request(release: Release, entry: ListedFile) -> FetchRequest:
    """Where to fetch a package list; an `IntegrityError` for one of an absurd size."""
    if entry.size > LIST_LIMIT:
        raise IntegrityError(f"cannot use {release.what}: its {entry.path} is {entry.size} bytes long")
    base = release.source.directory
    folder = "".join(entry.path.rpartition("/")[:2])
    uris = [f"{base}/{entry.path}"]
    if release.by_hash:
        uris.insert(0, f"{base}/{folder}by-hash/SHA256/{entry.digest.hex}")
    return FetchRequest(f"{entry.path} of {release.source.label}", entry.digest, entry.size, tuple(uris))


def list_paragraphs(release: Release, entry: ListedFile, path: Path, *, between: bytes = b"\n\n") -> Iterator[str]:
    """Decompress a package list that has been fetched and checked, some whole paragraphs at a time (or what else is
    ``between`` entries); an
    `IntegrityError` if it is malformed. A list as one text takes hundreds of megabytes."""
    what = f"{entry.path} of {release.source.label}"
    plain = entry.path.removesuffix(".xz").removesuffix(".gz")
    # The length of the uncompressed list is signed as well, so that a small file cannot become a huge one.
    limit = left = release.files[plain].size if plain in release.files else LIST_LIMIT
    rest = b""
    try:
        with _opener(entry.path)(path) as file:
            while piece := file.read(min(_PIECE, left + 1)):
                left -= len(piece)
                if left < 0:
                    raise IntegrityError(f"cannot use {what}: it is longer than the {limit} bytes that were promised")
                whole, blank, rest = (rest + piece).rpartition(between)
                if blank:
                    yield whole.decode("utf-8")
        yield rest.decode("utf-8")
    except (lzma.LZMAError, EOFError, OSError, UnicodeDecodeError) as error:
        raise IntegrityError(f"cannot use {what}: it is malformed: {error}") from None


def _opener(name: str) -> Callable[[Path], IO[Any]]:
    if name.endswith(".xz"):
        return lambda path: lzma.open(path)
    if name.endswith(".gz"):
        return lambda path: cast("IO[Any]", gzip.open(path))
    return lambda path: path.open("rb")
