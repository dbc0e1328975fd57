"""The layer cache: layers that were built once and need not be read again.

``layers/<key>.json`` says what a layer's inputs are and which blob they gave; ``blobs/sha256`` holds the blobs. Keys
are made of content (store paths, NAR hashes, entries), never of times. A record is a claim, with a digest over itself:
before a blob is used its `Stamp` is compared with what it was when the bytes were known to be right, and where they
differ all bytes are hashed; a record or a blob that is not right is dropped and made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sysimage.blobs import BlobDirectory, Descriptor
from sysimage.blobs.stamp import Stamp
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.kept import alone, in_use
from sysimage.layers.blob import LayerBlob
from sysimage.layers.compression import Compression
from sysimage.layers.source import LayerSource
from sysimage.layers.tar import FORMAT
from sysimage.notices import notice
from sysimage.rootfs.tree import Entry
from sysimage.store.items import StoreItem
from sysimage.temporary import sweep, write_whole

_RECORD_FORMAT = 2
"""Raised when the fields of a record change."""


@dataclass(frozen=True, slots=True)
class CachedLayer:
    """One record of the cache."""

    key: str
    """`layer_key` of the source."""
    blob: LayerBlob
    contents: tuple[str, ...]
    """Store paths and entries in the layer, for people who look into the cache."""
    stamp: Stamp
    """The blob's when its bytes were known to be right."""
    checked: bool = False
    """Whether the items were compared with their NAR hashes when the layer was built."""


def layer_key(source: LayerSource, compression: Compression) -> str:
    """64 hexadecimal digits that stand for everything a layer's bytes depend on; its label is not among them.

    Files of this machine that entries name are read for it, unless their digests are known; store items are not.
    """
    parts = [_part(part) for part in source.parts()]
    inputs = [FORMAT, str(compression), compression.library, source.uid, source.gid, parts]
    return hashlib.sha256(json.dumps(inputs, separators=(",", ":")).encode()).hexdigest()


def _part(part: Entry | StoreItem) -> list[Any]:
    if isinstance(part, StoreItem):
        return [str(part.path), part.nar_hash.hex]
    value = part.target if part.content is None else part.digest().hex
    return [part.path, part.kind.value, part.mode, part.uid, part.gid, value]


