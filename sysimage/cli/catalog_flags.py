"""What the verbs that ask the package archive share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sysimage.cli import flags
from sysimage.cli.settings import settings
from sysimage.cli.terminal import Terminal

if TYPE_CHECKING:
    from sysimage_bootstrap.archive import Archive


def add_catalog_flags(parser: argparse.ArgumentParser) -> None:
    """Which suites of which archive, and for which architecture."""
    parser.add_argument(
        "--suite", metavar="SUITE", action="append", dest="suites", help="ask this suite; may be repeated"
    )
    parser.add_argument(
        "--platform", metavar="OS/ARCH", default="linux/amd64", help="packages for which platform (linux/amd64)"
    )
    flags.add_archive_flags(parser)
    flags.add_output_flags(parser)


def archive_of(arguments: argparse.Namespace, terminal: Terminal) -> Archive:
    """The archive that the flags name."""
    from sysimage.api.catalog import archive_of

    return archive_of(settings(arguments, terminal), arguments.suites or ())


def architecture_of(arguments: argparse.Namespace) -> str:
    """The architecture of ``--platform``, as Debian calls it."""
    return str(arguments.platform).rpartition("linux/")[2].partition("/")[0]
