"""``sysimage push``: push an existing image to registries."""

from __future__ import annotations

import argparse

from sysimage.cli import flags
from sysimage.cli.terminal import Terminal
from sysimage.cli.transfer import add_transfer_flags, show, transfer

NAME = "push"
HELP = "push an image to registries, sending only what they lack"
DESCRIPTION = """\
Push IMAGE, an archive, an OCI layout or an image in a registry or an engine, to each REFERENCE, byte for byte and with
all platforms that it has. Blobs that a registry has are not read and not sent; those of another repository there are
mounted."""
EXAMPLES = (
    ("sysimage push web.oci.tar registry.example/team/web:1.4", "what was built before"),
    ("sysimage push registry.example/team/web:1.4 registry.example/team/web:stable", "another tag: nothing is sent"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_transfer_flags(parser)
    parser.add_argument("image", metavar="IMAGE", help=flags.AN_IMAGE_OR_ENGINES)
    parser.add_argument("references", metavar="REFERENCE", nargs="+", help="HOST/NAME[:TAG]")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.api.copying import push

    done = transfer(push, arguments.image, arguments.references, arguments, terminal)
    show(done, arguments.image, arguments, terminal)
