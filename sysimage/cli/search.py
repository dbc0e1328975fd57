"""``sysimage search``: packages of the archive by words."""

from __future__ import annotations

import argparse

from sysimage.cli import flag_values
from sysimage.cli.catalog_flags import add_catalog_flags, architecture_of, archive_of
from sysimage.cli.progress import shown_progress
from sysimage.cli.reading_flags import style_of
from sysimage.cli.terminal import Terminal
from sysimage.errors import SpecError

NAME = "search"
HELP = "find packages by words in their names and descriptions"
DESCRIPTION = """\
Show the packages of the archive in whose name or first line of description every WORD occurs, in any case. Ends with 2
if no package does."""
EXAMPLES = (
    ("sysimage search postgresql", "what there is of PostgreSQL"),
    ("sysimage search --json http server", "packages that have both words, for a program"),
)
_MOST = 30


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--most", metavar="N", type=flag_values.whole_number, default=_MOST, help=f"how many ({_MOST}); 0 shows all"
    )
    add_catalog_flags(parser)
    parser.add_argument("words", metavar="WORD", nargs="+", help="a word, or a part of one")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage_bootstrap.packages.catalog import search

    with shown_progress(style_of(arguments), terminal) as progress:
        found = search(archive_of(arguments, terminal), architecture_of(arguments), arguments.words, progress)
    if not found:
        raise SpecError(
            f"cannot find a package for {' '.join(arguments.words)}: no name and no description has all these words",
            hint="fewer words find more; `sysimage which` finds packages by the files that they have",
        )
    shown = found[: arguments.most] if arguments.most else found
    if arguments.json:
        from sysimage.documents.packages import FoundPackage, SearchDocument

        listed = tuple(FoundPackage(one.name, one.version, one.suite, one.summary) for one in shown)
        terminal.document(SearchDocument(listed, len(found)))
        return
    terminal.table(("package", "version", "description"), [(one.name, one.version, one.summary) for one in shown])
    if len(shown) < len(found):
        terminal.result(f"{len(found)} packages; {len(shown)} are shown, --most 0 shows all")
