"""``sysimage show``: what the archive says of a package."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sysimage.cli.catalog_flags import add_catalog_flags, architecture_of, archive_of
from sysimage.cli.progress import shown_progress
from sysimage.cli.reading_flags import style_of
from sysimage.cli.terminal import Terminal, in_bytes, labelled
from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage_bootstrap.packages.catalog import Listing

NAME = "show"
HELP = "show what the archive says of a package"
DESCRIPTION = """\
Show a package of the archive: version, suite, sizes, what it depends on and provides, and its description. What a whole
spec comes to is shown by `sysimage size SPEC` and `sysimage why SPEC PACKAGE`."""
EXAMPLES = (
    ("sysimage show nginx", "its version, and what it needs"),
    ("sysimage show --suite bookworm --json postgresql-15", "of another suite, for a program"),
)
_SHOWN = (
    ("source", "source"),
    ("depends", "depends"),
    ("pre-depends", "pre-depends"),
    ("recommends", "recommends"),
    ("provides", "provides"),
    ("conflicts", "conflicts"),
    ("homepage", "homepage"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_catalog_flags(parser)
    parser.add_argument("package", metavar="PACKAGE", help="its name")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage_bootstrap.packages.catalog import show

    name, architecture = arguments.package, architecture_of(arguments)
    with shown_progress(style_of(arguments), terminal) as progress:
        archive = archive_of(arguments, terminal)
        found = show(archive, architecture, name, progress)
        if found is None:
            index = archive.packages(architecture, progress)
            raise _unknown(name, index.providers(name), index.alike(name))
    if arguments.json:
        from sysimage.documents.packages import ShowDocument

        size, unpacked = sizes(found)
        terminal.document(
            ShowDocument(found.name, found.version, found.suite, found.summary, size, unpacked, found.fields)
        )
        return
    for line in lines(found, terminal.width):
        terminal.result(line)


def _unknown(name: str, providers: tuple[str, ...], alike: tuple[str, ...]) -> SpecError:
    if providers:
        return SpecError(
            f"cannot show {name}: it is not a package, but what others provide",
            hint=f"name one: {', '.join(providers[:8])}",
        )
    hint = f"did you mean {' or '.join(alike)}?" if alike else f"`sysimage search {name}` looks in descriptions, too"
    return SpecError(f"cannot show {name}: the archive has no such package", hint=hint)


def sizes(found: Listing) -> tuple[int, int | None]:
    """Bytes of the package file, and of its files where the package says that."""
    said = found.fields.get("installed-size")
    return int(found.fields["size"]), None if not said else int(said) * 1024


def lines(found: Listing, width: int) -> Iterator[str]:
    """The package for people."""
    yield f"{found.name} {found.version}: {found.summary}"
    size, unpacked = sizes(found)
    on_disk = "" if unpacked is None else f", {in_bytes(unpacked)} unpacked, as its packager says"
    for name, text in [
        ("suite", found.suite),
        ("size", f"{in_bytes(size)} to fetch{on_disk}"),
        *((label, found.fields.get(key, "")) for label, key in _SHOWN),
    ]:
        if text:
            yield from labelled(f"  {name}:", text, width, 15)
    for paragraph in found.fields.get("description", "").split("\n")[1:]:
        yield f"  {paragraph}" if paragraph != "." else ""
