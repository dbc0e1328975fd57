"""What an item shows elsewhere in the image, read from its directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sysimage.store.items import ShownFiles


def shown_files(location: Path, shown: ShownFiles) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Path in the item and entry of everything that is shown, directories before what they hold, names sorted;
    nothing of an item that is a file or a link."""
    if location.is_dir() and not location.is_symlink():
        yield from _below(str(location), "", shown)


def _below(directory: str, above: str, shown: ShownFiles) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(directory) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        path = above + entry.name
        if shown.shows(path):
            yield path, entry
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path, f"{path}/", shown)
