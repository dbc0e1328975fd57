"""From parsed flags to the values that the pipeline takes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sysimage.cli import build_history, flag_values, spec_files
from sysimage.cli.settings import settings
from sysimage.cli.terminal import Terminal
from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.pipeline.options import BuildRequest, DeclaredSystem, Identity, Planning


def build_request(arguments: argparse.Namespace, terminal: Terminal, system: DeclaredSystem) -> BuildRequest:
    """Everything that `plan` and `build` share; the delivery is for `build` to add."""
    from sysimage.pipeline.options import BuildRequest, Proofs

    said = settings(arguments, terminal)
    return BuildRequest(
        system=system,
        identity=_identity(arguments, terminal, system),
        sources=said.sources(locked=arguments.locked, update=arguments.update, keeps_ids=True),
        planning=_planning(arguments, terminal, system),
        proofs=Proofs(references=getattr(arguments, "check_references", False)),
        layers=said.layer_storage(),
    )


def _identity(arguments: argparse.Namespace, terminal: Terminal, system: DeclaredSystem) -> Identity:
    from sysimage.api.arguments import image_name
    from sysimage.pipeline.options import Identity

    epoch = flag_values.source_date_epoch(terminal.environ)
    names = tuple(image_name(text) for text in arguments.tags or ())
    return Identity(
        names or Identity.of(system.spec).names,
        created=epoch if arguments.created is None else arguments.created,
    )


def _planning(arguments: argparse.Namespace, terminal: Terminal, system: DeclaredSystem) -> Planning:
    from sysimage.pipeline.options import Planning

    if arguments.together_with and arguments.strategy != "sysimage":
        raise SpecError(
            f"cannot plan systems together by {arguments.strategy}: the rule knows one system",
            hint="leave --strategy out",
        )
    return Planning(
        strategy=arguments.strategy,
        favour=arguments.favour,
        history=build_history.read_history(arguments, terminal, system.spec.platform),
        together=spec_files.neighbours(arguments),
    )
