"""Where the lock file of a spec is."""

from __future__ import annotations

from pathlib import Path

from sysimage.spec.choices import SpecChoices


def lock_file_beside(spec: Path, choices: SpecChoices, other_architecture: str | None = None) -> Path:
    """The lock file that belongs to a spec: each choice of variants has one of its own, as it has other packages, and
    so has each architecture that is not the spec's own.

    ``system.lock.json`` for ``system.json`` and ``system.jsonc``, ``system.debug.lock.json`` for its variant debug,
    ``system.arm64.lock.json`` for arm64.
    """
    words = [*choices.variants, *([other_architecture.replace("/", "")] if other_architecture is not None else [])]
    return spec.with_suffix("".join(f".{word}" for word in words) + ".lock.json")
