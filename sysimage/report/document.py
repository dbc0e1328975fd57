"""A report as JSON values: what the page shows, and nothing that depends on when or where it was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from sysimage.characters import printable
from sysimage.formats import DOCUMENT_VERSION
from sysimage.report.difference import Difference, name_and_version
from sysimage.report.facts import Facts, FileFact, ItemFact
from sysimage.report.graph import ItemMeasures, measure
from sysimage.report.waste import duplicates, lacking
from sysimage.rules.paths import Parts

MOST_FILES = 40_000
"""The largest files have a place of their own; smaller ones are summed up by directory."""
MOST_ROWS = 500
"""Of duplicates, and of files of a difference, that are listed."""
_MOST_PATHS = 20
_DEEPEST = 60
"""Directories within one another that have a place of their own."""

Tree: TypeAlias = "list[Any]"
"""``[name, size]`` of a file, ``[name, [entries]]`` of a directory, ``[count, size, 0]`` of small files."""


def report_document(facts: Facts, difference: Difference | None = None) -> dict[str, Any]:
    """Everything but the files. Places in ``items`` stand for items."""
    places = {item.path: at for at, item in enumerate(facts.items)}
    measures = measure(facts)
    twice, less = duplicates(facts), lacking(facts)
    return {
        "format_version": DOCUMENT_VERSION,
        "kind": facts.kind,
        "name": printable(facts.name),
        "facts": [[name, printable(value)] for name, value in facts.facts],
        "size": sum(layer.size for layer in facts.layers),
        "propagates": facts.propagates,
        "layers": [
            {
                "identity": layer.identity,
                "size": layer.size,
                "holds": printable(layer.holds),
                "reason": printable(layer.reason),
                "pulls_per_year": layer.pulls_per_year,
                "hidden": layer.hidden,
                "moves_always": number == facts.moves_always,
            }
            for number, layer in enumerate(facts.layers, 1)
        ],
        "items": [
            _item(item, measures[item.path], places) | {"declared": item.path in facts.declared} for item in facts.items
        ],
        "duplicates": {
            "wasted": sum(one.wasted for one in twice),
            "contents": len(twice),
            "largest": [
                {
                    "size": one.size,
                    "wasted": one.wasted,
                    "files": len(one.paths),
                    "paths": [printable(path) for path in one.paths[:_MOST_PATHS]],
                }
                for one in twice[:MOST_ROWS]
            ],
        },
        "lacking": [{"item": places[one.item], "package": one.package, "size": one.size} for one in less],
        "left_out": None
        if facts.left_out is None
        else [
            {"item": places[one.item], "what": printable(one.what), "files": one.files, "size": one.size}
            for one in sorted(facts.left_out, key=lambda one: (-one.size, one.item, one.what))
        ],
        "difference": None if difference is None else _difference(difference),
    }


def _item(item: ItemFact, measures: ItemMeasures, places: Mapping[str, int]) -> dict[str, Any]:
    name, version = name_and_version(item)
    return {
        "path": item.path,
        "name": printable(name),
        "version": printable(version),
        "source": printable(item.package.source) if item.package is not None else "",
        "licences": [printable(licence) for licence in item.licences],
        "layer": item.layer,
        "size": item.size,
        "references": sorted(places[reference] for reference in item.references if reference in places),
        "dominator": None if measures.dominator is None else places[measures.dominator],
        "retained": measures.retained,
        "way": None if measures.way is None else places[measures.way],
        "rebuilt": measures.rebuilt,
        "moved": measures.moved,
        "moved_layers": measures.moved_layers,
    }


def _difference(found: Difference) -> dict[str, Any]:
    return {
        "other": printable(found.other),
        "kept_layers": found.kept_layers,
        "kept": found.kept,
        "pulled": found.pulled,
        "changes": [
            {
                "name": printable(change.name),
                "kind": change.kind,
                "before": printable(change.before),
                "after": printable(change.after),
                "size": change.size,
            }
            for change in found.changes
        ],
        "files": [[kind, printable(path)] for kind, path in found.files[:MOST_ROWS]],
        "all_files": len(found.files),
    }


def files_document(facts: Facts) -> dict[str, Any]:
    """The files of each item, in the order of the report's items, and those of no item by layer."""
    others = facts.others or {}
    sizes = [file.size for item in facts.items for file in item.files]
    sizes += [file.size for files in others.values() for file in files]
    sizes.sort(reverse=True)
    least = sizes[MOST_FILES] + 1 if len(sizes) > MOST_FILES else 0
    return {
        "items": [_tree(item.files, least) for item in facts.items],
        "layers": {str(number): _tree(files, least) for number, files in sorted(others.items())},
    }


def _tree(files: Iterable[FileFact], least: int) -> list[Tree]:
    """Entries sorted by size, the largest first; what is smaller than ``least`` bytes is summed up."""
    root: dict[bytes, Any] = {}
    for file in files:
        directory = root
        *above, last = _not_too_deep(file.parts)
        for name in above:
            below = directory.setdefault(name, {})
            if not isinstance(below, dict):  # a file of the name, in an item of another layer
                break
            directory = below
        if file.size >= least:
            directory[last] = file.size
        else:
            count, size = directory.get(b"", (0, 0))
            directory[b""] = (count + 1, size + file.size)
    return _entries(root)[0]


def _not_too_deep(parts: Parts) -> Parts:
    """The path with its deepest directories as one name: no reader of the page has to nest without end."""
    return parts if len(parts) <= _DEEPEST else (*parts[: _DEEPEST - 1], b"/".join(parts[_DEEPEST - 1 :]))


def _entries(directory: Mapping[bytes, Any]) -> tuple[list[Tree], int]:
    found: list[tuple[int, bytes, Tree]] = []
    for name, value in directory.items():
        text = printable(name.decode("utf-8", "surrogateescape"))
        if isinstance(value, dict):
            entries, size = _entries(value)
            found.append((size, name, [text, entries]))
        elif isinstance(value, tuple):
            count, size = value
            found.append((size, name, [count, size, 0]))
        else:
            found.append((value, name, [text, value]))
    found.sort(key=lambda one: (-one[0], one[1]))
    return [entry for _, _, entry in found], sum(size for size, _, _ in found)
