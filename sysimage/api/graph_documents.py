"""Answers about the reference graph as JSON has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sysimage.documents.graphs import Item, KeptItem, SizeDocument, Step, TreeDocument, TreeItem, WhyDocument

if TYPE_CHECKING:
    from sysimage.compare import graph
    from sysimage.compare.graph import GraphItem, Kept, ReferenceGraph


def _item(item: GraphItem) -> Item:
    return Item(item.label, item.package or None, item.path or None, item.size)


def why_document(place: str, item: GraphItem, ways: Sequence[tuple[graph.Step, ...]], *, more: bool) -> WhyDocument:
    """The ways to an item."""
    steps = tuple(tuple(Step(step.item.label, step.reason) for step in way) for way in ways)
    return WhyDocument(place, _item(item), steps, complete=not more)


def size_document(place: str, kept: Sequence[Kept], *, items: int, total: int) -> SizeDocument:
    """What items keep alive."""
    found = (
        KeptItem(
            one.item.label,
            one.item.package or None,
            one.item.path or None,
            one.item.size,
            one.kept,
            one.needs,
            one.referrers,
        )
        for one in kept
    )
    return SizeDocument(place, total, items, tuple(found))


def tree_document(place: str, graph: ReferenceGraph, tops: Sequence[str]) -> TreeDocument:
    """The part of the graph below ``tops``: each item once, with the names of what it refers to."""
    reached: set[str] = set()
    waiting = list(tops)
    while waiting:
        label = waiting.pop()
        if label not in reached:
            reached.add(label)
            waiting += graph.references.get(label, ())
    items = (
        TreeItem(item.label, item.package or None, item.path or None, item.size, graph.references.get(label, ()))
        for label, item in sorted(graph.items.items())
        if label in reached
    )
    return TreeDocument(place, tuple(tops), tuple(items))
