"""``sysimage plan``: what would go into which layer, and why, without writing an image."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from sysimage.cli import flags, left_out
from sysimage.cli.build import closure_document
from sysimage.cli.progress import shown_progress
from sysimage.cli.request import build_request
from sysimage.cli.spec_files import faults_in
from sysimage.cli.terminal import Terminal, in_bytes

if TYPE_CHECKING:
    from sysimage.layerplan import PlannedLayer
    from sysimage.pipeline.build import Planned

NAME = "plan"
HELP = "show what would go into which layer, and why"
DESCRIPTION = """\
Make the store of SPEC and show how its items would be divided among layers, bottom first: size, number of items, how
often a client that follows updates is expected to fetch the layer again, and why they are together; and about how long
a client waits for all of them, and for a year's updates, at 100 Mbit/s. With --left-out, show instead what slim items
lack of their packages. Writes no image."""

_NAMES = 4
"""How many items a row names."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    flags.add_plan_flags(parser)
    flags.add_source_flags(parser)
    flags.add_registry_flags(parser)
    flags.add_output_flags(parser)
    parser.add_argument(
        "--left-out",
        action="store_true",
        help="show what the packages hold and the image does not, since no program needs it: why, and how much; with "
        "--json, every file",
    )
    flags.add_spec(parser)


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    request = build_request(arguments, terminal)

    from sysimage.files.locks import in_use
    from sysimage.pipeline.build import plan

    shown = shown_progress("quiet" if arguments.quiet else arguments.progress, terminal)
    with faults_in(arguments.spec), in_use(request.sources.cache_dir), shown as progress:
        planned = plan(request.system, request.sources, request.identity, request.planning, progress)
    if arguments.json:
        terminal.document({**document(planned), "left_out": left_out.document(planned, whole=arguments.left_out)})
    elif arguments.left_out:
        terminal.table(("size", "files", "what", "of"), left_out.rows(planned), right=(0, 1))
        terminal.result(f"{planned.names[0]}{left_out.words(planned) or '; nothing is left out'}")
    elif not arguments.quiet:
        terminal.table(("layer", "size", "items", "pulls/year", "why", "holds"), rows(planned), right=(0, 1, 2, 3))
        terminal.result(summary(planned))


def rows(planned: Planned) -> list[tuple[str, ...]]:
    """A row for each layer, and one for the customization on top where it has a layer of its own."""
    layers = planned.plan.layers
    made: list[tuple[str, ...]] = [
        (
            str(number),
            in_bytes(layer.nar_size),
            str(len(layer.paths)),
            "" if layer.pulls_per_year is None else f"{layer.pulls_per_year:.1f}",
            layer.reason,
            _names(layer),
        )
        for number, layer in enumerate(layers, 1)
    ]
    size = in_bytes(sum(entry.size() for entry in planned.tree))
    if planned.plan.max_layers > 1:
        made.append((str(len(layers) + 1), size, "", "", "what makes the items a system", _CUSTOMIZATION))
    return made


_CUSTOMIZATION = "boot program, store database, GC roots, accounts, /etc"


def _names(layer: PlannedLayer) -> str:
    names = sorted({path.name for path in layer.paths})
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


def summary(planned: Planned) -> str:
    """One line under the table."""
    count = len(planned.plan.layers) + (planned.plan.max_layers > 1)
    held = f"{len(planned.closure)} items, {in_bytes(planned.closure.nar_size)}"
    first, a_year = waits(planned)
    waited = f"about {first:.1f} s for a first pull" + (
        "" if a_year is None else f", {a_year:.0f} s for a year's updates"
    )
    layers = f"{count} of at most {planned.plan.max_layers} layers"
    return f"{planned.names[0]}: {layers}, {held}; {waited}{left_out.words(planned)}"


def waits(planned: Planned) -> tuple[float, float | None]:
    """Seconds that a client waits for a first pull, and for a year's updates of the items where how often is known.

    Without the layers of a base image; the customization layer counts in the first pull.
    """
    from sysimage.layerplan import pull_seconds

    layers = planned.plan.layers
    size = planned.closure.nar_size + sum(entry.size() for entry in planned.tree)
    first = pull_seconds(size, len(layers) + (planned.plan.max_layers > 1))
    pulls = [(layer.nar_size, layer.pulls_per_year) for layer in layers]
    if any(often is None for _, often in pulls):
        return first, None
    return first, sum(pull_seconds(size, 1) * (often or 0.0) for size, often in pulls)


def document(planned: Planned) -> dict[str, Any]:
    """The plan for machines. Sizes in bytes."""
    first, a_year = waits(planned)
    return {
        "names": [str(name) for name in planned.names],
        "max_layers": planned.plan.max_layers,
        "seconds": {
            "first_pull": round(first, 1),
            "updates_per_year": None if a_year is None else round(a_year, 1),
        },
        "layers": [
            {
                "nar_size": layer.nar_size,
                "pulls_per_year": layer.pulls_per_year,
                "reason": layer.reason,
                "paths": [str(path) for path in layer.paths],
            }
            for layer in planned.plan.layers
        ],
        "customization": {
            "entries": len(planned.tree),
            "size": sum(entry.size() for entry in planned.tree),
        },
        **closure_document(planned),
    }
