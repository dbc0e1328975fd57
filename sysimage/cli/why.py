"""``sysimage why``: every way from the system to an item."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sysimage.cli import flag_values
from sysimage.cli.reading_flags import SUBJECT, add_reading_flags, opened
from sysimage.cli.terminal import Terminal, in_bytes

if TYPE_CHECKING:
    from sysimage.compare.graph import GraphItem, Reason, Step

NAME = "why"
HELP = "show why an item or a package is in an image"
DESCRIPTION = """\
Show the ways that lead from the system to an item, shortest first. Each line says why the item is needed by the one
above: its package declares that, or its contents mention it. NAME is a package, the name of an item, a store path, or a
pattern. Of a system.json and a lock file, the ways are those that packages declare."""
EXAMPLES = (
    ("sysimage why web.tar libssl3t64", "what needs this library in the image"),
    ("sysimage why system.json perl-base", "why a build would bring this package"),
)
_MOST = 10
_REASONS: dict[Reason | None, str] = {
    "asked": "the spec names it",
    "always": "every system has it",
    "declared": "declared",
    "contents": "mentioned in its contents",
    "reference": "referred to",
    None: "",
}


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_reading_flags(parser)
    parser.add_argument(
        "--most",
        metavar="N",
        type=flag_values.positive,
        default=_MOST,
        help=f"how many ways to show ({_MOST}); there may be very many",
    )
    parser.add_argument("image", metavar="IMAGE|SPEC", help=SUBJECT)
    parser.add_argument("name", metavar="NAME", help="the item that the question is about")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    graph = opened(arguments.image, arguments, terminal).graph()
    item = graph.find(arguments.name)
    ways, more = graph.ways(item, arguments.most)
    if arguments.json:
        from sysimage.api.graph_documents import why_document

        terminal.document(why_document(arguments.image, item, ways, more=more))
        return
    for line in lines(arguments.image, item, ways, more=more):
        terminal.result(line)


def lines(place: str, item: GraphItem, ways: Sequence[tuple[Step, ...]], *, more: bool) -> Iterator[str]:
    """The ways for people, an item a line."""
    if not ways:
        yield f"{item.label} is in {place}, and nothing leads to it"
        return
    count = f"more than {len(ways)}" if more else str(len(ways))
    yield f"{item.label} ({in_bytes(item.size)}) is in {place} in {count} way{'s' if more or len(ways) > 1 else ''}"
    for way in ways:
        yield ""
        for depth, step in enumerate(way):
            reason = _REASONS[step.reason]
            yield f"{'  ' * (depth + 1)}{step.item.label}" + (f"  ({reason})" if reason else "")
    if more:
        yield ""
        yield f"--most {10 * len(ways)} shows more of them"
