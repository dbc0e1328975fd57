"""``sysimage tags``: which tags a repository of a registry has."""

from __future__ import annotations

import argparse

from sysimage.characters import printable
from sysimage.cli import flags
from sysimage.cli.settings import settings
from sysimage.cli.terminal import Terminal

NAME = "tags"
HELP = "list the tags of a repository"
DESCRIPTION = "List the tags of a repository of a registry, one a line."
EXAMPLES = (
    ("sysimage tags registry.example/team/web", "what was pushed"),
    ("sysimage tags --json docker.io/debian", "of Docker's hub, for a program"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    flags.add_registry_flags(parser)
    parser.add_argument("--json", action="store_true", help="print the result, or the error, as one JSON document")
    parser.add_argument("repository", metavar="HOST/NAME", help="the repository; a tag after it does not count")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.api.copying import tags

    found = tags(arguments.repository, settings=settings(arguments, terminal))
    if arguments.json:
        from sysimage.documents.images import TagsDocument

        terminal.document(TagsDocument(arguments.repository, found))
        return
    for tag in found:
        terminal.result(printable(tag))
