"""Debian's architectures: what their names mean for ELF files and for directories of libraries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ElfTarget:
    """What the architecture of a system means for linking."""

    machine: int
    """``e_machine``."""
    triplet: str
    """The name of Debian's library directory."""

    @property
    def directories(self) -> tuple[str, ...]:
        """Where the dynamic linker looks by default."""
        return f"lib/{self.triplet}", "lib", "lib64"


ELF_TARGETS: Mapping[str, ElfTarget] = {
    "amd64": ElfTarget(62, "x86_64-linux-gnu"),
    "arm64": ElfTarget(183, "aarch64-linux-gnu"),
}
"""By Debian's name of the architecture."""
