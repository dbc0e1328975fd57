"""``sysimage build``: a spec becomes an image."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sysimage.cli import flags, request
from sysimage.cli.progress import shown_progress
from sysimage.cli.terminal import Terminal, in_bytes
from sysimage.errors import MachineError, SpecError

if TYPE_CHECKING:
    from sysimage.build import BuildResult, Planned

NAME = "build"
HELP = "build the image that a system.json describes"
DESCRIPTION = """\
Build the image that SPEC describes: make its store, provision its root file system, draw layer boundaries, and write
the image, which is there whole or not at all. Needs no root. The same inputs give the same image, bit for bit."""
FORMATS = ("archive", "docker-archive", "oci-dir")


def add_flags(parser: argparse.ArgumentParser) -> None:
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
    flags.add_plan_flags(parser)
    flags.add_source_flags(parser)
    flags.add_output_flags(parser)
    flags.add_spec(parser)


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    streams = arguments.output == "-"
    if streams:
        _check_stream(arguments, terminal)
    spec, spec_dir = request.read_spec(arguments.spec)
    options = request.build_options(arguments, terminal)

    from sysimage.build import build

    name = str(options.names[0]) if options.names else f"{spec.name}:{spec.tags[0]}"
    kind, output = chosen_output(arguments.output, arguments.format, name, spec.architecture)
    if isinstance(output, Path) and not output.absolute().parent.is_dir():
        raise MachineError(f"cannot write {output}: there is no directory {output.parent}", hint="make it first")
    options = dataclasses.replace(options, output=output, format=kind)
    with shown_progress("quiet" if arguments.quiet else arguments.progress, terminal) as progress:
        result = build(spec, spec_dir, options, progress)
    if arguments.json:
        terminal.document(document(result))
    elif not arguments.quiet:
        (terminal.note if streams else terminal.result)(line(result))


def _check_stream(arguments: argparse.Namespace, terminal: Terminal) -> None:
    if arguments.json:
        raise SpecError(
            "cannot print the result as JSON: the image itself goes to standard output", hint="write it to a file"
        )
    if arguments.format == "oci-dir":
        raise SpecError("cannot write an OCI layout to standard output: it is a directory", hint="say --format archive")
    if terminal.results_are_read:
        raise SpecError("cannot write an image to a terminal", hint="pipe it: sysimage build -o - SPEC | docker load")


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


def line(result: BuildResult) -> str:
    """The result for people."""
    written = result.written
    where = f" -> {written.path}" if written.path is not None else ""
    layers = len(written.image.layers)
    return f"{written.names[0]}{where}: {in_bytes(written.size)}, {layers} layers, {written.digest}"


def document(result: BuildResult) -> dict[str, Any]:
    """The result for machines. Sizes in bytes."""
    written = result.written
    return {
        "names": [str(name) for name in written.names],
        "format": written.format,
        "output": None if written.path is None else str(written.path),
        "size": written.size,
        "digest": str(written.digest),
        "image_id": str(written.image_id),
        "created": result.planned.created,
        "layers": [
            {
                "digest": str(layer.descriptor.digest),
                "diff_id": str(layer.diff_id),
                "media_type": layer.descriptor.media_type,
                "size": layer.descriptor.size,
            }
            for layer in written.image.layers
        ],
        **closure_document(result.planned),
    }


def closure_document(planned: Planned) -> dict[str, Any]:
    """What the image holds, as far as it is known before layers are made."""
    return {
        "system": str(planned.realised.system),
        "architecture": planned.spec.architecture,
        "items": len(planned.closure),
        "nar_size": planned.closure.nar_size,
    }
