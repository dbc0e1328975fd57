"""``sysimage resolve``: what a spec says when everything it is made of is laid over one another."""

from __future__ import annotations

import argparse

from sysimage.cli import flags
from sysimage.cli.terminal import Terminal

NAME = "resolve"
HELP = "show the spec that include, variants, --set and arguments come to"
DESCRIPTION = """\
Read SPEC with all that it includes and all that is chosen of it, and print the one system that this comes to, as a
.jsonc file: after each value is the file, line and column, or the flag, that has it. Builds nothing."""
EXAMPLES = (
    ("sysimage resolve --variant small", "what a variant of system.json here says"),
    ("sysimage resolve --set max-layers=20 --json web.json", "another value, for a program"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the spec and the places as one JSON document")
    flags.add_spec(parser)


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.api.documents import document_of
    from sysimage.api.specs import ResolvedSpec
    from sysimage.cli.spec_files import choices, read_spec
    from sysimage.spec.annotated_text import annotated_text

    resolved = ResolvedSpec.of(read_spec(arguments.spec, choices(arguments)))
    if arguments.json:
        terminal.document(document_of(resolved))
    else:
        terminal.result(annotated_text(resolved.value, resolved.origins).removesuffix("\n"))
