"""``sysimage schema``: what a system.json may say, for editors."""

from __future__ import annotations

import argparse

from sysimage.cli.terminal import Terminal
from sysimage.errors import SpecError
from sysimage.suggestions import closest

NAME = "schema"
HELP = "print the JSON Schema of system.json, or of a document of --json"
DESCRIPTION = """\
Print the JSON Schema (2020-12) of system.json. With "$schema": "system.schema.json" in a spec and this file beside it,
editors complete, explain and check what is written. With KIND, the schema of what --json prints: the kind of a document
is its first field."""
EXAMPLES = (
    ("sysimage schema > system.schema.json", "for an editor, beside the spec"),
    ("sysimage schema build", "what `build --json` prints"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "document", metavar="KIND", nargs="?", help="instead of the spec, the documents of --json that have this kind"
    )


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    if arguments.document is None:
        from sysimage.spec.schema import spec_schema

        terminal.json(spec_schema())
        return
    from sysimage.documents.schema import document_schema, schema_names

    if arguments.document not in schema_names():
        guess = closest(arguments.document, schema_names())
        raise SpecError(
            f"cannot print the schema of {arguments.document}: no document has this kind",
            hint=f"did you mean {guess}?" if guess else f"the kinds are {', '.join(schema_names())}",
        )
    terminal.json(document_schema(arguments.document))
