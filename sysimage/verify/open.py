"""Opens whatever an image lies in."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from sysimage.errors import IntegrityError, MachineError, SpecError
from sysimage.verify.image_source import ImagePlace, ImageSource, LayoutImageSource, TarImageSource
from sysimage.verify.limits import Limits
from sysimage.verify.skopeo_directory import SkopeoDirectorySource, is_skopeo_directory

_WITHOUT_HOST = re.compile(r"[a-z0-9_-]+(?:/[a-z0-9_-]+)?:[A-Za-z0-9_][A-Za-z0-9_.-]*")


def open_source(path: Path | ImagePlace, limits: Limits) -> ImageSource:
    """Open an archive, a layout directory, or another place. IntegrityError for what is neither, MachineError if it is
    unreadable."""
    if not isinstance(path, Path):
        return path.open(limits)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return SkopeoDirectorySource(path, limits) if is_skopeo_directory(path) else LayoutImageSource(path)
        if not stat.S_ISREG(mode):
            raise IntegrityError(
                f"cannot read {path}: it is neither a file nor a directory",
                hint="save the stream to a file first",
            )
        if path.suffix in (".json", ".jsonc"):
            raise SpecError(
                f"cannot read {path}: it is JSON, and no image",
                hint=f"if it is a spec, build it first: sysimage build {path}",
            )
        return TarImageSource(path, limits)
    except FileNotFoundError:
        raise SpecError(f"cannot read {path}: there is no such file", hint=_hint(path.name)) from None
    except OSError as error:
        raise MachineError(f"cannot read {path}: {error.strerror}") from error


def _hint(name: str) -> str:
    """A name as for ``docker pull``, without a host, is taken for a file's."""
    if _WITHOUT_HOST.fullmatch(name):
        return f"name a file or an OCI layout, or an image in a registry with its host, such as docker.io/{name}"
    return "name an archive or the directory of an OCI layout"
