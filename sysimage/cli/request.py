"""From parsed flags to the values that the pipeline takes."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from sysimage.cli import earlier_builds, flag_values, spec_files
from sysimage.cli.image_names import image_name
from sysimage.cli.terminal import Terminal
from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.pipeline.options import BuildRequest, DeclaredSystem, Identity, Planning, Sources
    from sysimage_bootstrap.packages.choose import ArchiveChoice


def build_request(arguments: argparse.Namespace, terminal: Terminal) -> BuildRequest:
    """Everything that `plan` and `build` share; the delivery is for `build` to add."""
    from sysimage.pipeline.options import BuildRequest, LayerStorage, Proofs

    system = spec_files.declared_system(arguments)
    identity = _identity(arguments, terminal, system)
    where = sources(arguments, terminal, locked=arguments.locked)
    return BuildRequest(
        system=system,
        sources=where,
        identity=identity,
        planning=_planning(arguments, terminal, system),
        proofs=Proofs(references=arguments.check_references),
        layers=LayerStorage(
            None if arguments.no_cache else where.cache_dir / "layers", most_bytes=arguments.cache_size or None
        ),
    )


def sources(arguments: argparse.Namespace, terminal: Terminal, *, locked: bool = False) -> Sources:
    """Where systems come from, by the flags of `sysimage.cli.flags.add_package_flags`."""
    from sysimage.pipeline.options import Sources

    return Sources(
        flag_values.cache_directory(arguments.cache_dir, terminal.environ),
        archive_choice(arguments, terminal),
        locked=locked,
        workers=flag_values.processors(arguments.jobs),
    )


def archive_choice(arguments: argparse.Namespace, terminal: Terminal) -> ArchiveChoice:
    """Which package archive, and what is believed of it."""
    from sysimage_bootstrap.archive import KEYRING, ArchiveOptions, TransportOptions, apt_transport
    from sysimage_bootstrap.packages.choose import ArchiveChoice

    return ArchiveChoice(
        ArchiveOptions(
            now=datetime.now(UTC),
            allow_expired=arguments.allow_expired,
            allow_rollback=arguments.allow_rollback,
            transport=TransportOptions(offline=arguments.offline),
        ),
        apt_root=arguments.apt_root,
        uri=arguments.archive,
        security_uri=arguments.security_archive,
        keyring=arguments.keyring or KEYRING,
        reach=None if arguments.offline else partial(apt_transport, terminal.environ),
    )


def _identity(arguments: argparse.Namespace, terminal: Terminal, system: DeclaredSystem) -> Identity:
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
        history=earlier_builds.read_history(arguments, terminal, f"linux/{system.spec.architecture}"),
        together=spec_files.neighbours(arguments),
    )
