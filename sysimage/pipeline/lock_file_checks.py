"""Lock files of other package managers that a spec names, looked at before anything is fetched."""

from __future__ import annotations

from pathlib import Path

from sysimage.spec.model import SystemSpec


def check_lock_files(spec: SystemSpec, spec_dir: Path) -> None:
    """Refuse what is wrong in them whatever else is in the image: a `SpecError` names it."""
    if spec.node is not None:  # each is imported for specs with such packages alone
        from sysimage.npm_packages.lock_file import read_lock

        read_lock(spec.node, spec_dir, spec.architecture)
    if spec.python is not None:
        from sysimage.wheels.lock_file import check_lock

        check_lock(spec.python, spec_dir)
