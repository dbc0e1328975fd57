"""The layer cache: layers that were built once and need not be read again.

The records in ``layers`` say what a layer's inputs are and which blob they gave; ``blobs/sha256`` holds the blobs. Keys
are made of content (store paths, NAR hashes, entries) and of the code, never of times. A record is a claim with a
checksum: before a blob is used its `FileFingerprint` is compared with what it was when the bytes were known to be
right, and where they differ all bytes are hashed; a record or a blob that is not right is dropped and made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sysimage.blobs import BlobDirectory
from sysimage.blobs.file_fingerprint import FileFingerprint
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.files import memo
from sysimage.files.code_digest import code_digest
from sysimage.files.codec import Codec
from sysimage.files.locks import alone, in_use
from sysimage.layers.blob import LayerBlob, write_layer
from sysimage.layers.compression import Compression
from sysimage.layers.source import LayerSource
from sysimage.notices import notice
from sysimage.rootfs.tree import Entry
from sysimage.store.items import ShownFiles, StoreItem


@dataclass(frozen=True, slots=True)
class CachedLayer:
    """One record of the cache."""

    key: str
    """`layer_key` of the source."""
    blob: LayerBlob
    contents: tuple[str, ...]
    """Store paths and entries in the layer, for people who look into the cache."""
    stamp: FileFingerprint
    """The fingerprint of the blob from when its bytes were verified."""
    checked: bool = False
    """Whether the items were compared with their NAR hashes when the layer was built."""


_CODEC = Codec(CachedLayer)


def layer_key(source: LayerSource, compression: Compression) -> str:
    """64 hexadecimal digits that stand for everything a layer's bytes depend on; its label is not among them.

    Files of this machine that entries name are read for it, unless their digests are known; store items are not.
    """
    parts = [_part(part) for part in (*source.parts(), *source.unusual_directories())]
    inputs = [code_digest(write_layer), str(compression), compression.library, source.uid, source.gid, parts]
    return hashlib.sha256(json.dumps(inputs, separators=(",", ":")).encode()).hexdigest()


def _part(part: Entry | StoreItem) -> list[Any]:
    if isinstance(part, StoreItem):
        return [str(part.path), part.nar_hash.hex, part.shown and _shown(part.shown)]
    content = part.target if part.content is None else part.digest().hex
    more: list[Any] = [part.capabilities.hex()] if part.capabilities else []
    more += [[key.hex(), value.hex()] for key, value in part.attributes]
    return [part.path, part.kind.value, part.mode, part.uid, part.gid, content, *more]


def _shown(shown: ShownFiles) -> list[Any]:
    own = [[path, one.mode, one.uid, one.gid] for path, one in sorted(shown.own.items())]
    return [shown.top, shown.left_out, sorted(shown.links.items()), own]


class LayerCache:
    """Blobs and records below ``root``. Safe to share among builds that run at the same time."""

    def __init__(self, root: Path) -> None:
        self.blobs = BlobDirectory(root)
        self._root = root
        self._records = root / "layers"
        # Bounded by `prune`, which knows the sizes of the blobs.
        self._memo = memo.Memo(self._records, made_by=code_digest(LayerCache), most=None)

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """While this is open no process can `prune` blobs; it ends with the process, however that ends."""
        # Layers contain files that only root may read in the running image, such as password hashes.
        with in_use(self._root, private=True):
            self._records.mkdir(exist_ok=True)
            yield

    def find(self, key: str, label: str, *, checked: bool = False) -> LayerBlob | None:
        """The layer with this key under a new label, if its blob is there and right.

        With ``checked``, a layer whose items were not checked does not count.
        """
        record = self._record(key)
        if record is None or (checked and not record.checked):
            return None
        try:
            if self._stamp(record.blob) != record.stamp:
                self.prove(record)
        except FileNotFoundError:
            self._memo.drop(key)
            return None
        except (OSError, IntegrityError) as error:
            notice(f"a layer in the cache was damaged and is made again ({error})")
            self.forget(record)
            return None
        return replace(record.blob, label=label)

    def sweep(self) -> None:
        """Remove what killed writers of blobs and of records left behind; a file that a living writer holds stays."""
        self.blobs.sweep()
        self._memo.sweep()

    def prove(self, record: CachedLayer) -> None:
        """Read a record's blob, and remember what it looks like if it is right; an `IntegrityError` or an OSError if
        not."""
        stamp = self._stamp(record.blob)
        self.blobs.verify(record.blob.descriptor)
        if stamp != record.stamp:
            self._write(replace(record, stamp=stamp))

    def forget(self, record: CachedLayer) -> None:
        """Drop a record and its blob: the layer is built again when it is needed."""
        self._memo.drop(record.key)
        self.blobs.remove(record.blob.descriptor.digest)

    def drop(self, key: str) -> None:
        """Drop the record with this key and its blob, if they are there."""
        if (record := self._record(key)) is not None:
            self.forget(record)

    def linked(self, key: str, before: FileFingerprint, after: FileFingerprint) -> None:
        """The blob of this key was given another name, which moved its change time from ``before`` to ``after``."""
        record = self._record(key)
        if record is not None and record.stamp == before:
            self._write(replace(record, stamp=after))

    def record_path(self, key: str) -> Path:
        """Where the record of a key is, or would be."""
        return self._memo.path(key)

    def _record(self, key: str) -> CachedLayer | None:
        text = self._memo.find(key)
        return None if text is None else _decoded(text)

    def _stamp(self, blob: LayerBlob) -> FileFingerprint:
        return FileFingerprint.of(self.blobs.path(blob.descriptor.digest))

    def remember(self, key: str, blob: LayerBlob, source: LayerSource, *, checked: bool) -> None:
        """Record that this source gave this blob, which is in `blobs`, and whether its items were ``checked``."""
        contents = [str(item.path) for item in source.items] + [entry.path for entry in source.entries]
        self._write(CachedLayer(key, blob, tuple(contents), self._stamp(blob), checked))

    def size(self) -> int:
        """Bytes of all blobs."""
        return sum(self.blobs.sizes().values())

    def layers(self) -> Iterator[CachedLayer]:
        """Every record that can be read, the one used longest ago first."""
        yield from (record for _, record in self._by_age() if record is not None)

    def damaged_records(self) -> tuple[Path, ...]:
        """The files of records that are not what was written there; those of other versions are skipped."""
        return tuple(path for path, text in memo.texts(self._records) if text is None)

    def strays(self) -> tuple[Path, ...]:
        """The files beside the blobs that no record knows, damaged or not."""
        known = {record.blob.descriptor.digest for record in self.layers()}
        return tuple(self.blobs.path(digest) for digest in self.blobs.digests() if digest not in known)

    def prune(self, most_bytes: int) -> int:
        """Forget layers, longest unused first, until the blobs are at most ``most_bytes``; returns the bytes freed.

        Blobs without a record go first. Nothing happens while another build uses the cache.
        """
        if not self._records.is_dir():
            return 0
        with alone(self._root) as nobody_else:
            if not nobody_else:
                return 0
            self.sweep()
            return self._prune(most_bytes)

    def _prune(self, most_bytes: int) -> int:
        sizes = self.blobs.sizes()
        total = sum(sizes.values())
        kept: dict[Digest, int] = {}
        room = most_bytes
        for path, record in reversed(self._by_age()):
            digest = record.blob.descriptor.digest if record else None
            if digest in kept:
                continue
            if digest is None or digest not in sizes or sizes[digest] > room:
                path.unlink(missing_ok=True)
                if digest is not None:
                    room = 0  # younger layers stay and older ones go, whatever would still fit
                continue
            kept[digest] = sizes[digest]
            room -= sizes[digest]
        for path in self._records.glob("*.json"):  # of older versions, as are their blobs that go now
            path.unlink(missing_ok=True)
        for digest in sizes:
            if digest not in kept:
                self.blobs.remove(digest)
        return total - sum(kept.values())

    def _by_age(self) -> list[tuple[Path, CachedLayer | None]]:
        """The files of all records, the one used longest ago first, and those that can be read."""
        return [(path, None if text is None else _decoded(text)) for path, text in memo.texts(self._records)]

    def _write(self, record: CachedLayer) -> None:
        self._memo.keep(record.key, _CODEC.dumps(record))


def _decoded(text: str) -> CachedLayer | None:
    """A record; None if another version wrote it in its own way."""
    try:
        return _CODEC.loads(text)
    except ValueError:
        return None
