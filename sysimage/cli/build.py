"""``sysimage build``: a spec becomes an image."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sysimage.cli import flags
from sysimage.cli.build_history import with_replaced_image
from sysimage.cli.build_request import build_request
from sysimage.cli.delivery import add_delivery_flags, check_outputs, check_stream, delivered
from sysimage.cli.progress import shown_progress
from sysimage.cli.several_specs import each_spec
from sysimage.cli.spec_files import choices, faults_in
from sysimage.cli.terminal import Terminal, in_bytes
from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.destinations import WrittenImage
    from sysimage.destinations.written_image import Transfer
    from sysimage.pipeline.build import BuildResult
    from sysimage.pipeline.options import BuildRequest

NAME = "build"
HELP = "build the image that a system.json describes"
DESCRIPTION = """\
Build the image that SPEC describes: make its store, provision its root file system, draw layer boundaries, and write
the image, which is there whole or not at all. Needs no root. The same inputs give the same image, bit for bit."""
EXAMPLES = (
    ("sysimage build", "system.json here, into a file named after the image"),
    (
        "sysimage build --continue --push registry.example/web:latest web.json",
        "push an update that moves little",
    ),
    ("sysimage build -o - web.json | docker load", "without a file in between"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_delivery_flags(parser)
    parser.add_argument(
        "--continue",
        action="store_true",
        dest="goes_on",
        help="keep the layers of the image that is replaced; it is the one at --output, or else at the first "
        "--push, if there is one, and counts as with --previous",
    )
    flags.add_plan_flags(parser)
    flags.add_source_flags(parser)
    flags.add_registry_flags(parser)
    flags.add_output_flags(parser)
    flags.add_specs(parser)


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    streams = arguments.output == "-"
    if streams:
        check_stream(arguments, terminal)
    each = [(one, delivered_request(one, terminal)) for one in each_spec(arguments)]
    for one, request in each:
        check_outputs(request, one)
    _check_names([request for _, request in each])

    from sysimage.pipeline.build import build

    results = []
    for one, request in each:
        shown = shown_progress("quiet" if arguments.quiet else arguments.progress, terminal)
        with faults_in(one.spec, choices(one)), shown as progress:
            results.append(build(request, progress))
        if not arguments.json and not arguments.quiet:
            (terminal.note if streams else terminal.result)(line(results[-1]))
    if arguments.json:
        from sysimage.api.documents import document, together
        from sysimage.api.values import BuiltImage

        found = [document(BuiltImage.of(result)) for result in results]
        terminal.document(found[0] if len(found) == 1 else together(found, "images"))


def _check_names(requests: Sequence[BuildRequest]) -> None:
    """Images of one command have names of their own: one would take the other's place."""
    names = [str(name) for request in requests for name in request.identity.names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if len(requests) > 1 and twice:
        raise SpecError(f"cannot build two images called {twice[0]} in one command", hint="give each its own name")


def delivered_request(arguments: argparse.Namespace, terminal: Terminal) -> BuildRequest:
    """What the build is asked for, with where the image goes and what it replaces there."""
    request = build_request(arguments, terminal)
    name, architecture = str(request.identity.names[0]), request.system.spec.architecture
    where = delivered(arguments, terminal, name, architecture)
    planning = request.planning
    if arguments.goes_on:
        platform = request.system.spec.platform
        history = with_replaced_image(planning.history, arguments, terminal, platform, where.output, name)
        planning = replace(planning, history=history)
    return replace(request, delivery=where, planning=planning)


def line(result: BuildResult) -> str:
    """The result for people."""
    written = result.written
    where = "".join(f" -> {place}" for one in result.delivered for place in _places(one))
    layers = len(written.image.layers)
    moved = "".join(f"; {moved_line(one.transfer)}" for one in result.delivered if one.transfer is not None)
    return f"{result.planned.names[0]}{where}: {in_bytes(written.size)}, {layers} layers, {written.digest}{moved}"


def moved_line(transfer: Transfer) -> str:
    """What a push had to send."""
    there, layers = transfer.layers_there, transfer.layers
    which = "all layers were" if there == layers else f"{there} of {layers} layers were"
    return f"sent {in_bytes(transfer.sent)} of {in_bytes(transfer.total)}, {which} there"


def _places(written: WrittenImage) -> list[str]:
    if written.format == "registry":
        return [str(name) for name in written.names]
    if written.path is not None:
        return [str(written.path)]
    return [written.format] if written.format.endswith(" load") else []
