"""The image under test, as far as the harness must know it beforehand: its size, its names and its configuration."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sysimage.errors import MachineError, SysimageError

_LARGEST_DOCUMENT = 4 << 20


@dataclass(frozen=True, slots=True)
class ImageArchive:
    """A ``docker load``-able archive."""

    path: Path
    size: int
    """Bytes."""
    names: tuple[str, ...]
    config: Mapping[str, Any]
    """The image's configuration document, parsed."""
    layers: int
    oci: bool = False
    """Whether it is an OCI layout, perhaps among other things."""

    @property
    def declared(self) -> Mapping[str, Any]:
        """What a container of it runs: the ``config`` of the configuration."""
        section = self.config.get("config")
        return section if isinstance(section, dict) else {}


@contextmanager
def open_image(path: Path) -> Iterator[ImageArchive]:
    """Read an archive's documents; an OCI layout, a directory, is packed into a temporary archive first."""
    if not path.is_dir():
        yield read_archive(path)
        return
    with tempfile.NamedTemporaryFile(prefix="sysimage-layout-", suffix=".tar") as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for child in sorted(path.iterdir()):
                archive.add(child, arcname=child.name, filter=_plain)
        packed.flush()
        yield read_archive(Path(packed.name))


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def read_archive(path: Path) -> ImageArchive:
    """Read the documents of an archive that has ``manifest.json`` or is an OCI layout; layers are not read."""
    try:
        with tarfile.open(path) as archive:
            members = {member.name.removeprefix("./"): member for member in archive}
            oci = "oci-layout" in members
            if "manifest.json" in members:
                entries = _document(archive, members, "manifest.json")
                entry = entries[0]
                config = _document(archive, members, entry["Config"])
                names, layers = entry.get("RepoTags") or (), entry["Layers"]
            else:
                index = _document(archive, members, "index.json")
                described = index["manifests"][0]
                manifest = _document(archive, members, _blob(described["digest"]))
                config = _document(archive, members, _blob(manifest["config"]["digest"]))
                annotations = described.get("annotations") or {}
                named = annotations.get("io.containerd.image.name")
                names, layers = (named,) if named else (), manifest["layers"]
    except OSError as error:
        raise MachineError(f"cannot read {path}: {error.strerror}") from None
    except (tarfile.TarError, ValueError, KeyError, IndexError, TypeError) as error:
        raise SysimageError(
            f"cannot read the image {path}: {type(error).__name__}: {error}",
            hint="give an archive or an OCI layout that sysimage build wrote",
        ) from None
    return ImageArchive(path, path.stat().st_size, tuple(names), config, len(layers), oci)


def _blob(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"


def _document(archive: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo], name: str) -> Any:
    member = members[name]
    file = archive.extractfile(member) if member.size <= _LARGEST_DOCUMENT else None
    if file is None:
        raise ValueError(f"{name} is not a document")
    return json.load(file)
