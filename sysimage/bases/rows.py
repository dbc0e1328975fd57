"""The files that scanners read about packages of sysimage, next to those about packages of the base: the image has
both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from sysimage.bases.base_image import BaseImage
from sysimage.rootfs.tree import Entry
from sysimage.rules.packages import MD5SUMS, STATUS, is_digests, is_row
from sysimage.rules.paths import as_parts


def rows_on(base: BaseImage, entries: Iterable[Entry]) -> Iterator[Entry]:
    """``entries`` with each row under a name that no other package of the base has. What the base says already is left
    out."""
    there = {item.path for item in base.items}
    told = set(base.packages.rows.values())
    for entry in entries:
        parts = as_parts(entry.path)
        if entry.item is None or not (is_row(parts) or is_digests(parts)):
            yield entry
        elif entry.item not in there or base.packages.stanzas.get(str(entry.item)) not in told:
            suffix = MD5SUMS if is_digests(parts) else ""
            name = entry.path.removesuffix(suffix)
            taken = base.tree.find(as_parts(name)) is not None
            yield replace(entry, path=f"{STATUS}/{entry.item.base_name}{suffix}") if taken else entry