class LayerCache:
    """Blobs and records below ``root``. Safe to share among builds that run at the same time."""

    def __init__(self, root: Path) -> None:
        self.blobs = BlobDirectory(root)
        self._root = root
        self._records = root / "layers"

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """While this is open nobody's `prune` takes blobs away; it ends with the process, however that ends."""
        # Layers hold what not everybody may read in the running image, such as hashes of passwords.
        with in_use(self._root, 0o700):
            self._records.mkdir(exist_ok=True)
            yield

    def find(self, key: str, label: str, *, checked: bool = False) -> LayerBlob | None:
        """The layer with this key under a new label, if its blob is there and right.

        Where it has to be ``checked``, one of items that were believed is none.
        """
        path = self._place(key)
        record = _read(path, key)
        if record is None and os.path.lexists(path) and not _is_older(path):
            notice(f"{path} was damaged: the layer is made again")
        if record is None or (checked and not record.checked):
            return None
        try:
            if self._stamp(record.blob) != record.stamp:
                self.prove(record)
        except FileNotFoundError:
            path.unlink(missing_ok=True)
            return None
        except (OSError, IntegrityError) as error:
            notice(f"a layer in the cache was damaged and is made again ({error})")
            self.forget(record)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # what was used last is forgotten last
        return replace(record.blob, label=label)

    def prove(self, record: CachedLayer) -> None:
        """Read a record's blob, and remember what it looks like if it is right; an `IntegrityError` or an OSError if
        not."""
        stamp = self._stamp(record.blob)
        self.blobs.verify(record.blob.descriptor)
        if stamp != record.stamp:
            self._write(replace(record, stamp=stamp))

    def forget(self, record: CachedLayer) -> None:
        """Drop a record and its blob: the layer is built again when it is needed."""
        self._place(record.key).unlink(missing_ok=True)
        self.blobs.remove(record.blob.descriptor.digest)

    def drop(self, key: str) -> None:
        """Drop the record with this key and its blob, if they are there."""
        if (record := _read(self._place(key), key)) is not None:
            self.forget(record)

    def linked(self, key: str, before: Stamp, after: Stamp) -> None:
        """The blob of this key was given another name, which moved its change time from ``before`` to ``after``."""
        record = _read(self._place(key), key)
        if record is not None and record.stamp == before:
            self._write(replace(record, stamp=after))

    def _place(self, key: str) -> Path:
        return self._records / f"{key}.json"

    def _stamp(self, blob: LayerBlob) -> Stamp:
        return Stamp.of(self.blobs.path(blob.descriptor.digest))

    def remember(self, key: str, blob: LayerBlob, source: LayerSource, *, checked: bool = False) -> None:
        """Record that this source gave this blob, which lies in `blobs`, and whether its items were ``checked``."""
        contents = [str(item.path) for item in source.items] + [entry.path for entry in source.entries]
        self._write(CachedLayer(key, blob, tuple(contents), self._stamp(blob), checked))

    def size(self) -> int:
        """Bytes of all blobs."""
        return sum(self._sizes().values())

    def layers(self) -> Iterator[CachedLayer]:
        """Every readable record, the one used longest ago first."""
        for path in self._by_age():
            if (record := _read(path, path.stem)) is not None:
                yield record

    def damaged_records(self) -> tuple[Path, ...]:
        """The files of records that are not what was written there; those of older versions are passed over."""
        return tuple(path for path in self._by_age() if _read(path, path.stem) is None and not _is_older(path))

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
            self.blobs.sweep()
            sweep(self._records)
            return self._prune(most_bytes)

    def _prune(self, most_bytes: int) -> int:
        sizes = self._sizes()
        total = sum(sizes.values())
        kept: dict[Digest, int] = {}
        room = most_bytes
        for path in reversed(self._by_age()):
            record = _read(path, path.stem)
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
        for digest in sizes:
            if digest not in kept:
                self.blobs.remove(digest)
        return total - sum(kept.values())

    def _sizes(self) -> dict[Digest, int]:
        sizes = {}
        for digest in self.blobs.digests():
            with contextlib.suppress(FileNotFoundError):  # another build found it wrong
                sizes[digest] = self.blobs.path(digest).lstat().st_size
        return sizes

    def _by_age(self) -> list[Path]:
        found = []
        for path in self._records.glob("*.json"):
            with contextlib.suppress(FileNotFoundError):
                found.append((path.stat().st_mtime_ns, path.name, path))
        return [path for _, _, path in sorted(found)]

    def _write(self, record: CachedLayer) -> None:
        self._records.mkdir(parents=True, exist_ok=True)
        value = _as_json(record)
        text = json.dumps({**value, "seal": _seal(value)}, indent=1, sort_keys=True) + "\n"
        write_whole(self._place(record.key), text.encode(), durable=False)


def _as_json(record: CachedLayer) -> dict[str, Any]:
    blob = record.blob
    return {
        "format": _RECORD_FORMAT,
        "key": record.key,
        "label": blob.label,
        "blob": blob.descriptor.as_json(),
        "diffId": str(blob.diff_id),
        "tarSize": blob.tar_size,
        "contents": list(record.contents),
        "stamp": record.stamp.as_json(),
        "checked": record.checked,
    }


def _seal(value: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _is_older(path: Path) -> bool:
    """Whether a record was written by an older version, which did not seal them."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "modified" in value and "format" not in value


def _read(path: Path, key: str) -> CachedLayer | None:
    """A record; None if it is missing, damaged, or another's."""
    try:
        value = json.loads(path.read_bytes())
        if value.pop("seal") != _seal(value) or value["key"] != key or value["format"] != _RECORD_FORMAT:
            return None
        return CachedLayer(
            key,
            LayerBlob(
                Descriptor.parse(value["blob"]),
                Digest.parse(value["diffId"]),
                int(value["tarSize"]),
                str(value["label"]),
            ),
            tuple(map(str, value["contents"])),
            Stamp.parse(value["stamp"]),
            value.get("checked") is True,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
