"""``sysimage size``: what takes the room, and what would go with it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sysimage.cli import flag_values
from sysimage.cli.reading_flags import SUBJECT, add_reading_flags, opened
from sysimage.cli.terminal import Terminal, in_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sysimage.compare.graph import Kept

NAME = "size"
HELP = "show what takes the room in an image, and what would go with it"
DESCRIPTION = """\
Show the items that keep most bytes alive: what would leave the image with an item, since nothing else needs it; the
item alone; and everything that it needs, shared or not. Sizes are uncompressed. Of a system.json and a lock file they
are what packages say of themselves."""
EXAMPLES = (
    ("sysimage size web.tar", "the twenty items that cost most"),
    ("sysimage size --top 0 --json system.json", "all packages of a spec, for a program"),
)
_TOP = 20


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_reading_flags(parser)
    parser.add_argument(
        "--top", metavar="N", type=flag_values.whole_number, default=_TOP, help=f"how many items ({_TOP}); 0 shows all"
    )
    parser.add_argument("image", metavar="IMAGE|SPEC", help=SUBJECT)


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    kept = opened(arguments.image, arguments, terminal).graph().kept()
    shown = kept[: arguments.top] if arguments.top else kept
    total = sum(one.item.size for one in kept)
    if arguments.json:
        from sysimage.api.graph_documents import size_document

        terminal.document(size_document(arguments.image, shown, items=len(kept), total=total))
    elif not arguments.quiet:
        terminal.table(("keeps", "alone", "needs", "used by", "item"), rows(shown), right=(0, 1, 2, 3))
        what = "items" if kept and kept[0].item.path else "packages"
        less = f"; {len(shown)} are shown" if len(shown) < len(kept) else ""
        terminal.result(f"{arguments.image}: {len(kept)} {what}, {in_bytes(total)} uncompressed{less}")


def rows(kept: Sequence[Kept]) -> list[tuple[str, ...]]:
    """A row for each item."""
    return [
        (in_bytes(one.kept), in_bytes(one.item.size), in_bytes(one.needs), str(one.referrers), one.item.label)
        for one in kept
    ]
