"""A spec with values that its file does not say; after this there is only the spec."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sysimage.layerplan import check_max_layers
from sysimage.layers import Compression
from sysimage.pipeline.image_places import is_on_this_machine
from sysimage.spec.model import SystemSpec


def overridden(
    spec: SystemSpec,
    *,
    max_layers: int | None = None,
    compression: str | None = None,
    from_image: str | os.PathLike[str] | None = None,
    check_store: bool = False,
) -> SystemSpec:
    """The spec with other values in place of its own, where some are given. After this there is only the spec.

    A `SpecError` for a value that later rooms would refuse, before anything is fetched.
    """
    values: dict[str, Any] = {}
    if max_layers is not None:
        check_max_layers(max_layers)
        values["max_layers"] = max_layers
    if compression is not None:
        Compression.parse(compression)
        values["compression"] = compression
    if from_image is not None:
        from_image = os.fspath(from_image)
        is_here = is_on_this_machine(from_image)
        # The spec's own are relative to its directory.
        values["from_image"] = str(Path(from_image).absolute()) if is_here else from_image
    if check_store and spec.from_store is not None:
        values["from_store"] = spec.from_store.model_copy(update={"check": True})
    return spec.model_copy(update=values) if values else spec
