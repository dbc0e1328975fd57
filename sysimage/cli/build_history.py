"""Earlier builds of a system, found where flags say: in files, in images, in registries."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.cli.settings import settings
from sysimage.cli.terminal import Terminal
from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.pipeline.history import AskRegistry, History


def read_history(arguments: argparse.Namespace, terminal: Terminal, platform: str) -> History:
    """The earlier builds that ``--history`` and ``--previous`` name. ``platform`` is such as ``linux/amd64``."""
    from sysimage.pipeline.history import History, read_records

    named = [*(arguments.history or ()), *([arguments.previous] if arguments.previous else [])]
    for flag in ("strategy", "together_with"):
        if named and getattr(arguments, flag) not in (None, "sysimage"):
            raise SpecError(
                f"cannot learn from history with --{flag.replace('_', '-')}: it draws layer boundaries without one",
                hint="leave --history and --previous out",
            )
    ask = _asking(arguments, terminal, platform)
    before = [record for place in arguments.history or () for record in read_records(place, platform, ask)]
    return History(
        tuple(record.closure for record in before),
        read_records(arguments.previous, platform, ask)[-1] if arguments.previous else None,
    )


def with_replaced_image(
    history: History,
    arguments: argparse.Namespace,
    terminal: Terminal,
    platform: str,
    output: Path | int | None,
    name: str,
) -> History:
    """The history with the image at ``output``, or else at the first ``--push``, as the build before this one. In a
    layout with several images it is the one called ``name``."""
    from sysimage.pipeline.history import what_is_replaced

    for flag in ("previous", "together_with", "strategy"):
        if getattr(arguments, flag) not in (None, "sysimage"):
            raise SpecError(
                f"cannot go on from the image that is replaced: --{flag.replace('_', '-')} says otherwise",
                hint="leave one of them out",
            )
    if isinstance(output, int) or (output is None and not arguments.push):
        raise SpecError("cannot go on from the image that is replaced: no image is replaced", hint="say --previous")
    ask = _asking(arguments, terminal, platform)
    replaced = what_is_replaced(output, arguments.push or (), platform, ask, name)
    return replace(history, previous=replaced)


def _asking(arguments: argparse.Namespace, terminal: Terminal, platform: str) -> AskRegistry:
    """Asks registries what the manifests of images say; nothing is imported for it before that."""

    def ask(name: str) -> dict[str, str] | None:
        said = settings(arguments, terminal)
        said.require_network(name)
        return said.registries().annotations(name, platform)

    return ask
