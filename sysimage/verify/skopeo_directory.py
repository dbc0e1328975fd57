"""A directory as ``skopeo copy X dir:DIR`` and ``podman save --format docker-dir`` write it, read as an OCI layout.

    version  manifest.json  <digest>  …            one image: its manifest, config and layers
    version  manifest.json  <digest>.manifest.json  <digest>  …    an index and what it leads to

Format: containers/image, directory transport 1.1 and 1.2.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from sysimage.digest import Digest
from sysimage.verify.image_source import LayoutImageSource
from sysimage.verify.issue_collector import MalformedError
from sysimage.verify.limits import Limits

_BLOBS = "blobs/sha256/"
_OCI = "application/vnd.oci.image."


def is_skopeo_directory(path: Path) -> bool:
    """Whether it is one, and no layout."""
    try:
        with (path / "version").open("rb") as file:
            return file.read(19) == b"Directory Transport" and not (path / "oci-layout").exists()
    except OSError:
        return False


class SkopeoDirectorySource(LayoutImageSource):
    """The names of a layout, which lead to the files of the directory."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._made: Mapping[str, bytes] = {}
        self._manifest = ""
        super().__init__(path)
        manifest = self._read_manifest(limits)
        digest = Digest.of(manifest)
        self._manifest = digest.hex
        entry = {"mediaType": _media_type(manifest), "digest": str(digest), "size": len(manifest)}
        self._made = {
            "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
            "index.json": json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode(),
        }

    def _read_manifest(self, limits: Limits) -> bytes:
        try:
            if (super().size("manifest.json") or 0) > limits.document_size:
                raise MalformedError(f"has a manifest.json of more than {limits.document_size} bytes")
            return b"".join(super().chunks("manifest.json"))
        except BaseException:
            os.close(self._descriptor)
            raise

    def size(self, name: str) -> int | None:
        return len(self._made[name]) if name in self._made else super().size(self._file(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        return iter([self._made[name]]) if name in self._made else super().chunks(self._file(name))

    def _file(self, name: str) -> str:
        digest = name.removeprefix(_BLOBS)
        if digest == name:
            return ""  # nothing else of a layout is here
        if digest == self._manifest:
            return "manifest.json"
        return digest if super().size(digest) is not None else f"{digest}.manifest.json"


def _media_type(manifest: bytes) -> str:
    """The media type that the manifest states; OCI's may leave that out."""
    try:
        value = json.loads(manifest)
    except ValueError:
        value = {}
    value = value if isinstance(value, dict) else {}
    kind = "index.v1+json" if "manifests" in value else "manifest.v1+json"
    return str(value.get("mediaType") or _OCI + kind)
