"""Building and planning images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from sysimage.api import arguments
from sysimage.api.arguments import Place, Spec, reported
from sysimage.api.build_requests import Asked
from sysimage.api.delivery import delivery
from sysimage.api.settings import Settings
from sysimage.api.values import BuiltImage, Plan
from sysimage.progress import Progress, silent
from sysimage.spec.choices import AS_IT_IS, SpecChoices

DEFAULT = Settings()


def build(
    spec: Spec,
    output: Place | int | None = None,
    *,
    format: Literal["archive", "docker-archive", "oci-dir"] | None = None,  # noqa: A002 - the flag's name
    push: Sequence[str] = (),
    load: Literal["docker", "podman", "nerdctl"] | None = None,
    tags: Sequence[str] = (),
    created: int | None = None,
    max_layers: int | None = None,
    compression: str | None = None,
    previous: Place | None = None,
    history: Sequence[Place] = (),
    continue_from_replaced: bool = False,
    record: bool = False,
    lock_file: Place | None = None,
    locked: bool = False,
    directory: Place | None = None,
    choices: SpecChoices = AS_IT_IS,
    settings: Settings = DEFAULT,
    progress: Progress = silent,
) -> BuiltImage:
    """Build an image and bring it to every place that is named; each is there whole or not at all.

    ``spec`` is a path, what a system.json holds as a mapping, or a `SystemSpec`. ``output`` is a file, a directory (an
    OCI layout), an open file descriptor, or, where nothing is pushed or loaded either, a file in the working directory
    that is called after the image. ``push`` names images in registries (``host/name:tag``), ``load`` an engine of
    this machine. ``tags`` (``name:tag``), ``max_layers`` and ``compression`` take the place of what the spec says.
    ``created``, seconds since 1970, is by default when the newest of the packages changed.

    ``previous`` is an earlier build whose layers are kept where changing them does not pay, ``history`` are earlier
    builds to learn from, oldest first: records, images, or names in registries. ``continue_from_replaced`` takes the
    image that is replaced for ``previous``, if there is one. ``record`` writes the record of the build beside the
    output (``web.plan.json``), too; every image but a docker-archive carries it.

    ``lock_file`` is by default beside the spec's file, ``system.lock.json`` for ``system.json``, and counts if it
    exists; ``locked`` refuses to build anything else. ``directory`` is what paths in a spec without a file are relative
    to. ``choices`` are variants, values of keys and arguments of the spec. ``progress`` is called while work goes on;
    an exception that it raises ends the build.

    Raises a `SysimageError`: `SpecError` for a spec or arguments that cannot be built, `LockError`, `IntegrityError`,
    `RegistryError`, `MachineError`. Its ``issues`` are all faults of the input.
    """
    with reported(spec, choices):
        system = arguments.declared_system(spec, directory, lock_file, choices)
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
        request = asked.request(system)
        name, architecture = str(request.identity.names[0]), system.spec.architecture
        where = delivery(output, format, push, load, name=name, architecture=architecture, settings=settings)
        request = asked.delivered(
            request, replace(where, record=record), push, continue_from_replaced=continue_from_replaced
        )

        from sysimage.pipeline.build import build
        from sysimage.pipeline.output_checks import check_outputs

        check_outputs(request, arguments.spec_inputs(spec), arguments.earlier_builds(previous, history))
        return BuiltImage.of(build(request, progress))


def plan(
    spec: Spec,
    *,
    tags: Sequence[str] = (),
    created: int | None = None,
    max_layers: int | None = None,
    previous: Place | None = None,
    history: Sequence[Place] = (),
    lock_file: Place | None = None,
    locked: bool = False,
    directory: Place | None = None,
    choices: SpecChoices = AS_IT_IS,
    settings: Settings = DEFAULT,
    progress: Progress = silent,
) -> Plan:
    """Make the store of a spec and decide what would go into which layer; no image is written.

    Arguments and errors are those of `build`.
    """
    with reported(spec, choices):
        system = arguments.declared_system(spec, directory, lock_file, choices)
        asked = Asked(
            settings=settings,
            tags=tags,
            created=created,
            max_layers=max_layers,
            previous=previous,
            history=history,
            locked=locked,
        )
        request = asked.request(system)

        from sysimage.files.locks import in_use
        from sysimage.pipeline.build import plan

        with in_use(request.sources.cache_dir):
            planned = plan(request.system, request.sources, request.identity, request.planning, progress)
        return Plan.of(planned, estimated=True)
