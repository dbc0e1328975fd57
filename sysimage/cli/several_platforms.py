"""``sysimage build --platform A,B``: one index of images."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sysimage.cli.delivery import check_outputs, delivered
from sysimage.cli.progress import shown_progress
from sysimage.cli.result_card import moved_line
from sysimage.cli.spec_files import choices, faults_in
from sysimage.cli.terminal import Terminal, in_bytes
from sysimage.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sysimage.pipeline.options import BuildRequest
    from sysimage.pipeline.platforms import PlatformsResult

    Request = Callable[[argparse.Namespace, Terminal], BuildRequest]


def build_for_platforms(arguments: argparse.Namespace, terminal: Terminal, request_of: Request) -> None:
    """Build the spec for each of the platforms, and bring all of them to the places that flags name."""
    if len(arguments.specs) > 1:
        raise SpecError("cannot build several specs for several platforms in one command", hint="build them one by one")
    if arguments.specs[0] == "-":
        raise SpecError("cannot build standard input for several platforms: it is read for each", hint="name a file")
    one_each = [
        argparse.Namespace(**{**vars(arguments), "spec": arguments.specs[0], "beside": [], "platforms": (platform,)})
        for platform in arguments.platforms
    ]
    requests = [request_of(one, terminal) for one in one_each]
    for request, one in zip(requests, one_each, strict=True):
        check_outputs(request, one)

    from sysimage.api.copying import host_platform
    from sysimage.pipeline.platforms import build_platforms

    name = str(requests[0].identity.names[0])
    which = "-".join(request.system.spec.architecture.replace("/", "") for request in requests)
    where = delivered(one_each[0], terminal, name, which)
    with (
        faults_in(arguments.specs[0], choices(one_each[0])),
        shown_progress("quiet" if arguments.quiet else arguments.progress, terminal) as progress,
    ):
        result = build_platforms(requests, where, host=host_platform(), progress=progress)
    if arguments.json:
        terminal.document(document(result))
    elif not arguments.quiet:
        (terminal.note if arguments.output == "-" else terminal.result)(line(name, arguments.platforms, result))


def line(name: str, platforms: tuple[str, ...], result: PlatformsResult) -> str:
    """The result for people."""
    places = [str(result.output)] if result.output is not None else []
    places += [str(one) for names, _ in result.pushed for one in names]
    places += [f"{engine} load" for engine in result.loaded]
    where = "".join(f" -> {place}" for place in places)
    moved = "".join(f"; {moved_line(transfer)}" for _, transfer in result.pushed)
    size = f"{in_bytes(result.size)}, {result.layers} layers, {in_bytes(result.shared)} of them shared"
    return f"{name}{where}: {' and '.join(platforms)}: {size}, {result.digest}{moved}"


def document(result: PlatformsResult) -> dict[str, Any]:
    """The result for programs."""
    from sysimage.api import documents
    from sysimage.api.values import BuiltImage, PushedImage

    return {
        "format_version": documents.FORMAT_VERSION,
        "digest": str(result.digest),
        "output": None if result.output is None else str(result.output),
        "pushed": [str(name) for names, _ in result.pushed for name in names],
        "transfers": [documents.transfer_document(PushedImage.of(*one)) for one in result.pushed],
        "loaded": list(result.loaded),
        "size": result.size,
        "shared": result.shared,
        "images": [
            {**documents.document(BuiltImage.of(one)), "output": None, "format": "oci-dir"} for one in result.images
        ],
    }
