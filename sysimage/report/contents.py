"""The files of an image: each layer read once, and what the layers on top of one another show."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sysimage.compare.layer_reader import LayerFiles, read_files
from sysimage.progress import Progress
from sysimage.report import packages
from sysimage.report.facts import FileFact
from sysimage.rules.paths import Parts, as_parts
from sysimage.verify.image_source import ImageSource
from sysimage.verify.issue_collector import IssueCollector, MalformedError
from sysimage.verify.limits import Limits
from sysimage.verify.manifest import LayerDocument
from sysimage.verify.store import STATE_DIRECTORIES
from sysimage.verify.tar import MemberKind, TarMember
from sysimage.verify.tree import USR, FileTree, item_of
from sysimage.workers import threads

DATABASES = {as_parts(f"{state}/db/db.sqlite"): schema for state, schema in STATE_DIRECTORIES.items()}
_LOGS = {(*parts[:-1], parts[-1] + b"-wal") for parts in DATABASES}
SPEC = b"system.json"
"""The file at the top of a system item that has the spec, with its defaults."""
_STAGE = "read"
_THREADS = 4
_Place = tuple[int, Parts]
"""A layer's number and the member of it that has a file's content."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What the image shows."""

    items: Mapping[Parts, tuple[FileFact, ...]]
    """Files by image path of their store item; paths of directories that have no file are there, too."""
    layer_of: Mapping[Parts, int]
    """The layer of each item."""
    others: Mapping[int, tuple[FileFact, ...]]
    """Files of no item, by layer."""
    hidden: Mapping[int, int]
    """Bytes of files that nothing shows, by the layer that has them."""
    kept: Mapping[Parts, bytes]
    """What was asked for of the visible files: databases, stanzas, copyright files, specs; by image path."""
    database_layer: int
    """The layer that shows the store's database; 0 without one."""


def read_contents(source: ImageSource, layers: Sequence[LayerDocument], limits: Limits, progress: Progress) -> Contents:
    """Read every layer once. A MalformedError for one that cannot be read; digests of layers are not compared."""
    total = len(layers)
    with threads(_THREADS, "report") as pool:
        read = []
        for done, layer in enumerate(pool.map(lambda one: _read(one, source, limits), layers), 1):
            read.append(layer)
            progress(_STAGE, done, total, unit="layers")
    if sum(len(layer.members) for layer in read) > limits.entries:
        raise MalformedError(f"has more than {limits.entries} entries")
    tree = FileTree(IssueCollector(1))
    by_number = {document.number: layer for document, layer in zip(layers, read, strict=True)}
    for number, layer in by_number.items():
        tree.apply(number, layer.members, ours=False)
    return _shown(tree, by_number)


def _read(document: LayerDocument, source: ImageSource, limits: Limits) -> LayerFiles:
    if source.size(document.file) is None:
        raise MalformedError(f"it has no {document.file}, which is {document.where}")
    left = limits.captured_files

    def keeps(member: TarMember) -> bool:
        nonlocal left
        if not _is_kept(member) or member.size > left:
            return False
        left -= member.size
        return True

    return read_files(document, source, limits, keeps, hashlib.sha256)


def _is_kept(member: TarMember) -> bool:
    if member.parts in DATABASES or member.parts in _LOGS:
        return True
    if member.parts[-1:] == (SPEC,):
        return member.size <= packages.LARGEST_FILE and item_of(member.parts) == member.parts[:-1]
    return member.size <= packages.LARGEST_FILE and packages.is_read(member.parts)


def _shown(tree: FileTree, layers: Mapping[int, LayerFiles]) -> Contents:
    names: defaultdict[_Place, list[Parts]] = defaultdict(list)
    sizes: dict[_Place, int] = {}
    layer_of: dict[Parts, int] = {}
    kept: dict[Parts, bytes] = {}
    for parts, node in tree.walk():
        if (item := item_of(parts)) is not None and parts == item:
            layer_of[item] = node.layer
        if node.kind is not MemberKind.FILE:
            continue
        place = (node.layer, node.content_at)
        names[place].append(parts)
        sizes[place] = node.size
        if (content := layers[node.layer].captured.get(node.content_at)) is not None:
            kept[parts] = content
    items: defaultdict[Parts, list[FileFact]] = defaultdict(list)
    others: defaultdict[int, list[FileFact]] = defaultdict(list)
    for place, paths in names.items():
        number, at = place
        digest = layers[number].digests.get(at, b"")
        # A file of an item has a second name below /usr, and in other stores perhaps in another item: the first counts.
        owned = next(((path, item) for path in paths if (item := item_of(path)) is not None), None)
        if owned is not None:
            path, item = owned
            items[item].append(FileFact(path[len(item) :] or path[-1:], sizes[place], digest))
            layer_of[item] = number
        else:
            others[number].append(FileFact(min(paths, key=_usual), sizes[place], digest))
    shown: defaultdict[int, int] = defaultdict(int)
    for (number, _), size in sizes.items():
        shown[number] += size
    hidden = {
        number: sum(member.size for member in layer.members if member.kind is MemberKind.FILE) - shown[number]
        for number, layer in layers.items()
    }
    databases = [found.layer for parts in DATABASES if (found := tree.find(parts)) is not None]
    return Contents(
        {item: tuple(items.get(item, ())) for item in layer_of},
        layer_of,
        {number: tuple(files) for number, files in others.items()},
        hidden,
        kept,
        databases[0] if databases else 0,
    )


def _usual(path: Parts) -> tuple[bool, Parts]:
    """Of several names of a file, those outside /usr come last."""
    return path[:1] == (USR,), path
