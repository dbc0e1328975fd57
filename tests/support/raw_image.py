"""OCI layouts and docker-archives made from JSON and tar bytes, so that anything in them can be wrong."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support import raw_tar

OCI = "application/vnd.oci.image."
MANIFEST = OCI + "manifest.v1+json"
INDEX = OCI + "index.v1+json"
CONFIG = OCI + "config.v1+json"
LAYER = OCI + "layer.v1.tar"
Files = dict[str, bytes]
"""What an archive or a directory holds, by name."""


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def dump(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def gzipped(data: bytes) -> bytes:
    compressor = zlib.compressobj(6, zlib.DEFLATED, 31)
    return compressor.compress(data) + compressor.flush()


def descriptor(data: bytes, media_type: str, **changes: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha256(data), "size": len(data), **changes}


def config_of(layers: Sequence[bytes], **changes: Any) -> dict[str, Any]:
    """A config for uncompressed ``layers``."""
    rootfs = {"type": "layers", "diff_ids": [sha256(layer) for layer in layers]}
    return {"architecture": "amd64", "os": "linux", "rootfs": rootfs, **changes}


class RawImage:
    """An image of uncompressed layers, correct in all that is not changed before it is written."""

    def __init__(self, *layers: bytes, config: Mapping[str, Any] | None = None) -> None:
        self.layers = layers
        self.blobs = list(layers)
        self.config: Any = config_of(layers, **(config or {}))
        self.layer_type = LAYER
        self.manifest_changes: dict[str, Any] = {}
        self.manifest: Any = None
        self.index_changes: dict[str, Any] = {}
        self.descriptor_changes: dict[str, Any] = {}
        self.files: Files = {}
        """Added in the end, or put in another's place."""

    def layout(self) -> Files:
        """The files of an OCI layout."""
        config = dump(self.config)
        manifest = self.manifest
        if manifest is None:
            manifest = {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": descriptor(config, CONFIG),
                "layers": [descriptor(blob, self.layer_type) for blob in self.blobs],
                **self.manifest_changes,
            }
        data = dump(manifest)
        index = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [descriptor(data, MANIFEST, **self.descriptor_changes)],
            **self.index_changes,
        }
        files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": dump(index)}
        for blob in (config, data, *self.blobs):
            files[blob_name(blob)] = blob
        return {**files, **self.files}

    def docker_archive(self) -> Files:
        """The files of a docker-archive."""
        config = dump(self.config)
        name = sha256(config)[7:] + ".json"
        entry = {"Config": name, "RepoTags": ["raw:1"], "Layers": [f"{n}.tar" for n in range(len(self.blobs))]}
        layers = {f"{number}.tar": blob for number, blob in enumerate(self.blobs)}
        return {name: config, "manifest.json": dump([entry]), **layers, **self.files}


def blob_name(data: bytes) -> str:
    return f"blobs/sha256/{sha256(data)[7:]}"


def write_directory(files: Files, path: Path) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def write_archive(files: Files, path: Path, *, extra: bytes = b"") -> Path:
    members = [raw_tar.file(name.encode(), data) for name, data in files.items()]
    path.write_bytes(raw_tar.archive(*members, extra))
    return path
