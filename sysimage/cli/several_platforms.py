"""``sysimage build --platform A,B``: one index of images."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sysimage.cli.delivery import check_outputs
from sysimage.cli.progress import shown_progress
from sysimage.cli.result_card import moved_line
from sysimage.cli.spec_files import choices, faults_in
from sysimage.cli.terminal import Terminal, in_bytes
from sysimage.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sysimage.pipeline.options import BuildRequest, DeclaredSystem
    from sysimage.pipeline.platforms import PlatformsResult

    Request = Callable[[argparse.Namespace, Terminal, DeclaredSystem, str], BuildRequest]


def build_for_platforms(
    arguments: argparse.Namespace, systems: Sequence[DeclaredSystem], terminal: Terminal, request_of: Request
) -> None:
    """Build the systems of one spec, one for each platform, and bring all of them to the places that flags name."""
    if arguments.record:
        raise SpecError(
            "cannot write one record of a build for several platforms: each image carries its own",
            hint="leave --record out; --previous and --history find them in the image",
        )
    together = "-".join(system.spec.architecture.replace("/", "") for system in systems)
    requests = [request_of(arguments, terminal, system, together) for system in systems]
    for request in requests:
        check_outputs(request, arguments)

    from sysimage.host_platform import host_platform
    from sysimage.pipeline.platforms import build_platforms

    name = str(requests[0].identity.names[0])
    with (
        faults_in(arguments.spec, choices(arguments)),
        shown_progress("quiet" if arguments.quiet else arguments.progress, terminal) as progress,
    ):
        result = build_platforms(requests, requests[0].delivery, host=host_platform(), progress=progress)
    if arguments.json:
        from sysimage.api.documents import document_of
        from sysimage.api.values import BuiltIndex

        terminal.document(document_of(BuiltIndex.of(result)))
    elif not arguments.quiet:
        (terminal.note if arguments.output == "-" else terminal.result)(line(name, result))


def line(name: str, result: PlatformsResult) -> str:
    """The result for people."""
    platforms = [f"linux/{one.planned.spec.architecture}" for one in result.images]
    places = [str(result.output)] if result.output is not None else []
    places += [str(one) for names, _ in result.pushed for one in names]
    places += [f"{engine} load" for engine in result.loaded]
    where = "".join(f" -> {place}" for place in places)
    moved = "".join(f"; {moved_line(transfer)}" for _, transfer in result.pushed)
    size = f"{in_bytes(result.size)}, {result.layers} layers, {in_bytes(result.shared)} of them shared"
    return f"{name}{where}: {' and '.join(platforms)}: {size}, {result.digest}{moved}"
