"""What the verbs that ask about images, specs and lock files share: their flags, and how one is opened."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sysimage.cli import flags
from sysimage.cli.progress import Style, shown_progress
from sysimage.cli.settings import settings
from sysimage.cli.spec_files import choices
from sysimage.cli.terminal import Terminal

if TYPE_CHECKING:
    from sysimage.api.comparison import Opened

SUBJECT = "an image (an archive, an OCI layout, or its name in a registry), a system.json, or a lock file"


def add_reading_flags(parser: argparse.ArgumentParser, *, one: bool = True) -> None:
    """The flags that choose among images, those that say where packages are known from, and those for results.

    ``one`` is whether a single thing is asked about, which may have a lock file of its own.
    """
    parser.add_argument("--platform", metavar="OS/ARCH", help="which image, where there are several")
    parser.add_argument("--tag", metavar="NAME[:TAG]", help="which image, where a layout holds several")
    flags.add_choice_flags(parser)
    group = flags.add_archive_flags(parser)
    if one:
        flags.add_lockfile(group)
    flags.add_registry_flags(parser)
    flags.add_output_flags(parser)


def opened(place: str, arguments: argparse.Namespace, terminal: Terminal) -> Opened:
    """What a verb is asked about."""
    from sysimage.api.comparison import open_place

    with shown_progress(style_of(arguments), terminal) as progress:
        return open_place(
            place,
            settings(arguments, terminal),
            platform=arguments.platform,
            tag=arguments.tag,
            lock_file=arguments.lockfile,
            choices=choices(arguments),
            progress=progress,
        )


def style_of(arguments: argparse.Namespace) -> Style:
    """How progress is shown: no lines by default, since the answer comes at once."""
    if arguments.quiet:
        return "quiet"
    style: Style = arguments.progress
    return "notices" if style == "auto" else style
