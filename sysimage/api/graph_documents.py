"""Answers about the reference graph as JSON has them. Sizes are in bytes, uncompressed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sysimage.compare.graph import GraphItem, Kept, ReferenceGraph, Step


def item_document(item: GraphItem) -> dict[str, Any]:
    """One item; ``path`` is null for a package whose item is not made, ``package`` for an item of none."""
    return {"name": item.label, "package": item.package or None, "path": item.path or None, "nar_size": item.size}


def ways_document(place: str, item: GraphItem, ways: Sequence[tuple[Step, ...]], *, more: bool) -> dict[str, Any]:
    """The ways to an item."""
    return {
        "image": place,
        "item": item_document(item),
        "ways": [[{"name": step.item.label, "reason": step.reason} for step in way] for way in ways],
        "complete": not more,
    }


def kept_document(place: str, kept: Sequence[Kept], *, items: int, total: int) -> dict[str, Any]:
    """What items keep alive."""
    return {
        "image": place,
        "items": items,
        "nar_size": total,
        "largest": [
            {
                **item_document(one.item),
                "kept_size": one.kept,
                "closure_size": one.needs,
                "referrers": one.referrers,
            }
            for one in kept
        ],
    }


def tree_document(place: str, graph: ReferenceGraph, tops: Sequence[str]) -> dict[str, Any]:
    """The part of the graph below ``tops``: each item once, with the names of what it refers to."""
    reached: dict[str, None] = {}
    waiting = list(reversed(tops))
    while waiting:
        label = waiting.pop()
        if label not in reached:
            reached[label] = None
            waiting += reversed(graph.references.get(label, ()))
    return {
        "image": place,
        "roots": list(tops),
        "items": [
            {**item_document(graph.items[label]), "references": list(graph.references.get(label, ()))}
            for label in sorted(reached)
        ],
    }
