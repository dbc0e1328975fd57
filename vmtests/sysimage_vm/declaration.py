"""What the system in an image was declared to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SYSTEM_DOCUMENT = "/run/current-system/system.json"
"""Where a running system has it; images of other makers do not have it."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """The normalised system.json of an image."""

    document: Mapping[str, Any]
    """Empty if the image has none."""

    @property
    def has_init(self) -> bool:
        return bool(self.document) and not self.document.get("entry-point") and not self.document.get("command")

    @property
    def services(self) -> Mapping[str, Mapping[str, Any]]:
        """Declared services by name."""
        return self.document.get("services") or {}

    @property
    def expected_services(self) -> Sequence[str]:
        """Names of the services that start by themselves, sorted."""
        return sorted(name for name, service in self.services.items() if service.get("auto-start", True))
