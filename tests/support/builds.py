"""Building images of what a store holds, as the command line does, without any package archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sysimage.closure import Closure
from sysimage.pipeline.build import BuildOptions, BuildResult, build
from sysimage.spec.parse import parse_spec
from sysimage.store.database import registration_text

NO_ARCHIVE: Any = None
"""Nothing asks for packages."""


def registered(closure: Closure, place: Path) -> Path:
    """The closure as a registration that a spec can name as its source."""
    place.write_text(registration_text(closure))
    return place


def build_from_store(workspace: Path, spec: dict[str, Any], output: Path | None = None, **options: Any) -> BuildResult:
    """Build ``spec``, whose sources are below ``workspace``."""
    import json

    path = output or workspace / f"{spec['name']}.tar"
    chosen = BuildOptions(workspace / "cache", NO_ARCHIVE, workspace / "none.lock.json", output=path, **options)
    return build(parse_spec(json.dumps(spec), workspace / "system.json"), workspace, chosen)


def config_of(result: BuildResult) -> dict[str, Any]:
    """How a container of the image runs, as the image's config says."""
    value: dict[str, Any] = result.written.image.config.value
    return value
