"""Where ``sysimage build`` brings the image; what cannot be a place for it is refused before any work."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from sysimage.cli.settings import settings
from sysimage.cli.terminal import Terminal
from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.pipeline.options import BuildRequest, Delivery

OUTPUT_FORMATS = ("archive", "docker-archive", "oci-dir")
ENGINES = ("docker", "podman", "nerdctl")
_ELSEWHERE = "name another output"


def add_delivery_flags(parser: argparse.ArgumentParser) -> None:
    """Where the image goes."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE|DIR|-",
        help="where to write (a file named after the image); an existing directory, or a name that ends in /, becomes "
        "an OCI layout; - is standard output; the default is in the working directory",
    )
    parser.add_argument(
        "-f",
        "--format",
        choices=OUTPUT_FORMATS,
        help="the form of the image (archive); archive: one tar that every loader reads; "
        "docker-archive: the older form, for pipes; oci-dir: an OCI layout",
    )
    parser.add_argument(
        "--push",
        metavar="HOST/NAME[:TAG]",
        action="append",
        help="push to a registry, sending only what it lacks; may be repeated; without --output no file is written",
    )
    parser.add_argument(
        "--load",
        metavar="ENGINE",
        choices=ENGINES,
        help=f"load into an engine of this machine ({', '.join(ENGINES)}); without --output no file is written",
    )


def delivered(arguments: argparse.Namespace, terminal: Terminal, name: str, architecture: str) -> Delivery:
    """The places that the flags name; a file called after the image's ``name`` where they name none."""
    from sysimage.api.delivery import delivery

    return delivery(
        sys.stdout.fileno() if arguments.output == "-" else arguments.output,
        arguments.format,
        arguments.push or (),
        arguments.load,
        name=name,
        architecture=architecture,
        settings=settings(arguments, terminal),
    )


def check_stream(arguments: argparse.Namespace, terminal: Terminal) -> None:
    """Refuse an image on standard output where something else is to be there."""
    if arguments.json:
        raise SpecError(
            "cannot print the result as JSON: the image itself goes to standard output", hint="write it to a file"
        )
    if arguments.format == "oci-dir":
        raise SpecError("cannot write an OCI layout to standard output: it is a directory", hint="say --format archive")
    if terminal.results_are_read:
        raise SpecError("cannot write an image to a terminal", hint="pipe it: sysimage build -o - SPEC | docker load")


def check_outputs(request: BuildRequest, arguments: argparse.Namespace) -> None:
    """Refuse, before any work, an output that would overwrite an input of this build or a file that is not an image."""
    from sysimage.cli.inputs import flag_inputs, spec_input
    from sysimage.pipeline import output_checks

    goes_on = "; --continue goes on from the image that is replaced" if arguments.previous or arguments.history else ""
    spec, named = [spec_input(arguments.spec)], list(flag_inputs(arguments))
    output_checks.check_outputs(request, spec, named, hint=_ELSEWHERE + goes_on)
