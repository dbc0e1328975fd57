"""``sysimage tree``: what needs what, from the system down."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sysimage.cli import flag_values
from sysimage.cli.reading_flags import SUBJECT, add_reading_flags, opened
from sysimage.cli.terminal import Terminal, in_bytes

if TYPE_CHECKING:
    from sysimage.compare.graph import ReferenceGraph

NAME = "tree"
HELP = "show what needs what in an image, from the system down"
DESCRIPTION = """\
Show the reference graph as a tree: below each item what it refers to. What is below an item is printed once; where
the item comes again, a mark says so. With NAME, the tree of that item alone."""
EXAMPLES = (
    ("sysimage tree --depth 2 web.tar", "the system, its packages, and what those need"),
    ("sysimage tree web.tar python3", "one package and all that it needs"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_reading_flags(parser)
    parser.add_argument("--depth", metavar="N", type=flag_values.positive, help="how many levels below the top (all)")
    parser.add_argument("image", metavar="IMAGE|SPEC", help=SUBJECT)
    parser.add_argument("name", metavar="NAME", nargs="?", help="the item to begin with, instead of the system")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    graph = opened(arguments.image, arguments, terminal).graph()
    tops = [graph.find(arguments.name).label] if arguments.name else list(graph.roots)
    if arguments.json:
        from sysimage.api.graph_documents import tree_document

        terminal.document(tree_document(arguments.image, graph, tops))
        return
    for line in lines(graph, tops, arguments.depth):
        terminal.result(line)


def lines(graph: ReferenceGraph, tops: Sequence[str], depth: int | None) -> Iterator[str]:
    """The tree for people. No recursion: a store may be deeper than Python's stack."""
    shown: set[str] = set()
    stack = [(top, "", "", 0) for top in reversed(tops)]
    while stack:
        label, before, mark, level = stack.pop()
        below = graph.references.get(label, ())
        hidden = bool(below) and (label in shown or (depth is not None and level >= depth))
        more = "" if not hidden else " (above)" if label in shown else f" …{len(below)}"
        yield f"{before}{mark}{label} ({in_bytes(graph.items[label].size)}){more}"
        if hidden:
            continue
        shown.add(label)
        indent = before + {"": "", "├── ": "│   ", "└── ": "    "}[mark]
        for at in range(len(below) - 1, -1, -1):
            stack.append((below[at], indent, "└── " if at == len(below) - 1 else "├── ", level + 1))
