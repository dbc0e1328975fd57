"""From parsed flags to the values that the rooms take."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.cli import flags
from sysimage.cli.terminal import Terminal
from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.build import BuildOptions
    from sysimage.destinations.registry import Registries
    from sysimage.history import AskRegistry, History
    from sysimage.image import ImageName
    from sysimage.spec import SystemSpec
    from sysimage_bootstrap.packages.choose import ArchiveChoice


def read_spec(name: str) -> tuple[SystemSpec, Path]:
    """The spec, and the directory that its sources are relative to."""
    from sysimage.spec import parse_spec, read_spec

    if name != "-":
        return read_spec(Path(name)), Path(name).parent
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise SpecError(f"cannot read standard input: byte {error.start} is not UTF-8") from None
    return parse_spec(text, Path("standard input")), Path()


@contextmanager
def faults_in(name: str) -> Iterator[None]:
    """Faults that are found after the spec was read say where in the file ``name`` they are."""
    from sysimage.spec.parse import located

    try:
        yield
    except SpecError as error:
        if name == "-":
            raise
        raise located(error, Path(name)) from error.__cause__


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


def registries(arguments: argparse.Namespace, terminal: Terminal) -> Registries:
    """How registries are reached; credentials are looked for where ``login`` of Docker and Podman leaves them."""
    from sysimage.destinations.registry import Registries, auth_files

    return Registries(
        auth_files(terminal.environ, Path(terminal.environ.get("HOME") or "/")),
        tuple(arguments.plain_http or ()),
        arguments.registry_ca,
    )


def asking(arguments: argparse.Namespace, terminal: Terminal, platform: str) -> AskRegistry:
    """Asks registries what the manifests of images say; nothing is imported for it before that."""

    def ask(name: str) -> dict[str, str] | None:
        if arguments.offline:
            raise SpecError(f"cannot ask for {name}: the network is off", hint="leave --offline out")
        return registries(arguments, terminal).annotations(name, platform)

    return ask


def read_history(arguments: argparse.Namespace, terminal: Terminal, spec: SystemSpec) -> History:
    """The earlier builds that are named."""
    from sysimage.history import History, read_records

    named = [*(arguments.history or ()), *([arguments.previous] if arguments.previous else [])]
    for flag in ("strategy", "together_with"):
        if named and getattr(arguments, flag) not in (None, "sysimage"):
            raise SpecError(
                f"cannot learn from history with --{flag.replace('_', '-')}: it draws layer boundaries without one",
                hint="leave --history and --previous out",
            )
    platform = f"linux/{spec.architecture}"
    ask = asking(arguments, terminal, platform)
    before = [record for place in arguments.history or () for record in read_records(place, platform, ask)]
    return History(
        tuple(record.closure for record in before),
        read_records(arguments.previous, platform, ask)[-1] if arguments.previous else None,
    )


def build_options(arguments: argparse.Namespace, terminal: Terminal, spec: SystemSpec) -> BuildOptions:
    """Everything that `plan` and `build` share; the output is for `build` to add."""
    epoch = flags.source_date_epoch(terminal.environ)

    from sysimage.build import BuildOptions, Neighbour
    from sysimage.layerplan import check_max_layers
    from sysimage.layers import Compression

    # What the later rooms would refuse is refused before anything is fetched.
    if arguments.max_layers is not None:
        check_max_layers(arguments.max_layers)
    if arguments.compression is not None:
        Compression.parse(arguments.compression)
    if arguments.together_with and arguments.strategy != "sysimage":
        raise SpecError(
            f"cannot plan systems together by {arguments.strategy}: the rule knows one system",
            hint="leave --strategy out",
        )
    return BuildOptions(
        cache_dir=flags.cache_directory(arguments.cache_dir, terminal.environ),
        archive=archive_choice(arguments, terminal),
        lock_file=flags.lock_file(arguments.lockfile, arguments.spec),
        locked=arguments.locked,
        names=tuple(image_name(text) for text in arguments.tags or ()),
        max_layers=arguments.max_layers,
        compression=arguments.compression,
        created=epoch if arguments.created is None else arguments.created,
        strategy=arguments.strategy,
        favour=arguments.favour,
        history=read_history(arguments, terminal, spec),
        together=tuple(
            Neighbour(*read_spec(str(path)), flags.lock_file(None, str(path))) for path in arguments.together_with or ()
        ),
        check_store=arguments.check_store,
        check_references=arguments.check_references,
        from_image=arguments.from_image,
        keep_layers=not arguments.no_cache,
        cache_bytes=arguments.cache_size or None,
        workers=flags.processors(arguments.jobs),
    )


def image_name(text: str) -> ImageName:
    """A name with or without a tag."""
    from sysimage.image import ImageName

    try:
        return ImageName.parse(text)
    except ValueError as error:
        raise SpecError(f"cannot name the image: {error}", hint="say such as --tag web:1.0") from None


def whole_name(text: str | None) -> str | None:
    """A name with its tag."""
    return None if text is None else str(image_name(text))
