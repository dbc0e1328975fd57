"""Building images of what a store holds, as the command line does, without any package archive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sysimage.closure import Closure
from sysimage.destinations.registry import Registries
from sysimage.layerplan import Favour
from sysimage.pipeline.build import BuildResult, build
from sysimage.pipeline.history import History
from sysimage.pipeline.options import (
    BuildRequest,
    BuildSources,
    DeclaredSystem,
    Delivery,
    Identity,
    LayerStorage,
    OutputFormat,
    Planning,
    Proofs,
    PushRequest,
)
from sysimage.pipeline.overrides import overridden
from sysimage.spec.parse import parse_spec
from sysimage.store.database import registration_text
from sysimage.store.paths import StorePath
from tests.support.store_builder import StoreBuilder, small_system

NO_ARCHIVE: Any = None
"""Nothing asks for packages."""


def registered(closure: Closure, place: Path) -> Path:
    """The closure as a registration that a spec can name as its source."""
    place.write_text(registration_text(closure))
    return place


def registered_store(root: StorePath) -> dict[str, Any]:
    """The ``from-store`` of a spec of an item in ``store``, whose closure is `registered` at ``registration``."""
    return {"paths": [str(root)], "source": "registration", "location": "store"}


def small_spec(workspace: Path) -> Path:
    """The file of a spec of a small system, whose store is beside it."""
    closure = small_system(StoreBuilder(workspace / "store"))
    registered(closure, workspace / "registration")
    place = workspace / "small.json"
    place.write_text(json.dumps({"name": "small", "from-store": registered_store(closure.roots[0])}))
    return place


def on(base: str, closure: Closure, **more: Any) -> dict[str, Any]:
    """A spec of the first root of ``closure``, which is in ``store`` and is `registered`, on the image ``base``."""
    return {"name": "top", "from-image": base, "from-store": registered_store(closure.roots[0]), **more}


def build_from_store(
    workspace: Path,
    spec: dict[str, Any],
    output: Path | None = None,
    *,
    keep_layers: bool = True,
    cache_bytes: int | None = None,
    check_references: bool = False,
    record: bool = False,
    format: OutputFormat = "archive",  # noqa: A002 - the flag's name
    pushes: tuple[PushRequest, ...] = (),
    favour: Favour = "both",
    history: History = History(),  # noqa: B008 - a frozen value
    **overrides: Any,
) -> BuildResult:
    """Build ``spec``, whose sources are below ``workspace``. ``overrides`` are those of `overridden`."""
    written = parse_spec(json.dumps(spec), workspace / "system.json")
    asked = overridden(written, **overrides)
    request = BuildRequest(
        DeclaredSystem(asked, workspace, workspace / "none.lock.json", written),
        BuildSources(workspace / "cache", NO_ARCHIVE, registries=Registries),
        Identity.of(asked),
        Planning(favour=favour, history=history),
        Proofs(check_references),
        LayerStorage(workspace / "cache/layers" if keep_layers else None, cache_bytes),
        Delivery(output or workspace / f"{spec['name']}.tar", format, pushes, record=record),
    )
    return build(request)


def config_of(result: BuildResult) -> dict[str, Any]:
    """How a container of the image runs, as the image's config says."""
    value: dict[str, Any] = result.written.image.config.value
    return value
