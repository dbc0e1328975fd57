"""The files of an image's layers, with digests that may stay the same where only names of store items change.

An update of one package changes its store path, and with it the bytes of everything that mentions the path. What a
person asks is which files say something else: so a store path counts by what follows its hash and name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from sysimage.rules.paths import Parts
from sysimage.verify.chunk_stream import ChunkStream
from sysimage.verify.documents import described
from sysimage.verify.image_source import ImageSource
from sysimage.verify.layer import layer_content
from sysimage.verify.limits import Limits
from sysimage.verify.manifest import LayerDocument
from sysimage.verify.tar import MemberKind, TarMember, read_members

STORE_NAME = re.compile(rb"/(?:gnu|nix)/store/[0-9a-df-np-sv-z]{32}-[A-Za-z0-9+\-._?=]{1,211}")
_LONGEST = 11 + 33 + 211
"""Bytes of the longest name that the pattern finds."""


class ContentDigest:
    """A digest of a content that comes in pieces, without the names of store items in it."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self._held = b""

    def update(self, piece: bytes) -> None:
        """Add a piece. A name may cross its end, so its last bytes wait for the next one."""
        data = self._held + piece
        done, safe = 0, max(len(data) - _LONGEST, 0)
        for match in STORE_NAME.finditer(data):
            if match.start() >= safe:
                break
            self._hash.update(data[done : match.start()] + b"/")
            done = match.end()
        cut = max(done, safe)
        self._hash.update(data[done:cut])
        self._held = data[cut:]

    def digest(self) -> bytes:
        """The digest of everything that came."""
        self._hash.update(STORE_NAME.sub(b"/", self._held))
        self._held = b""
        return self._hash.digest()


class Hash(Protocol):
    """Makes a digest of a content that comes in pieces, as those of hashlib do."""

    def update(self, piece: bytes, /) -> None:
        """Add a piece."""

    def digest(self) -> bytes:
        """The digest of everything that came."""


@dataclass(slots=True)
class LayerFiles:
    """What one layer has."""

    members: list[TarMember] = field(default_factory=list)
    digests: dict[Parts, bytes] = field(default_factory=dict)
    """Of the contents of its files, where they were asked for."""
    captured: dict[Parts, bytes] = field(default_factory=dict)


def read_files(
    document: LayerDocument,
    source: ImageSource,
    limits: Limits,
    wanted: Callable[[TarMember], bool],
    new_hash: Callable[[], Hash] | None,
) -> LayerFiles:
    """Read a layer once; a MalformedError for one that cannot be read.

    Contents of files that are ``wanted`` are kept, each file is asked about once; ``new_hash`` makes what hashes a
    file, None where digests are not asked for.
    """
    with described(f"{document.where} "):
        return _files(layer_content(document, source, limits), limits, wanted, new_hash)


def _files(
    stream: ChunkStream, limits: Limits, wanted: Callable[[TarMember], bool], new_hash: Callable[[], Hash] | None
) -> LayerFiles:
    found = LayerFiles()
    for member in read_members(stream, limits, end_required=False):
        found.members.append(member)
        if member.kind is not MemberKind.FILE:
            continue
        keeps = wanted(member)
        state = None if new_hash is None else new_hash()
        if state is None and not keeps:
            continue
        pieces = []
        for piece in member.content(stream):
            if state is not None:
                state.update(piece)
            if keeps:
                pieces.append(piece)
        if keeps:
            found.captured[member.parts] = b"".join(pieces)
        if state is not None:
            found.digests[member.parts] = state.digest()
    return found
