"""``sysimage push``: bring an image that is there already to registries."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sysimage.characters import printable
from sysimage.cli import flags
from sysimage.cli.progress import shown_progress
from sysimage.cli.result_card import moved_line
from sysimage.cli.settings import settings
from sysimage.cli.terminal import Terminal, in_bytes

if TYPE_CHECKING:
    from sysimage.api.values import CopiedImage

NAME = "push"
HELP = "push an image to registries, sending only what they lack"
DESCRIPTION = """\
Push IMAGE, an archive, an OCI layout or an image in a registry, to each REFERENCE, byte for byte and with all platforms
that it has. Blobs that a registry has are not read and not sent; those of another repository there are mounted."""
EXAMPLES = (
    ("sysimage push web.oci.tar registry.example/team/web:1.4", "what was built before"),
    ("sysimage push registry.example/team/web:1.4 registry.example/team/web:stable", "another tag: nothing is sent"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--platform", metavar="OS/ARCH", help="push the image for this platform alone")
    flags.add_registry_flags(parser)
    flags.add_output_flags(parser)
    parser.add_argument("image", metavar="IMAGE", help=flags.AN_IMAGE)
    parser.add_argument("references", metavar="REFERENCE", nargs="+", help="HOST/NAME[:TAG]")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.api.copying import push

    with shown_progress("quiet" if arguments.quiet else arguments.progress, terminal) as progress:
        done = push(
            arguments.image,
            arguments.references,
            platform=arguments.platform,
            settings=settings(arguments, terminal),
            progress=progress,
        )
    show(done, arguments, terminal, arguments.image)


def show(done: CopiedImage, arguments: argparse.Namespace, terminal: Terminal, what: str) -> None:
    """Print what was copied where: a line for each repository, or the document."""
    from sysimage.destinations.written_image import Transfer

    if arguments.json:
        from sysimage.api.documents import document_of

        terminal.document(document_of(done))
    elif not arguments.quiet:
        for one in done.transfers:
            moved = moved_line(Transfer(one.sent, one.size, one.layers, one.layers_there))
            terminal.result(printable(f"{', '.join(one.names)}: {moved}, {done.digest}"))
        if not done.transfers:
            terminal.result(f"{what}: {in_bytes(done.size)}, {done.layers} layers, {done.digest}")
