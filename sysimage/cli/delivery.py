"""Where ``sysimage build`` brings the image; what cannot be a place for it is refused before any work."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sysimage.cli import earlier_builds, outputs
from sysimage.cli.terminal import Terminal
from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.pipeline.options import BuildRequest, Delivery

FORMATS = ("archive", "docker-archive", "oci-dir")
ENGINES = ("docker", "podman", "nerdctl")
_ELSEWHERE = "name another output"


def add_delivery_flags(parser: argparse.ArgumentParser) -> None:
    """Where the image goes."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE|DIR|-",
        help="where to write; an existing directory, or a name that ends in /, becomes an OCI layout; - is standard "
        "output; by default a file named after the image, in the working directory",
    )
    parser.add_argument(
        "-f",
        "--format",
        choices=FORMATS,
        help="archive: one tar that every loader reads (the default); docker-archive: the older form, for pipes; "
        "oci-dir: an OCI layout",
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


def delivery(arguments: argparse.Namespace, terminal: Terminal, name: str, architecture: str) -> Delivery:
    """The places that the flags name; a file called after the image's ``name`` where they name none."""
    from sysimage.pipeline.options import Delivery, Push

    kind: Any = arguments.format or "archive"
    output: Path | int | None = None
    if arguments.output is not None or not (arguments.push or arguments.load):
        kind, output = chosen_output(arguments.output, arguments.format, name, architecture)
    elif arguments.format is not None:
        raise SpecError(f"cannot write the format {kind}: no --output says where", hint="say --output, or no --format")
    pushes: tuple[Push, ...] = ()
    if arguments.push:
        reached = earlier_builds.registries(arguments, terminal)
        pushes = tuple(Push(target, reached) for target in reached.targets(tuple(arguments.push)))
    engine = None
    if arguments.load:
        from sysimage.destinations.daemon import Engine

        engine = Engine(arguments.load, environment=dict(terminal.environ))
    return Delivery(output, kind, pushes, engine)


def chosen_output(output: str | None, kind: str | None, name: str, architecture: str) -> tuple[Any, Path | int]:
    """The format and the place: what the flags say, and what follows from one for the other."""
    if output == "-":
        return kind or "archive", sys.stdout.fileno()
    if kind is None:
        kind = "oci-dir" if output is not None and (output.endswith("/") or Path(output).is_dir()) else "archive"
    if output is not None:
        return kind, Path(output)
    stem = f"{name.replace('/', '-').replace(':', '-')}-{architecture}"
    return kind, Path(stem + {"archive": ".oci.tar", "docker-archive": ".docker.tar", "oci-dir": ""}[kind])


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
    """Refuse what would write over something that this build reads, or over what is no image, before any work."""
    from sysimage.layerplan.record import FORMAT
    from sysimage.pipeline.history import record_beside

    output = request.delivery.output
    if output is None:
        return
    systems = (request.system, *request.planning.together)
    inputs = [
        outputs.spec_input(arguments.spec),
        *(one for system in systems for one in outputs.source_inputs(system.spec, system.spec_dir)),
        *(outputs.Input("a lock file", system.lock_file) for system in systems),
        outputs.Input("the cache", request.sources.cache_dir, whole=True),
    ]
    goes_on = "; --continue goes on from the image that is replaced" if arguments.previous or arguments.history else ""
    outputs.refuse_inputs(output, [*inputs, *outputs.flag_inputs(arguments)], hint=_ELSEWHERE + goes_on)
    if isinstance(output, int):
        return
    if request.delivery.format == "oci-dir":
        outputs.refuse_what_is_no_layout(output)
    else:
        outputs.refuse_what_is_no_file(output)
    record = record_beside(output)
    if record is not None:
        outputs.refuse_inputs(record, inputs, hint="the plan of an image is written beside it; " + _ELSEWHERE)
        outputs.refuse_another_format(record, FORMAT, "the record of a build, which belongs beside the image")
