"""Where the lock file of a spec is."""

from __future__ import annotations

from pathlib import Path

from sysimage.spec.choices import SpecChoices


def lock_file_beside(spec: Path, choices: SpecChoices) -> Path:
    """The lock file that belongs to a spec: each choice of variants has one of its own, as it has other packages.

    ``system.lock.json`` for ``system.json`` and ``system.jsonc``, ``system.debug.lock.json`` for its variant debug.
    """
    return spec.with_suffix("".join(f".{name}" for name in choices.variants) + ".lock.json")
