"""``sysimage copy``: bring an image as it is from one place to another."""

from __future__ import annotations

import argparse

from sysimage.cli import flags
from sysimage.cli.terminal import Terminal
from sysimage.cli.transfer import add_transfer_flags, show, transfer

NAME = "copy"
HELP = "copy an image between files, layouts, registries and engines"
DESCRIPTION = """\
Copy the image SOURCE to TARGET, byte for byte and with all platforms that it has. Each is an archive, an OCI layout
(DIR, DIR:TAG), an image in a registry (HOST/NAME:TAG), or one in an engine of this machine: SOURCE with its name there
(docker:web:1.4, podman:…, nerdctl:…), TARGET without (docker:), for the image brings its own. A layout is
made where DIR/ or DIR:TAG has none; another name without a registry in front becomes an archive."""
EXAMPLES = (
    ("sysimage copy registry.example/team/web:1.4 web.tar", "an archive that every loader reads"),
    ("sysimage copy web.oci.tar images:web", "into a layout, beside the images that it has"),
    ("sysimage copy docker:web:1.4 registry.example/team/web:1.4", "what Docker has"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_transfer_flags(parser)
    parser.add_argument("source", metavar="SOURCE", help=flags.AN_IMAGE_OR_ENGINES)
    parser.add_argument("target", metavar="TARGET", help="the same; an engine without a name")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.api.copying import copy

    done = transfer(copy, arguments.source, arguments.target, arguments, terminal)
    show(done, arguments.target, arguments, terminal)
