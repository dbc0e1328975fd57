"""``sysimage build``: a spec becomes an image."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sysimage.cli import flags, outputs, request
from sysimage.cli.progress import shown_progress
from sysimage.cli.terminal import Terminal, in_bytes
from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.destinations import WrittenImage
    from sysimage.pipeline.build import BuildOptions, BuildResult, Planned
    from sysimage.pipeline.history import History
    from sysimage.spec import SystemSpec

NAME = "build"
HELP = "build the image that a system.json describes"
DESCRIPTION = """\
Build the image that SPEC describes: make its store, provision its root file system, draw layer boundaries, and write
the image, which is there whole or not at all. Needs no root. The same inputs give the same image, bit for bit."""
FORMATS = ("archive", "docker-archive", "oci-dir")
ENGINES = ("docker", "podman", "nerdctl")


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
    parser.add_argument(
        "--continue",
        action="store_true",
        dest="goes_on",
        help="go on from the image that is replaced, if there is one, as with --previous: the one at --output, or else "
        "at the first --push",
    )
    flags.add_plan_flags(parser)
    flags.add_source_flags(parser)
    flags.add_registry_flags(parser)
    flags.add_output_flags(parser)
    flags.add_spec(parser)


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    streams = arguments.output == "-"
    if streams:
        _check_stream(arguments, terminal)
    spec, spec_dir = request.read_spec(arguments.spec)
    options = with_destinations(request.build_options(arguments, terminal, spec), arguments, terminal, spec)
    check_outputs(options, arguments, spec, spec_dir)

    from sysimage.pipeline.build import build

    shown = shown_progress("quiet" if arguments.quiet else arguments.progress, terminal)
    with request.faults_in(arguments.spec), shown as progress:
        result = build(spec, spec_dir, options, progress)
    if arguments.json:
        terminal.document(document(result))
    elif not arguments.quiet:
        (terminal.note if streams else terminal.result)(line(result))


def with_destinations(
    options: BuildOptions, arguments: argparse.Namespace, terminal: Terminal, spec: SystemSpec
) -> BuildOptions:
    """The options with the places where the image goes; what cannot be one is refused before anything is fetched."""
    from sysimage.pipeline.build import Push

    kind: Any = arguments.format or "archive"
    output: Path | int | None = None
    name = str(options.names[0]) if options.names else f"{spec.name}:{spec.tags[0]}"
    if arguments.output is not None or not (arguments.push or arguments.load):
        kind, output = chosen_output(arguments.output, arguments.format, name, spec.architecture)
    elif arguments.format is not None:
        raise SpecError(f"cannot write the format {kind}: no --output says where", hint="say --output, or no --format")
    pushes: tuple[Push, ...] = ()
    if arguments.push:
        reached = request.registries(arguments, terminal)
        pushes = tuple(Push(target, reached) for target in reached.targets(tuple(arguments.push)))
    engine = None
    if arguments.load:
        from sysimage.destinations.daemon import Engine

        engine = Engine(arguments.load, environment=dict(terminal.environ))
    history = options.history
    if arguments.goes_on:
        history = _going_on(arguments, terminal, spec, output, name, history)
    return dataclasses.replace(options, output=output, format=kind, pushes=pushes, load=engine, history=history)


def check_outputs(options: BuildOptions, arguments: argparse.Namespace, spec: SystemSpec, spec_dir: Path) -> None:
    """Refuse what would write over something that this build reads, or over what is no image, before any work."""
    from sysimage.layerplan.record import FORMAT
    from sysimage.pipeline.history import record_beside

    output = options.output
    if output is None:
        return
    inputs = [
        outputs.spec_input(arguments.spec),
        *outputs.source_inputs(spec, spec_dir),
        *(one for other in options.together for one in outputs.source_inputs(other.spec, other.spec_dir)),
        *(outputs.Input("a lock file", path) for path in (options.lock_file, *(o.lock_file for o in options.together))),
        outputs.Input("the cache", options.cache_dir, whole=True),
    ]
    goes_on = "; --continue goes on from the image that is replaced" if arguments.previous or arguments.history else ""
    outputs.refuse_inputs(output, [*inputs, *outputs.flag_inputs(arguments)], hint=_ELSEWHERE + goes_on)
    if isinstance(output, int):
        return
    if options.format == "oci-dir":
        outputs.refuse_what_is_no_layout(output)
    else:
        outputs.refuse_what_is_no_file(output)
    record = record_beside(output)
    if record is not None:
        outputs.refuse_inputs(record, inputs, hint="the plan of an image is written beside it; " + _ELSEWHERE)
        outputs.refuse_another_format(record, FORMAT, "the record of a build, which belongs beside the image")


_ELSEWHERE = "name another output"


def _going_on(
    arguments: argparse.Namespace,
    terminal: Terminal,
    spec: SystemSpec,
    output: Path | int | None,
    name: str,
    history: History,
) -> History:
    from sysimage.pipeline.history import what_is_replaced

    for flag in ("previous", "together_with", "strategy"):
        if getattr(arguments, flag) not in (None, "sysimage"):
            raise SpecError(
                f"cannot go on from the image that is replaced: --{flag.replace('_', '-')} says otherwise",
                hint="leave one of them out",
            )
    if isinstance(output, int) or (output is None and not arguments.push):
        raise SpecError("cannot go on from the image that is replaced: none is", hint="say --previous")
    platform = f"linux/{spec.architecture}"
    ask = request.asking(arguments, terminal, platform)
    replaced = what_is_replaced(output, arguments.push or (), platform, ask, name)
    return dataclasses.replace(history, previous=replaced)


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
    where = "".join(f" -> {place}" for one in result.delivered for place in _places(one))
    layers = len(written.image.layers)
    return f"{result.planned.names[0]}{where}: {in_bytes(written.size)}, {layers} layers, {written.digest}"


def _places(written: WrittenImage) -> list[str]:
    if written.format == "registry":
        return [str(name) for name in written.names]
    if written.path is not None:
        return [str(written.path)]
    return [written.format] if written.format.endswith(" load") else []


def document(result: BuildResult) -> dict[str, Any]:
    """The result for machines. Sizes in bytes."""
    written = result.written
    return {
        "names": [str(name) for name in result.planned.names],
        "format": written.format,
        "output": None if written.path is None else str(written.path),
        "record": None if result.record is None else str(result.record),
        "pushed": [str(name) for one in result.delivered if one.format == "registry" for name in one.names],
        "loaded": [one.format.removesuffix(" load") for one in result.delivered if one.format.endswith(" load")],
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
