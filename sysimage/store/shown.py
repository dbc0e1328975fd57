"""What an item shows below /usr, read from its directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sysimage.store.items import UsrFiles


def shown_files(location: Path, usr: UsrFiles) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Path below /usr and entry of everything, directories before what they hold, names sorted; nothing of an item that
    is no directory."""
    if location.is_dir() and not location.is_symlink():
        yield from _below(str(location), "", usr)


def _below(directory: str, above: str, usr: UsrFiles) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(directory) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        path = above + entry.name
        if usr.shows(path):
            yield path, entry
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path, f"{path}/", usr)
