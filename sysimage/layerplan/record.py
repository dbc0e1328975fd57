"""A closure and its plan as one JSON document, written at every build so that the next one has a history.

Compact: a path is its base name, a reference is a place in the list of items, a set of steps is hexadecimal.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from sysimage.closure import Closure
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, SysimageError
from sysimage.formats import NewerFormatError, version_of, written_format
from sysimage.layerplan.plan import ChangeHistory, LayerPlan, PlannedLayer
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath

FORMAT_NAME = "sysimage.layer-plan"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Record:
    """What one build knew and decided."""

    closure: Closure
    """Without locations, derivers and dates: what a history needs."""
    plan: LayerPlan
    created: int = 0
    """When the image says it was made, seconds since the epoch: the order of records."""
    rule: str = ""
    """How the boundaries were asked for, in words that differ where a plan might."""


def to_json(plan: LayerPlan, closure: Closure, *, created: int = 0, rule: str = "") -> str:
    """The document, the same bytes for the same values. ``plan`` must be a plan of ``closure``."""
    places = {item.path: at for at, item in enumerate(closure)}
    own, present = dict(plan.memory.own), dict(plan.memory.present)
    stores = sorted({item.path.store_dir for item in closure})
    document: dict[str, Any] = {
        "format": written_format(FORMAT_NAME, FORMAT_VERSION),
        "created": created,
        "rule": rule,
        "stores": stores,
        "items": [_item(item, places) for item in closure],
        "roots": [places[root] for root in closure.roots],
        "max_layers": plan.max_layers,
        "layers": [
            {
                "items": sorted(places[path] for path in layer.paths),
                "reason": layer.reason,
                **({} if layer.pulls_per_year is None else {"pulls_per_year": layer.pulls_per_year}),
                **({"customized": True} if layer.customized else {}),
            }
            for layer in plan.layers
        ],
        "memory": {
            "steps": plan.memory.steps,
            "propagates": plan.memory.propagates,
            "own": [f"{own.get(item.path, 0):x}" for item in closure] if own else [],
            "present": [f"{present.get(item.path, 0):x}" for item in closure] if present else [],
        },
    }
    if len(stores) > 1:  # a path's base name is not enough then
        document["store_of"] = [stores.index(item.path.store_dir) for item in closure]
    return json.dumps(document, separators=(",", ":"), sort_keys=True)


def from_json(text: str) -> Record:
    """Read what `to_json` wrote; an `IntegrityError` when it is anything else."""
    try:
        document = json.loads(text)
        version_of(document, FORMAT_NAME, FORMAT_VERSION)
        return _read(document)
    except NewerFormatError as error:
        raise IntegrityError(f"cannot read a layer plan: {error}", hint="use that version of sysimage") from error
    except (ValueError, KeyError, IndexError, TypeError, SysimageError) as error:
        raise IntegrityError(
            f"cannot read a layer plan: {error}", hint="give the record that a build wrote beside its image"
        ) from error


def _item(item: StoreItem, places: dict[StorePath, int]) -> list[Any]:
    nar_hash = base64.b64encode(item.nar_hash.raw).decode().rstrip("=")
    line: list[Any] = [item.path.base_name, item.nar_size, nar_hash, sorted(places[r] for r in item.references)]
    return line if item.source is None else [*line, item.source]


def _read(document: dict[str, Any]) -> Record:
    stores, lines = document["stores"], document["items"]
    store_of = document.get("store_of", [0] * len(lines))
    paths = [StorePath.parse(f"{stores[store]}/{line[0]}") for line, store in zip(lines, store_of, strict=True)]
    items = [
        StoreItem(
            path=path,
            nar_size=line[1],
            nar_hash=Digest(base64.b64decode(line[2] + "=").hex()),
            references=tuple(sorted(paths[_place(at, paths)] for at in line[3])),
            source=line[4] if len(line) > 4 else None,
        )
        for path, line in zip(paths, lines, strict=True)
    ]
    closure = Closure(items, roots=[paths[_place(at, paths)] for at in document["roots"]])
    held = [at for layer in document["layers"] for at in layer["items"]]
    if sorted(held) != list(range(len(paths))):
        raise ValueError("its layers do not hold every item once")
    layers = tuple(
        PlannedLayer(
            paths=tuple(sorted(paths[at] for at in layer["items"])),
            nar_size=sum(items[at].nar_size for at in layer["items"]),
            reason=layer["reason"],
            pulls_per_year=layer.get("pulls_per_year"),
            customized=layer.get("customized") is True,
        )
        for layer in document["layers"]
    )
    memory = document["memory"]
    return Record(
        closure,
        LayerPlan(
            layers,
            document["max_layers"],
            ChangeHistory(
                memory["steps"],
                _sets(paths, memory["own"]),
                _sets(paths, memory["present"]),
                memory["propagates"],
            ),
        ),
        int(document.get("created", 0)),
        str(document.get("rule", "")),
    )


def _sets(paths: list[StorePath], sets: list[str]) -> tuple[tuple[StorePath, int], ...]:
    return tuple(sorted((path, int(bits, 16)) for path, bits in zip(paths, sets, strict=True))) if sets else ()


def _place(at: int, paths: list[StorePath]) -> int:
    if not 0 <= at < len(paths):
        raise ValueError(f"it refers to item {at} of {len(paths)}")
    return at
