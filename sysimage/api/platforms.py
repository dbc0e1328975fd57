"""Building one system for several platforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sysimage.api import arguments
from sysimage.api.arguments import Place, Spec, reported
from sysimage.api.build_requests import Asked
from sysimage.api.delivery import delivery
from sysimage.api.settings import Settings
from sysimage.api.values import BuiltIndex
from sysimage.host_platform import host_platform
from sysimage.progress import Progress, silent
from sysimage.spec.choices import AS_IT_IS, SpecChoices

DEFAULT = Settings()


def build_platforms(
    spec: Spec,
    output: Place | int | None = None,
    *,
    platforms: Sequence[str] | None = None,
    format: Literal["archive", "oci-dir"] | None = None,  # noqa: A002 - the flag's name
    push: Sequence[str] = (),
    load: Literal["docker", "podman", "nerdctl"] | None = None,
    tags: Sequence[str] = (),
    created: int | None = None,
    max_layers: int | None = None,
    compression: str | None = None,
    previous: Place | None = None,
    history: Sequence[Place] = (),
    continue_from_replaced: bool = False,
    locked: bool = False,
    directory: Place | None = None,
    choices: SpecChoices = AS_IT_IS,
    settings: Settings = DEFAULT,
    progress: Progress = silent,
) -> BuiltIndex:
    """Build an image for each of ``platforms`` (``linux/arm64``), and bring them with one index that names them all to
    every place that is named; each is there whole or not at all.

    ``platforms`` are by default those that the spec names in ``architectures``. For each, ``previous``, ``history``
    and what ``continue_from_replaced`` finds is the image for that platform, and the lock file is its own:
    ``system.lock.json`` beside ``system.json`` for the architecture that the spec names first,
    ``system.arm64.lock.json`` for another. Other arguments and errors are those of `build`.
    """
    with reported(spec, choices):
        systems = arguments.declared_systems(spec, directory, None, choices, platforms)
        asked = Asked(
            settings=settings,
            tags=tags,
            created=created,
            max_layers=max_layers,
            compression=compression,
            previous=previous,
            history=history,
            locked=locked,
        )
        requests = [asked.request(system) for system in systems]
        name = str(requests[0].identity.names[0])
        together = "-".join(system.spec.architecture.replace("/", "") for system in systems)
        where = delivery(output, format, push, load, name=name, architecture=together, settings=settings)
        requests = [
            asked.delivered(one, where, push, continue_from_replaced=continue_from_replaced) for one in requests
        ]

        from sysimage.pipeline.output_checks import check_outputs
        from sysimage.pipeline.platforms import build_platforms

        for request in requests:
            check_outputs(request, arguments.spec_inputs(spec), arguments.earlier_builds(previous, history))
        return BuiltIndex.of(build_platforms(requests, where, host=host_platform(), progress=progress))
