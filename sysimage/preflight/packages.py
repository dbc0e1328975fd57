"""Whether scanners will find the packages that the image will have."""

from __future__ import annotations

from collections.abc import Iterator

from sysimage.bases import BaseImage
from sysimage.closure import Closure
from sysimage.rootfs.rows import stanzas_in
from sysimage.rootfs.tree import Kind, RootTree
from sysimage.rules import packages
from sysimage.rules.finding import Finding
from sysimage.rules.paths import Parts, as_parts
from sysimage.store.paths import StorePath


def check_packages(tree: RootTree, closure: Closure, base: BaseImage) -> Iterator[Finding]:
    """What the verifier would say of the rows of packages, and of a file of the spec that is among them."""
    rows: dict[Parts, bytes] = {}
    told: dict[StorePath | None, bytes] = {}
    for entry in tree:
        parts = as_parts(entry.path)
        if packages.is_row(parts) and entry.kind is Kind.FILE:
            rows[parts] = told[entry.item] = entry.read()
        elif packages.is_digests(parts) and entry.kind is Kind.FILE and entry.item is None:
            yield Finding("packages", ("file", entry.path), *packages.OF_NOTHING)
    # A row that follows from an item was read from it: then no file of the item is opened for this.
    stanzas = {
        str(item.path): told.get(item.path) or file.read_bytes()
        for item in closure
        if item.location is not None
        for file in stanzas_in(item.location)
    }
    yield from packages.check_rows(
        {**base.packages.stanzas, **stanzas}, {**base.packages.rows, **rows}, rows.__contains__
    )
