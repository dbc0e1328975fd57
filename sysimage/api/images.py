"""Building and planning images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from sysimage.api import arguments
from sysimage.api.arguments import Place, Spec, image_name, reported
from sysimage.api.delivery import delivery
from sysimage.api.settings import Settings
from sysimage.api.values import BuiltImage, Plan
from sysimage.errors import SpecError
from sysimage.progress import Progress, silent
from sysimage.spec.choices import SpecChoices
from sysimage.spec.parse import AS_IT_IS

if TYPE_CHECKING:
    from sysimage.layerplan import Record
    from sysimage.pipeline.history import AskRegistry, History
    from sysimage.pipeline.options import BuildRequest

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
        request, ask = _request(
            spec,
            tags,
            created,
            max_layers,
            compression,
            previous,
            history,
            lock_file,
            locked,
            directory,
            choices,
            settings,
        )
        name, architecture = str(request.identity.names[0]), request.system.spec.architecture
        where = delivery(output, format, push, load, name=name, architecture=architecture, settings=settings)
        request = replace(request, delivery=replace(where, record=record))
        if continue_from_replaced:
            before = _replaced(request, push, ask, is_told=previous is not None)
            request = replace(request, planning=replace(request.planning, history=before))

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
        request, _ = _request(
            spec, tags, created, max_layers, None, previous, history, lock_file, locked, directory, choices, settings
        )

        from sysimage.files.locks import in_use
        from sysimage.pipeline.build import plan

        with in_use(request.sources.cache_dir):
            planned = plan(request.system, request.sources, request.identity, request.planning, progress)
        return Plan.of(planned, estimated=True)


def _request(
    spec: Spec,
    tags: Sequence[str],
    created: int | None,
    max_layers: int | None,
    compression: str | None,
    previous: Place | None,
    history: Sequence[Place],
    lock_file: Place | None,
    locked: bool,
    directory: Place | None,
    choices: SpecChoices,
    settings: Settings,
) -> tuple[BuildRequest, AskRegistry]:
    """What the pipeline is asked for, without where the image goes; and how it asks registries."""
    from sysimage.pipeline.options import BuildRequest, Identity, Planning
    from sysimage.pipeline.overrides import overridden

    system = arguments.declared_system(spec, directory, lock_file, choices)
    asked = overridden(system.spec, max_layers=max_layers, compression=compression)
    platform = asked.platform

    def ask(name: str) -> dict[str, str] | None:
        settings.require_network(name)
        return settings.registries().annotations(name, platform)

    names = tuple(image_name(text) for text in tags) or Identity.of(asked).names
    request = BuildRequest(
        system=replace(system, spec=asked),
        sources=settings.sources(locked=locked, keeps_ids=True),
        identity=Identity(names, created=created),
        planning=Planning(history=_history(previous, history, platform, ask)),
        layers=settings.layer_storage(),
    )
    return request, ask


def _history(previous: Place | None, history: Sequence[Place], platform: str, ask: AskRegistry) -> History:
    from sysimage.pipeline.history import History, read_records

    def records(place: Place) -> tuple[Record, ...]:
        return read_records(str(place), platform, ask)

    before = [record for place in history for record in records(place)]
    return History(tuple(record.closure for record in before), None if previous is None else records(previous)[-1])


def _replaced(request: BuildRequest, push: Sequence[str], ask: AskRegistry, *, is_told: bool) -> History:
    """The history with the image that is replaced as the build before this one."""
    from sysimage.pipeline.history import what_is_replaced

    output = request.delivery.output
    if is_told:
        raise SpecError("cannot go on from the image that is replaced: previous says otherwise")
    if isinstance(output, int) or (output is None and not push):
        raise SpecError("cannot go on from the image that is replaced: none is")
    platform = request.system.spec.platform
    found = what_is_replaced(output, push, platform, ask, str(request.identity.names[0]))
    return replace(request.planning.history, previous=found)
