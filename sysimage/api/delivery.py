"""Where an image goes: what one says of files, registries and engines as the delivery that follows from it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.api.arguments import Place
from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.api.settings import Settings
    from sysimage.pipeline.options import Delivery, OutputFormat

ENGINES = ("docker", "podman", "nerdctl")
"""The engines of this machine that an image can be loaded into."""
_SUFFIXES: dict[OutputFormat, str] = {"archive": ".oci.tar", "docker-archive": ".docker.tar", "oci-dir": ""}


def delivery(
    output: Place | int | None,
    form: OutputFormat | None,
    push: Sequence[str],
    load: str | None,
    *,
    name: str,
    architecture: str,
    settings: Settings,
) -> Delivery:
    """Every place that is named; without one, a file named after the image, by its ``name`` and ``architecture``."""
    from sysimage.pipeline.options import Delivery, PushRequest

    if form is not None and form not in _SUFFIXES:
        raise SpecError(f"cannot write the format {form!r}: it must be one of {', '.join(_SUFFIXES)}")
    if load is not None and load not in ENGINES:
        raise SpecError(f"cannot load into {load!r}: it must be one of {', '.join(ENGINES)}")
    place: Path | int | None = None
    if output is not None or not (push or load):
        form, place = chosen_output(output, form, name, architecture)
    elif form is not None:
        raise SpecError(f"cannot write the format {form}: no --output says where", hint="say --output, or no --format")
    pushes: tuple[PushRequest, ...] = ()
    if push:
        from sysimage.destinations.registry import push_targets

        reached = settings.registries()
        pushes = tuple(PushRequest(target, reached) for target in push_targets(tuple(push)))
    engine = None
    if load is not None:
        from sysimage.destinations.daemon import Engine

        engine = Engine(load, environment=dict(settings.variables))
    return Delivery(place, form or "archive", pushes, engine)


def chosen_output(
    output: Place | int | None, form: OutputFormat | None, name: str, architecture: str
) -> tuple[OutputFormat, Path | int]:
    """The format and the place: as specified, or each as it follows from the other.

    A directory that exists, or a name that ends in a slash, becomes an OCI layout.
    """
    if isinstance(output, int):
        return form or "archive", output
    text = None if output is None else os.fspath(output)
    if form is None:
        form = "oci-dir" if text is not None and (text.endswith("/") or Path(text).is_dir()) else "archive"
    if text is not None:
        return form, Path(text)
    stem = f"{name.replace('/', '-').replace(':', '-')}-{architecture.replace('/', '-')}"
    return form, Path(stem + _SUFFIXES[form])
