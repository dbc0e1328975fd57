"""``sysimage verify``: recompute everything that an image says about itself."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sysimage.cli import flags
from sysimage.cli.progress import shown_progress
from sysimage.cli.settings import settings
from sysimage.cli.terminal import Terminal, in_bytes

if TYPE_CHECKING:
    from sysimage.verify import VerifiedImage

NAME = "verify"
HELP = "recompute everything that an image says about itself"
DESCRIPTION = """\
Read an image whole, in an archive, an OCI layout or a registry, and recompute everything it says of itself: digests,
sizes, diff IDs, the rules of layers, the store database against every item's contents. Prints every fault, and ends
with 4 if there is one: something unsafe or untrue, or what an engine refuses. What engines take, but a careful writer
avoids, is a note."""
EXAMPLES = (
    ("sysimage verify web.tar", "prove an image before it is given away"),
    ("sysimage verify --tag web:1.4 layout/", "one image of a layout"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--platform", metavar="OS/ARCH", help="which image, where there are several")
    parser.add_argument("--tag", metavar="NAME[:TAG]", help="which image, where a layout holds several")
    flags.add_output_flags(parser)
    flags.add_registry_flags(parser)
    parser.add_argument("image", metavar="IMAGE", help=flags.AN_IMAGE)


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.api import reading
    from sysimage.api.documents import document_of

    with shown_progress("quiet" if arguments.quiet else arguments.progress, terminal) as progress:
        image = reading.verify(
            arguments.image,
            platform=arguments.platform,
            name=arguments.tag,
            settings=settings(arguments, terminal),
            progress=progress,
        )
    if arguments.json:
        terminal.document(document_of(image))
    elif not arguments.quiet:
        for note in image.notes:
            terminal.note(f"note: {note}")
        terminal.result(line(arguments.image, image))


def line(path: str, image: VerifiedImage) -> str:
    """The result for people."""
    store = f"{image.items} items of a {image.store_kind} store, " if image.store_kind else ""
    what = f"{len(image.layers)} layers, {store}{image.files} files, {in_bytes(image.size)}"
    return f"{path}: verified: {what}, {image.digest or image.image_id}"
