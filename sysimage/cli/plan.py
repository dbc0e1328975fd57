"""``sysimage plan``: what would go into which layer, and why, without writing an image."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sysimage.cli import flags, left_out
from sysimage.cli.build_request import build_request
from sysimage.cli.progress import shown_progress
from sysimage.cli.several_specs import each_spec
from sysimage.cli.spec_files import choices, faults_in
from sysimage.cli.terminal import Terminal, in_bytes

if TYPE_CHECKING:
    from sysimage.api.values import Plan, PlannedLayer

NAME = "plan"
HELP = "show what would go into which layer, and why"
DESCRIPTION = """\
Make the store of SPEC and show how its items would be divided among layers, bottom first: size, number of items, how
often a client that follows updates is expected to fetch the layer again, and why they are together; and about how long
a client waits for all of them, and for a year's updates, at 100 Mbit/s. With --left-out, show instead what slim items
lack of their packages. Writes no image."""
EXAMPLES = (
    ("sysimage plan", "how system.json here would be divided"),
    ("sysimage plan --previous web.tar web.json", "what an update of web.tar would move"),
)

_NAMES = 4
"""How many items a row names."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    flags.add_plan_flags(parser)
    flags.add_package_flags(parser)
    flags.add_registry_flags(parser)
    flags.add_output_flags(parser)
    parser.add_argument(
        "--left-out",
        action="store_true",
        help="show what the packages hold and the image does not, since no program needs it: why, and how much; with "
        "--json, every file",
    )
    flags.add_specs(parser)


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.api.documents import document, every_file_left_out, together
    from sysimage.api.values import Plan
    from sysimage.files.locks import in_use
    from sysimage.pipeline.build import plan

    plans = []
    for one, request in [(one, build_request(one, terminal)) for one in each_spec(arguments)]:
        shown = shown_progress("quiet" if arguments.quiet else arguments.progress, terminal)
        with faults_in(one.spec, choices(one)), in_use(request.sources.cache_dir), shown as progress:
            plans.append(Plan.of(plan(request.system, request.sources, request.identity, request.planning, progress)))
        if not arguments.json:
            _show(plans[-1], arguments, terminal)
    if arguments.json:
        found = [
            document(planned) | ({"left_out": every_file_left_out(planned)} if arguments.left_out else {})
            for planned in plans
        ]
        terminal.document(found[0] if len(found) == 1 else together(found, "plans"))


def _show(planned: Plan, arguments: argparse.Namespace, terminal: Terminal) -> None:
    if arguments.left_out:
        terminal.table(("size", "files", "what", "of"), left_out.rows(planned), right=(0, 1))
        terminal.result(f"{planned.names[0]}{left_out.words(planned) or '; nothing is left out'}")
    elif not arguments.quiet:
        terminal.table(("layer", "size", "items", "pulls/year", "why", "holds"), rows(planned), right=(0, 1, 2, 3))
        terminal.result(summary(planned))


def rows(planned: Plan) -> list[tuple[str, ...]]:
    """A row for each layer, and one for the customization on top where it has a layer of its own."""
    made: list[tuple[str, ...]] = [
        (
            str(number),
            in_bytes(layer.nar_size),
            str(len(layer.paths)),
            "" if layer.pulls_per_year is None else f"{layer.pulls_per_year:.1f}",
            layer.reason,
            _names(layer),
        )
        for number, layer in enumerate(planned.layers, 1)
    ]
    if planned.layer_count > len(planned.layers):
        size = in_bytes(planned.customization_size)
        made.append((str(len(planned.layers) + 1), size, "", "", "what makes the items a system", _CUSTOMIZATION))
    return made


_CUSTOMIZATION = "boot program, store database, GC roots, accounts, /etc"


def _names(layer: PlannedLayer) -> str:
    from sysimage.store.paths import StorePath

    names = sorted({StorePath.parse(path).name for path in layer.paths})
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more + (f", {_CUSTOMIZATION}" if layer.customized else "")


def summary(planned: Plan) -> str:
    """One line under the table."""
    held = f"{planned.items} items, {in_bytes(planned.nar_size)}"
    first, a_year = planned.first_pull_seconds, planned.updates_per_year_seconds
    waited = f"about {first:.1f} s for a first pull" + (
        "" if a_year is None else f", {a_year:.0f} s for a year's updates"
    )
    layers = f"{planned.layer_count} of at most {planned.max_layers} layers"
    return f"{planned.names[0]}: {layers}, {held}; {waited}{left_out.words(planned)}"
