"""A plan as text: first its totals, then every layer if that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sysimage.cli import left_out
from sysimage.cli.terminal import in_bytes, labelled

if TYPE_CHECKING:
    from sysimage.api.values import Plan, PlannedLayer

_BIGGEST = 5
_NAMES = 4
"""How many items a row names."""
CUSTOMIZATION = "boot program, store database, GC roots, accounts, /etc"
_WORDS = {"single": "in one layer", "guix-size": "by size, as Guix", "popularity": "by popularity, as nixpkgs"}
"""What other rules are called."""


def summary(planned: Plan, width: int) -> Iterator[str]:
    """The totals of the plan."""
    layers = f"{planned.layer_count} layers of at most {planned.max_layers}"
    yield f"{planned.names[0]}: {layers}, {planned.items} items, {in_bytes(planned.nar_size)} uncompressed"
    yield ""
    if planned.update_size is not None:
        others = ", ".join(
            f"{in_bytes(round(size))} {_WORDS.get(rule, rule)}"
            for rule, size in sorted(planned.update_sizes_by_rule.items(), key=lambda pair: -pair[1])
        )
        update = f"{in_bytes(round(planned.update_size))} expected, uncompressed; it would be {others}"
        yield from _fact("an update", update, width)
        yield from _fact(
            "",
            f"(estimated from {planned.update_steps} fortnights of changes: dates in changelogs, and earlier builds)",
            width,
        )
    seconds = f"about {planned.first_pull_seconds:.0f} s at 100 Mbit/s"
    yield from _fact("first pull", seconds, width)
    if planned.updates_per_year is not None and planned.updates_per_year_seconds is not None:
        year = f"some {planned.updates_per_year:.0f} updates, {planned.updates_per_year_seconds:.0f} s of pulling"
        yield from _fact("a year", year, width)
    yield ""
    yield "the biggest layers, uncompressed:"
    for layer in sorted(planned.layers, key=lambda one: (-one.nar_size, one.paths))[:_BIGGEST]:
        often = "" if layer.pulls_per_year is None else f", pulled {layer.pulls_per_year:.0f} times a year"
        row = f"{_size(layer)}  {names(layer, 2)}"
        yield (row if len(row) + len(often) <= width else row[: width - len(often) - 1] + "…") + often
    if planned.left_out:
        yield ""
        yield left_out.words(planned).removeprefix("; ") + "; --left-out lists them"
    yield ""
    yield "--all shows every layer"


def _size(layer: PlannedLayer) -> str:
    return f"  {in_bytes(layer.nar_size):>8}"


def _fact(name: str, text: str, width: int) -> Iterator[str]:
    yield from labelled(f"  {name}", text, width, 14)


def rows(planned: Plan) -> list[tuple[str, ...]]:
    """A row for each layer, and one for the customization on top where it has a layer of its own."""
    made: list[tuple[str, ...]] = [
        (
            str(number),
            in_bytes(layer.nar_size),
            str(len(layer.paths)),
            "" if layer.pulls_per_year is None else f"{layer.pulls_per_year:.1f}",
            names(layer, _NAMES) + (f" ({layer.reason})" if tells(layer) else ""),
        )
        for number, layer in enumerate(planned.layers, 1)
    ]
    if planned.layer_count > len(planned.layers):
        size = in_bytes(planned.customization_size)
        made.append((str(len(planned.layers) + 1), size, "", "", f"customization: {CUSTOMIZATION}"))
    return made


def tells(layer: PlannedLayer) -> bool:
    """Whether the reason says more than that there was a layer left for the item."""
    return len(layer.paths) > 1 or not layer.reason.partition(" ")[2].startswith("alone: ")


def names(layer: PlannedLayer, most: int) -> str:
    """The first of the items that a layer holds."""
    from sysimage.store.paths import StorePath

    found = sorted({StorePath.parse(path).name for path in layer.paths})
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more + (f", {CUSTOMIZATION}" if layer.customized else "")
