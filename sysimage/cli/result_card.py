"""What a build has made, for people: where it is, what is new in it, and how to load and run it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sysimage.cli.terminal import in_bytes

if TYPE_CHECKING:
    from sysimage.closure import Closure
    from sysimage.destinations.written_image import Transfer, WrittenImage
    from sysimage.pipeline.build import BuildResult

_NAMES = 6
"""How many changed items are named."""
_LOWEST_FREE = 1024
"""Ports below belong to root on most machines, so another one of the machine stands for them."""


def line(result: BuildResult) -> str:
    """The image in one line."""
    written = result.written
    where = "".join(f" -> {place}" for one in result.delivered for place in _places(one))
    layers = len(written.image.layers)
    moved = "".join(f"; {moved_line(one.transfer)}" for one in result.delivered if one.transfer is not None)
    return f"{result.planned.names[0]}{where}: {in_bytes(written.size)}, {layers} layers, {written.digest}{moved}"


def card(result: BuildResult) -> Iterator[str]:
    """The line, and below it what a person asks next."""
    yield line(result)
    if (change := _change(result)) is not None:
        yield f"  changed:  {change}"
    for what, command in commands(result):
        yield f"  {what + ':':<9} {command}"


def _change(result: BuildResult) -> str | None:
    """What is new since the image that was replaced."""
    replaced, written = result.replaced, result.written
    if replaced is None:
        return None
    if replaced.digest == written.digest:
        return "nothing; it is the image that was there"
    layers, size = replaced.lacked(written.image)
    moved = f"{layers} of {len(written.image.layers)} layers, {in_bytes(size)} to send"
    if replaced.record is None:
        return moved
    items = _changed_items(replaced.record.closure, result.planned.closure)
    more = f" and {len(items) - _NAMES} more" if len(items) > _NAMES else ""
    return f"{moved}: {', '.join(items[:_NAMES])}{more}" if items else moved


def _changed_items(before: Closure, after: Closure) -> list[str]:
    """Names of the items whose name, and so version, was not there; failing that, of those that were made again."""
    names = {item.path.name for item in before}
    paths = {item.path for item in before}
    new = sorted(item.path.name for item in after if item.path.name not in names)
    return new or sorted(item.path.name for item in after if item.path not in paths)


def commands(result: BuildResult) -> Iterator[tuple[str, str]]:
    """How to bring the image into an engine, and how to run it there."""
    written, name = result.written, str(result.planned.names[0])
    engine = next((one.format.removesuffix(" load") for one in result.delivered if one.format.endswith(" load")), None)
    pushed = next((str(one.names[0]) for one in result.delivered if one.format == "registry"), None)
    if engine is None and pushed is None:
        if written.path is None:
            return
        path = shlex.quote(str(written.path))
        if written.format == "oci-dir":
            yield "load it", f"skopeo copy oci:{path}:{name} docker-daemon:{name}"
        else:
            yield "load it", f"docker load --input {path}      (or: podman load --input {path})"
    published = "".join(f" --publish {_outside(port)}:{port}" for port in _ports(result))
    yield "run it", f"{engine or 'docker'} run --rm{published} {pushed or name}"


def _ports(result: BuildResult) -> list[int]:
    return sorted({int(port.partition("/")[0]) for port in result.planned.spec.exposed_ports})


def _outside(port: int) -> int:
    return 8000 + port if port < _LOWEST_FREE else port


def moved_line(transfer: Transfer) -> str:
    """What a push had to send."""
    there, layers = transfer.layers_there, transfer.layers
    which = "all layers were" if there == layers else f"{there} of {layers} layers were"
    return f"sent {in_bytes(transfer.sent)} of {in_bytes(transfer.total)}, {which} there"


def _places(written: WrittenImage) -> list[str]:
    if written.format == "registry":
        return [str(name) for name in written.names]
    if written.path is not None:
        return [str(written.path)]
    return [written.format] if written.format.endswith(" load") else []
