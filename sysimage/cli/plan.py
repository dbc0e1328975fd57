"""``sysimage plan``: what would go into which layer, and why, without writing an image."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.cli import flags, left_out, plan_report, plan_text
from sysimage.cli.build_request import build_request
from sysimage.cli.progress import shown_progress
from sysimage.cli.several_specs import each_spec
from sysimage.cli.spec_files import choices, faults_in, only_system
from sysimage.cli.terminal import Terminal

if TYPE_CHECKING:
    from sysimage.api.values import Plan

NAME = "plan"
HELP = "show what would go into which layer, and why"
DESCRIPTION = """\
Make the store of SPEC and show what the layers of its image come to: the bytes that an update is expected to move,
compared with those of one layer and of other rules; how long a client waits; and the biggest layers. Sizes are
uncompressed. With --all, every layer, bottom first; with --left-out, what slim items lack of their packages; with
--scripts, which lines of maintainer scripts were not understood. Writes no image."""
EXAMPLES = (
    ("sysimage plan", "how system.json here would be divided"),
    ("sysimage plan --previous web.tar web.json", "what an update of web.tar would move"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    flags.add_plan_flags(parser)
    flags.add_package_flags(parser)
    flags.add_registry_flags(parser)
    flags.add_output_flags(parser)
    parser.add_argument("--all", action="store_true", help="show every layer, and why its items are together")
    parser.add_argument(
        "--left-out",
        action="store_true",
        help="show what slim items lack of their packages; why, and how much, since no program needs it; with --json, "
        "every file",
    )
    parser.add_argument(
        "--scripts",
        action="store_true",
        help="show what of maintainer scripts was not read; which lines were not understood, and why",
    )
    parser.add_argument(
        "--report", metavar="FILE", type=Path, help="write the plan as a page; as `sysimage report` does of an image"
    )
    flags.add_specs(parser)


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.api.documents import planned_document
    from sysimage.api.values import Plan
    from sysimage.documents.plans import PlansDocument
    from sysimage.files.locks import in_use
    from sysimage.pipeline.build import plan

    if arguments.report is not None:
        plan_report.check_output(arguments)
    plans = []
    for one, request in [(one, build_request(one, terminal, only_system(one))) for one in each_spec(arguments)]:
        shown = shown_progress("quiet" if arguments.quiet else arguments.progress, terminal)
        with faults_in(one.spec, choices(one)), in_use(request.sources.cache_dir), shown as progress:
            made = plan(request.system, request.sources, request.identity, request.planning, progress)
            if arguments.report is not None:
                plan_report.write(made, arguments.report)
            plans.append(Plan.of(made, estimated=not (arguments.left_out or arguments.scripts)))
        if not arguments.json:
            _show(plans[-1], arguments, terminal)
    if arguments.json:
        found = tuple(planned_document(planned, files=arguments.left_out, lines=arguments.scripts) for planned in plans)
        terminal.document(found[0] if len(found) == 1 else PlansDocument(found))


def _show(planned: Plan, arguments: argparse.Namespace, terminal: Terminal) -> None:
    if arguments.left_out:
        terminal.table(("size", "files", "what", "of"), left_out.rows(planned), right=(0, 1))
        terminal.result(f"{planned.names[0]}{left_out.words(planned) or '; nothing is left out'}")
    elif arguments.scripts:
        terminal.table(("package", "script", "line", "what is not known", "text"), unread_rows(planned), right=(2,))
        terminal.result(f"{planned.names[0]}: {unread_summary(planned)}")
    elif not arguments.quiet:
        if arguments.all:
            headers = ("layer", "size", "items", "pulls/year", "holds")
            terminal.table(headers, plan_text.rows(planned), right=(0, 1, 2, 3))
            return
        for line in plan_text.summary(planned, terminal.width):
            terminal.result(line)


def unread_rows(planned: Plan) -> list[tuple[str, ...]]:
    """A row for each line of a maintainer script that was not understood."""
    return [(one.package, one.script, str(one.line), one.why, one.text) for one in planned.unread]


def unread_summary(planned: Plan) -> str:
    """How many lines that are, and of how many packages."""
    packages = len({one.package for one in planned.unread})
    if not packages:
        return "the maintainer scripts of all packages were understood"
    return f"{len(planned.unread)} lines of the maintainer scripts of {packages} packages were not understood"
