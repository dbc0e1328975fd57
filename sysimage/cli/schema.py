"""``sysimage schema``: what a system.json may say, for editors."""

from __future__ import annotations

import argparse

from sysimage.cli.terminal import Terminal

NAME = "schema"
HELP = "print the JSON Schema of system.json"
DESCRIPTION = """\
Print the JSON Schema (2020-12) of system.json. With "$schema": "system.schema.json" in a spec and this file beside it,
editors complete, explain and check what is written."""
EXAMPLES = (
    ("sysimage schema > system.schema.json", "for an editor, beside the spec"),
    ("sysimage schema | jq '.properties | keys'", "the keys of a spec"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    pass


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.spec.schema import spec_schema

    terminal.json(spec_schema())
