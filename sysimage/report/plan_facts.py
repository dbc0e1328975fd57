"""The plan of an image as a report has it: what a build decides before it writes, or the record that it left."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sysimage.layerplan import Record
from sysimage.report.facts import Facts, ItemFact, LayerFact, LeftOutFact, PackageFact
from sysimage.report.packages import LARGEST_FILE, read_licences, read_stanza, with_licences_of_source
from sysimage.rules.packages import STANZAS


def plan_facts(
    record: Record, name: str, *, left_out: Iterable[LeftOutFact] | None = None, customization: int = 0
) -> Facts:
    """``name`` is how the page calls it. Sizes of items and layers are those of NARs: nothing is compressed yet.

    Items that are on this machine say which packages they are. ``customization`` is the size of the topmost layer's own
    files, where it is known.
    """
    plan, closure = record.plan, record.closure
    layer_of = {path: number for number, layer in enumerate(plan.layers, 1) for path in layer.paths}
    layers = [
        LayerFact(
            identity="",
            diff_id="",
            size=layer.nar_size,
            holds=", ".join(sorted({path.name for path in layer.paths})),
            reason=layer.reason,
            pulls_per_year=layer.pulls_per_year,
        )
        for layer in plan.layers
    ]
    if plan.count > len(layers):
        layers.append(LayerFact("", "", customization, "boot program, store database, GC roots, accounts and /etc"))
    items = [
        ItemFact(
            str(item.path),
            layer_of[item.path],
            item.nar_size,
            tuple(sorted(str(reference) for reference in item.references if reference != item.path)),
            None if item.location is None else _package(item.location),
            () if item.location is None else _licences(item.location),
        )
        for item in closure
    ]
    return Facts(
        kind="plan",
        name=name,
        facts=(("items", str(len(closure))), ("layers", f"{plan.count} of at most {plan.max_layers}")),
        layers=tuple(layers),
        items=tuple(sorted(with_licences_of_source(items), key=lambda item: (item.base_name, item.path))),
        roots=tuple(map(str, closure.roots)),
        moves_always=len(layers),
        propagates=plan.memory.propagates,
        left_out=None if left_out is None else tuple(left_out),
    )


def _package(location: Path) -> PackageFact | None:
    found = [read_stanza(_read(path)) for path in sorted((location / STANZAS).glob("*"))]
    return found[0] if len(found) == 1 else None


def _licences(location: Path) -> tuple[str, ...]:
    found = [read_licences(_read(path)) for path in sorted((location / "share" / "doc").glob("*/copyright"))]
    return tuple(sorted(frozenset[str]().union(*found)))


def _read(path: Path) -> bytes:
    """A small file of an item; nothing for what cannot be read, as a link that leads out of it."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_FILE:
        return b""
    return path.read_bytes()
