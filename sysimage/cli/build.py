"""``sysimage build``: a spec becomes an image."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sysimage.characters import printable
from sysimage.cli import flags, result_card
from sysimage.cli.build_history import with_replaced_image
from sysimage.cli.build_request import build_request
from sysimage.cli.delivery import add_delivery_flags, check_outputs, check_stream, delivered
from sysimage.cli.progress import shown_progress
from sysimage.cli.several_platforms import build_for_platforms
from sysimage.cli.several_specs import each_spec
from sysimage.cli.spec_files import choices, each_system, faults_in
from sysimage.cli.terminal import Terminal
from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.pipeline.build import BuildResult
    from sysimage.pipeline.options import BuildRequest, DeclaredSystem

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
    parser.add_argument(
        "--record",
        action="store_true",
        help="write the record of the build beside the output, such as web.plan.json; a docker-archive has it always",
    )
    flags.add_plan_flags(parser)
    flags.add_source_flags(parser)
    flags.add_registry_flags(parser)
    flags.add_output_flags(parser)
    flags.add_specs(parser, platform="several in an index")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    streams = arguments.output == "-"
    if streams:
        check_stream(arguments, terminal)
    named = [(one, each_system(one)) for one in each_spec(arguments)]
    if any(len(systems) > 1 for _, systems in named):
        if len(named) > 1:
            raise SpecError(
                "cannot build several specs for several platforms in one command", hint="build them one by one"
            )
        build_for_platforms(*named[0], terminal, delivered_request)
        return
    each = [(one, delivered_request(one, terminal, system, system.spec.architecture)) for one, (system,) in named]
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
            _show(results[-1], terminal.note if streams else terminal.result)
    if arguments.json:
        from sysimage.api.documents import built_document
        from sysimage.api.values import BuiltImage
        from sysimage.documents.images import BuildsDocument

        found = tuple(built_document(BuiltImage.of(result)) for result in results)
        terminal.document(found[0] if len(found) == 1 else BuildsDocument(found))


def _check_names(requests: Sequence[BuildRequest]) -> None:
    """Images of one command have names of their own: one would take the other's place."""
    names = [str(name) for request in requests for name in request.identity.names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if len(requests) > 1 and twice:
        raise SpecError(f"cannot build two images called {twice[0]} in one command", hint="give each its own name")


def delivered_request(
    arguments: argparse.Namespace, terminal: Terminal, system: DeclaredSystem, architecture: str
) -> BuildRequest:
    """What the build is asked for, with where the image goes and what it replaces there. A file without a name has that
    of the image and of the ``architecture``."""
    request = build_request(arguments, terminal, system)
    name = str(request.identity.names[0])
    where = delivered(arguments, terminal, name, architecture)
    planning = request.planning
    if arguments.goes_on:
        platform = request.system.spec.platform
        history = with_replaced_image(planning.history, arguments, terminal, platform, where.output, name)
        planning = replace(planning, history=history)
    return replace(request, delivery=replace(where, record=arguments.record), planning=planning)


def _show(result: BuildResult, say: Callable[[str], None]) -> None:
    for text in result_card.card(result):
        say(printable(text))
