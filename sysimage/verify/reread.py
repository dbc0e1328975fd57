"""Items that the first reading could not finish: their files came in another order, in several layers, or hard-linked.

The layers that hold them are read once more; the items' contents, and nothing else, wait in an unnamed temporary file
until all of an item is there. Layers that sysimage wrote never need this.
"""

from __future__ import annotations

import tempfile
from collections.abc import Container, Iterable, Mapping
from typing import IO

from sysimage.digest import Digest
from sysimage.rules.paths import Parts
from sysimage.verify.chunk_stream import CHUNK
from sysimage.verify.image_source import ImageSource
from sysimage.verify.layer import layer_content
from sysimage.verify.limits import Limits
from sysimage.verify.manifest import LayerDocument
from sysimage.verify.nar import NarStream
from sysimage.verify.references import KnownCollector
from sysimage.verify.tar import MemberKind, read_members
from sysimage.verify.tree import FileTree

_Place = tuple[int, Parts]
"""Number of a layer, and a member in it."""


def reread_items(
    items: Iterable[Parts],
    tree: FileTree,
    documents: Mapping[int, LayerDocument],
    source: ImageSource,
    known: frozenset[bytes],
    limits: Limits,
) -> dict[Parts, tuple[Digest, int, set[bytes]]]:
    """NAR hash, NAR size (bytes) and the known hash parts in each item, from the tree as it is in the end."""
    items = tuple(items)
    wanted = {
        (node.layer, node.content_at) for item in items for _, node in tree.walk(item) if node.kind is MemberKind.FILE
    }
    found: dict[_Place, tuple[int, int]] = {}
    with tempfile.TemporaryFile() as spool:
        for number in {number for number, _ in wanted}:
            found |= _spool(documents[number], source, limits, wanted, spool)
        return {item: _finish(item, tree, found, spool, known) for item in items}


def _spool(
    document: LayerDocument,
    source: ImageSource,
    limits: Limits,
    wanted: Container[_Place],
    spool: IO[bytes],
) -> dict[_Place, tuple[int, int]]:
    """Put what is wanted of a layer at the end of the file: where each begins there, and its bytes."""
    found: dict[_Place, tuple[int, int]] = {}
    stream = layer_content(document, source, limits)
    for member in read_members(stream, limits, end_required=False):
        place = (document.number, member.parts)
        if member.kind is MemberKind.FILE and place in wanted:
            found[place] = (spool.tell(), member.size)
            for piece in member.content(stream):
                spool.write(piece)
    return found


def _finish(
    item: Parts,
    tree: FileTree,
    found: Mapping[_Place, tuple[int, int]],
    spool: IO[bytes],
    known: frozenset[bytes],
) -> tuple[Digest, int, set[bytes]]:
    nar, collector = NarStream(), KnownCollector(known)
    for path, node in tree.walk(item):
        below = path[len(item) :]
        if below:
            collector.whole(below[-1])
        if node.kind is MemberKind.DIRECTORY:
            nar.directory(below)
        elif node.kind is MemberKind.SYMLINK:
            collector.whole(node.link)
            nar.symlink(below, node.link)
        elif node.kind is MemberKind.FILE:
            offset, size = found[node.layer, node.content_at]
            nar.begin_file(below, bool(node.mode & 0o100), size)
            spool.seek(offset)
            left = size
            while left and (piece := spool.read(min(CHUNK, left))):
                left -= len(piece)
                nar.content(piece)
                collector.content(piece)
            collector.end_file()
            nar.end_file(below, size)
    return *nar.finish(), collector.runs
