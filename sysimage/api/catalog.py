"""Questions to the package archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.api.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sysimage_bootstrap.archive import Archive


def archive_of(settings: Settings, suites: Sequence[str] = ()) -> Archive:
    """The archive with ``suites``, or with those that a spec has by default."""
    from sysimage.spec.parse import spec_of_value
    from sysimage_bootstrap.packages.choose import open_archive

    sources = {"package-sources": {"suites": list(suites)}} if suites else {}
    spec = spec_of_value({"name": "any", "packages": [], **sources}, Path()).spec
    return open_archive(settings.archive_choice(), spec, Path(), settings.cache / "archive")
