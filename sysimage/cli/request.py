"""From parsed flags to the values that the rooms take."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.cli import flags
from sysimage.cli.terminal import Terminal
from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.build import BuildOptions
    from sysimage.image import ImageName
    from sysimage.spec import SystemSpec
    from sysimage_bootstrap.choose import ArchiveChoice


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


def archive_choice(arguments: argparse.Namespace, terminal: Terminal) -> ArchiveChoice:
    """Which package archive, and what is believed of it."""
    from sysimage_bootstrap.archive import KEYRING, ArchiveOptions, TransportOptions, apt_transport
    from sysimage_bootstrap.choose import ArchiveChoice

    transport = TransportOptions(offline=arguments.offline)
    return ArchiveChoice(
        ArchiveOptions(
            now=datetime.now(UTC),
            allow_expired=arguments.allow_expired,
            allow_rollback=arguments.allow_rollback,
            transport=transport if arguments.offline else apt_transport(terminal.environ, transport),
        ),
        apt_root=arguments.apt_root,
        uri=arguments.archive,
        security_uri=arguments.security_archive,
        keyring=arguments.keyring or KEYRING,
    )


def build_options(arguments: argparse.Namespace, terminal: Terminal) -> BuildOptions:
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
    return BuildOptions(
        cache_dir=flags.cache_directory(arguments.cache_dir, terminal.environ),
        archive=archive_choice(arguments, terminal),
        lock_file=flags.lock_file(arguments.lockfile, arguments.spec),
        locked=arguments.locked,
        names=tuple(image_name(text) for text in arguments.tags or ()),
        max_layers=arguments.max_layers,
        compression=arguments.compression,
        created=epoch if arguments.created is None else arguments.created,
        favour=arguments.favour,
        together=tuple(
            Neighbour(*read_spec(str(path)), flags.lock_file(None, str(path))) for path in arguments.together_with or ()
        ),
        check_store=arguments.check_store,
        from_image=arguments.from_image,
        workers=flags.processors(arguments.jobs),
    )


def image_name(text: str) -> ImageName:
    """A name with or without a tag."""
    from sysimage.image import ImageName

    try:
        return ImageName.parse(text)
    except ValueError as error:
        raise SpecError(f"cannot name the image: {error}", hint="say such as --tag web:1.0") from None
