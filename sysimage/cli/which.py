"""``sysimage which``: which package has a file."""

from __future__ import annotations

import argparse

from sysimage.cli.catalog_flags import add_catalog_flags, architecture_of, archive_of
from sysimage.cli.progress import shown_progress
from sysimage.cli.reading_flags import style_of
from sysimage.cli.terminal import Terminal
from sysimage.errors import SpecError

NAME = "which"
HELP = "find the package that has a file"
DESCRIPTION = """\
Show which packages of the archive have FILE: an absolute path, or a name, which is then looked for in every directory.
The archive's lists of files are fetched for it, some ten megabytes, and kept in the cache."""
EXAMPLES = (
    ("sysimage which /usr/bin/dig", "the package of a program"),
    ("sysimage which libpq.so.5", "the package of a library"),
)
_MOST = 40


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_catalog_flags(parser)
    parser.add_argument("file", metavar="FILE", help="a path, or a file's name")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage_bootstrap.packages.catalog import owners

    with shown_progress(style_of(arguments), terminal) as progress:
        found = owners(archive_of(arguments, terminal), architecture_of(arguments), arguments.file, progress)
    if not found:
        raise SpecError(
            f"cannot find {arguments.file}: no package of the archive has it",
            hint="links of maintainer scripts are in no list; a name without directories is looked for everywhere",
        )
    if arguments.json:
        from sysimage.documents.packages import FoundFile, WhichDocument

        terminal.document(WhichDocument(tuple(FoundFile(one.path, one.package, one.suite) for one in found)))
        return
    for one in found[:_MOST]:
        terminal.result(f"{one.package}: {one.path}")
    if len(found) > _MOST:
        terminal.result(f"and {len(found) - _MOST} more; --json names them")
