"""Whether what scanners read of an image is what its items are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from sysimage.rules import packages
from sysimage.rules.finding import Cause
from sysimage.rules.paths import Parts, as_parts, as_path
from sysimage.verify.issue_collector import IssueCollector, escaped
from sysimage.verify.tar import MemberKind
from sysimage.verify.tree import FileTree, TreeNode

if TYPE_CHECKING:
    from sysimage.verify.layer import LayerReading  # readers, which no build without a base image has to load


def is_read(parts: Parts) -> bool:
    """Whether the checks of this module read the content of the file at a path."""
    return packages.is_stanza(parts) or packages.is_row(parts) or packages.is_digests(parts)


@dataclass(frozen=True, slots=True)
class PackageRecords:
    """What an image says of its packages, in both places."""

    stanzas: Mapping[str, bytes] = field(default_factory=dict)
    """What items say of themselves, by store path."""
    rows: Mapping[Parts, bytes] = field(default_factory=dict)
    """What scanners read, by path."""


def package_files(tree: FileTree, readings: Sequence[LayerReading]) -> PackageRecords:
    """Both, as the image shows them; its files of these kinds were captured."""
    layers = {reading.document.number: reading for reading in readings}
    stanzas = {}
    for item in {item for reading in readings for item in reading.items}:
        for _, node in _files_in(tree, (*item, *as_parts(packages.STANZAS))):
            if (content := layers[node.layer].captured.get(node.content_at)) is not None:
                stanzas[as_path(item)] = content
    rows = {}
    for parts, node in _files_in(tree, as_parts(packages.STATUS)):
        content = layers[node.layer].captured.get(node.content_at)
        if packages.is_row(parts) and content is not None:
            rows[parts] = content
    return PackageRecords(stanzas, rows)


def check_packages(tree: FileTree, readings: Sequence[LayerReading], faults: IssueCollector) -> None:
    """Compare the rows with what the items say, and the files that are listed with those that are there."""
    found = package_files(tree, readings)
    faults.add_findings(packages.check_rows(found.stanzas, found.rows, partial(_is_ours, tree)), _place)
    items: defaultdict[bytes, list[Parts]] = defaultdict(list)
    for item, stanza in sorted(found.stanzas.items()):
        items[stanza].append(as_parts(item))
    layers = {reading.document.number: reading for reading in readings}
    for parts, node in _files_in(tree, as_parts(packages.STATUS)):
        if not packages.is_digests(parts) or not tree.is_ours(node):
            continue
        row = found.rows.get((*parts[:-1], parts[-1].removesuffix(packages.MD5SUMS.encode())), b"")
        listed = packages.listed(layers[node.layer].captured.get(node.content_at, b""))
        # If a base has an item of the same package, the list of files is of one of the two.
        missed = [_missed(tree, item, node.layer, listed) for item in items.get(row, ())]
        if not missed:
            faults.add("packages", as_path(parts), "lists the files of no package")
        elif all(missed):
            faults.add("packages", as_path(parts), str(missed[0]))


def _place(cause: Cause) -> str:
    return cause[1]


def _is_ours(tree: FileTree, parts: Parts) -> bool:
    node = tree.find(parts)
    return node is not None and tree.is_ours(node)


def _files_in(tree: FileTree, directory: Parts) -> list[tuple[Parts, TreeNode]]:
    found = tree.find(directory)
    names = sorted(found.children.items()) if found is not None else ()
    return [((*directory, name), node) for name, node in names if node.kind is MemberKind.FILE]


def _missed(tree: FileTree, item: Parts, layer: int, listed: Container[bytes]) -> str | None:
    """What is wrong with the list of an item's files in a layer. A scanner that reads layer by layer knows a file by
    the name that has its content, and believes what is in the same layer."""
    for _, node in tree.walk(item):
        if node.kind is not MemberKind.FILE:
            continue
        if node.layer != layer:
            return f"is in layer {layer}, the files of {as_path(item)} are in layer {node.layer}"
        if (name := b"/".join(node.content_at)) not in listed and b"\n" not in name:
            return f"does not list {escaped(name)}"
    return None
