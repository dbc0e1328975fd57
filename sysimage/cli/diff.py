"""``sysimage diff``: what is different between two images, specs or lock files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sysimage.cli import flags
from sysimage.cli.progress import shown_progress
from sysimage.cli.reading_flags import SUBJECT, add_reading_flags, style_of
from sysimage.cli.settings import settings
from sysimage.cli.spec_files import choices
from sysimage.cli.terminal import Terminal

if TYPE_CHECKING:
    from sysimage.compare.difference import Difference

NAME = "diff"
HELP = "show what is different between two images, specs or lock files"
DESCRIPTION = """\
Show how NEW differs from OLD: packages that come, go, or have another version, with the CVE numbers that the changelogs
of the new ones name since the old version; files; configuration; and the layers that a client of OLD has to pull. Each
is an archive, an OCI layout, a system.json, or a lock file; specs and lock files hold packages alone. Names of store
items are not a difference: a file counts as changed if it says something else. Ends with 0 whether or not something
differs."""
EXAMPLES = (
    ("sysimage diff old.tar new.tar", "what an update brings, and how many bytes it moves"),
    ("sysimage diff --markdown main.lock.json web.lock.json", "the same for a pull request"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_reading_flags(parser, one=False)
    group = parser.add_argument_group("what is compared")
    group.add_argument("--markdown", action="store_true", help="print tables for a pull request or an issue")
    group.add_argument("--all", action="store_true", help="name every file and every layer")
    flags.add_changelogs(group)
    parser.add_argument("old", metavar="OLD", help=SUBJECT)
    parser.add_argument("new", metavar="NEW", help="another one")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.api.comparison import diff

    with shown_progress(style_of(arguments), terminal) as progress:
        found = diff(
            arguments.old,
            arguments.new,
            settings(arguments, terminal),
            platform=arguments.platform,
            tag=arguments.tag,
            choices=choices(arguments),
            changelogs=not arguments.no_changelogs,
            progress=progress,
        )
    show(found, arguments, terminal)


def show(found: Difference, arguments: argparse.Namespace, terminal: Terminal) -> None:
    """Print a difference in the form that the flags ask for."""
    from sysimage.cli import difference_text

    if arguments.json:
        from sysimage.api.documents import document_of

        terminal.document(document_of(found))
    elif arguments.markdown:
        terminal.result("\n".join(difference_text.markdown(found, every=arguments.all)))
    elif not arguments.quiet:
        for line in difference_text.lines(found, terminal.width, every=arguments.all):
            terminal.result(line)
