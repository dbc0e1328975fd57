"""``sysimage copy``: bring an image as it is from one place to another."""

from __future__ import annotations

import argparse

from sysimage.cli import flags
from sysimage.cli.progress import shown_progress
from sysimage.cli.push import show
from sysimage.cli.settings import settings
from sysimage.cli.terminal import Terminal

NAME = "copy"
HELP = "copy an image between files, layouts, registries and engines"
DESCRIPTION = """\
Copy the image SOURCE to TARGET, byte for byte and with all platforms that it has. Each is an archive, an OCI layout
(DIR, DIR:TAG), or an image in a registry (HOST/NAME:TAG); TARGET may be an engine of this machine (docker:, podman:,
nerdctl:) too. A name that ends in / becomes a layout; a name without a registry in front becomes an archive."""
EXAMPLES = (
    ("sysimage copy registry.example/team/web:1.4 web.tar", "an archive that every loader reads"),
    ("sysimage copy web.oci.tar images/:web", "into a layout, beside the images that it has"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--platform", metavar="OS/ARCH", help="copy the image for this platform alone")
    flags.add_registry_flags(parser)
    flags.add_output_flags(parser)
    parser.add_argument("source", metavar="SOURCE", help=flags.AN_IMAGE)
    parser.add_argument("target", metavar="TARGET", help="the same, or an engine")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.api.copying import copy

    with shown_progress("quiet" if arguments.quiet else arguments.progress, terminal) as progress:
        done = copy(
            arguments.source,
            arguments.target,
            platform=arguments.platform,
            settings=settings(arguments, terminal),
            progress=progress,
        )
    show(done, arguments, terminal, arguments.target)
