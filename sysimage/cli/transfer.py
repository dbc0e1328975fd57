"""What the verbs share that bring an image, as it is, to other places: flags, progress, and the result."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from sysimage.characters import printable
from sysimage.cli import flags
from sysimage.cli.progress import shown_progress
from sysimage.cli.result_card import moved_line
from sysimage.cli.settings import settings
from sysimage.cli.terminal import Terminal, in_bytes

if TYPE_CHECKING:
    from sysimage.api.values import CopiedImage


def add_transfer_flags(parser: argparse.ArgumentParser) -> None:
    """Which of the image's platforms, and how registries are reached."""
    parser.add_argument("--platform", metavar="OS/ARCH", help="bring the image for this platform alone")
    flags.add_registry_flags(parser)
    flags.add_output_flags(parser)


def transfer(
    bring: Callable[..., CopiedImage], source: str, target: object, arguments: argparse.Namespace, terminal: Terminal
) -> CopiedImage:
    """Call ``bring``, which is `api.push` or `api.copy`, as the flags say."""
    with shown_progress("quiet" if arguments.quiet else arguments.progress, terminal) as progress:
        said = settings(arguments, terminal)
        return bring(source, target, platform=arguments.platform, settings=said, progress=progress)


def show(done: CopiedImage, what: str, arguments: argparse.Namespace, terminal: Terminal) -> None:
    """Print what was brought where: a line for each repository, or the document."""
    from sysimage.destinations.written_image import Transfer

    if arguments.json:
        from sysimage.api.documents import document_of

        terminal.document(document_of(done))
    elif not arguments.quiet:
        for one in done.transfers:
            moved = moved_line(Transfer(one.sent, one.size, one.layers, one.layers_there))
            terminal.result(printable(f"{', '.join(one.names)}: {moved}, {done.digest}"))
        if not done.transfers:
            terminal.result(f"{what.removesuffix(':')}: {in_bytes(done.size)}, {done.layers} layers, {done.digest}")
