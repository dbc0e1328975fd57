"""Opens whatever an image lies in."""

from __future__ import annotations

import stat
from pathlib import Path

from sysimage.errors import IntegrityError, MachineError, SpecError
from sysimage.verify.image_source import ImagePlace, ImageSource, LayoutImageSource, TarImageSource
from sysimage.verify.limits import Limits
from sysimage.verify.skopeo_directory import SkopeoDirectorySource, is_skopeo_directory


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
        return TarImageSource(path, limits)
    except FileNotFoundError:
        raise SpecError(
            f"cannot read {path}: there is no such file", hint="name an archive or the directory of an OCI layout"
        ) from None
    except OSError as error:
        raise MachineError(f"cannot read {path}: {error.strerror}") from error
