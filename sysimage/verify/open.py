"""Opens whatever an image is in."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from sysimage.errors import IntegrityError, MachineError, SpecError
from sysimage.suggestions import did_you_mean
from sysimage.verify.image_source import ImagePlace, ImageSource, LayoutImageSource, TarImageSource
from sysimage.verify.limits import Limits
from sysimage.verify.skopeo_directory import SkopeoDirectorySource, is_skopeo_directory

_TEXTS = {
    **dict.fromkeys((".json", ".jsonc"), "JSON"),
    **dict.fromkeys((".yaml", ".yml"), "YAML"),
    ".toml": "TOML",
}
"""What people give for an image by mistake, by the ends of its names."""
_OF_AN_IMAGE = ("index.json", "manifest.json", "oci-layout", "blobs")
"""One of which is in every directory that holds an image, however broken."""
_WITHOUT_HOST = re.compile(r"[a-z0-9_-]+(?:/[a-z0-9_-]+)?:[A-Za-z0-9_][A-Za-z0-9_.-]*")


def open_source(path: Path | ImagePlace, limits: Limits) -> ImageSource:
    """Open an archive, a layout directory, or another place. A SpecError if the file is absent or not an image, such as
    a spec; an IntegrityError for a damaged image; a MachineError if it is unreadable."""
    if not isinstance(path, Path):
        return path.open(limits)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return _directory(path, limits)
        if not stat.S_ISREG(mode):
            raise IntegrityError(
                f"cannot read {path}: it is neither a file nor a directory",
                hint="save the stream to a file first",
            )
        if path.suffix in _TEXTS:
            raise SpecError(
                f"cannot read {path}: it is {_TEXTS[path.suffix]}, and no image",
                hint=f"if it is a spec, build it first: sysimage build {path}"
                if _TEXTS[path.suffix] == "JSON"
                else None,
            )
        return TarImageSource(path, limits)
    except FileNotFoundError:
        raise SpecError(
            f"cannot read {path}: there is no such file", hint=did_you_mean(path, _hint(path.name))
        ) from None
    except OSError as error:
        raise MachineError(f"cannot read {path}: {error.strerror}") from error


def _directory(path: Path, limits: Limits) -> ImageSource:
    if is_skopeo_directory(path):
        return SkopeoDirectorySource(path, limits)
    if not any((path / name).exists() for name in _OF_AN_IMAGE):
        spec = path / "system.json"
        hint = f"did you mean {spec}?" if spec.is_file() else "name an archive or the directory of an OCI layout"
        raise SpecError(f"cannot read {path}: it is a directory, and no image is in it", hint=hint)
    return LayoutImageSource(path)


def _hint(name: str) -> str:
    """A name as for ``docker pull``, without a host, is taken for the name of a file."""
    if _WITHOUT_HOST.fullmatch(name):
        return f"name a file or an OCI layout, or an image in a registry with its host, such as docker.io/{name}"
    return "name an archive or the directory of an OCI layout"
