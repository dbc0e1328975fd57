"""What scanners of images read of each package, see `sysimage.rules.packages`: entries in the layer of its item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from sysimage.rootfs.tree import Entry
from sysimage.rules.packages import MD5SUMS, STANZAS, STATUS
from sysimage.store.paths import StorePath

_ELSEWHERE = ("boot/", "etc/", "opt/", "var/")
"""Directories of an item that are not below /usr."""


def stanzas_in(location: Path) -> tuple[Path, ...]:
    """The stanza of an item that is a Debian package, in a file named like it; nothing for another item. ``location``
    is where the item is on this machine."""
    place = location / STANZAS
    # In a profile, the stanzas of other items are links.
    files = sorted(place.iterdir()) if place.is_dir() else ()
    return tuple(file for file in files if file.is_file() and not file.is_symlink())


def package_rows(item: StorePath, location: Path, md5sums: Mapping[str, str]) -> Iterator[Entry]:
    """The row of the package that an item is, and the digests of its files, by path in the item."""
    for stanza in stanzas_in(location):
        row = Entry.file(f"{STATUS}/{stanza.name}", stanza.read_bytes(), owner=str(item))
        lines = "".join(f"{md5}  {name}\n" for path, md5 in md5sums.items() for name in _names(item, path))
        digests = Entry.file(row.path + MD5SUMS, lines.encode("utf-8", "surrogateescape"), owner=str(item))
        yield replace(row, item=item)
        yield replace(digests, item=item)


def _names(item: StorePath, path: str) -> tuple[str, ...]:
    """The names that a file of an item has in an image, without the first slash: the path in the store, and the path
    that Debian gives it. Which of them holds the content, so that a scanner sees it, is the layer's affair."""
    inside = f"{str(item)[1:]}/{path}"
    return (inside,) if path.startswith(_ELSEWHERE) else (inside, f"usr/{path}")
