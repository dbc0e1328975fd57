"""Plan several systems together, so that they hold the same layers where they hold the same items.

Items that exactly the same systems hold form one layer at no cost. When there are more such sets than the budget has
room for, two layers are joined in systems that have both, which costs a second copy of what other systems hold of
either alone; the joint with the least copied bytes for each layer that a crowded system gets rid of is made first.
When there are fewer, the room that is left serves updates: sets are parted by how their items are expected to change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sysimage.closure import Closure
from sysimage.layerplan.budget import room_for_items
from sysimage.layerplan.changes import observe, observe_dates
from sysimage.layerplan.draft import Draft, Prices, Unit
from sysimage.layerplan.fleet_order import stack_fleet
from sysimage.layerplan.forecast import changes_ahead
from sysimage.layerplan.groups import GroupRule, check_groups_fit, explicit_groups
from sysimage.layerplan.merge import merge_to_fit
from sysimage.layerplan.plan import LayerPlan, PlannedLayer
from sysimage.layerplan.rates import predict
from sysimage.layerplan.reasons import ASKED_FOR, pulls_per_year
from sysimage.store.paths import StorePath

DAYS_BETWEEN = 14.0
"""Length of a step when dates of changes are all that is known."""


@dataclass(frozen=True, slots=True)
class _Shared:
    """A layer that the systems of ``users`` (a bit set) have."""

    paths: tuple[StorePath, ...]
    size: int
    users: int
    fixed: bool = False
    """Whether the user asked for it."""


def plan_fleet(
    closures: Mapping[str, Closure],
    max_layers: int = 100,
    groups: Sequence[GroupRule] = (),
    *,
    base_layers: int = 0,
) -> dict[str, LayerPlan]:
    """A plan for each system. What more systems share lies further down.

    Each of ``groups`` is a layer of its own, as for `plan_layers`.
    """
    room = room_for_items(max_layers, base_layers)
    names = sorted(closures)
    layers, grouped = _asked_for(names, closures, groups, room)
    holders: dict[StorePath, int] = defaultdict(int)
    sizes: dict[StorePath, int] = {}
    for bit, name in enumerate(names):
        for item in closures[name]:
            if item.path not in grouped:
                holders[item.path] |= 1 << bit
                sizes[item.path] = item.nar_size
    alike: dict[int, list[StorePath]] = defaultdict(list)
    for path in sorted(holders):
        alike[holders[path]].append(path)
    layers += [
        _Shared(tuple(paths), sum(sizes[path] for path in paths), users) for users, paths in sorted(alike.items())
    ]
    union = Closure({item.path: item for closure in closures.values() for item in closure}.values())
    observed = observe_dates(union, DAYS_BETWEEN) or observe([union])
    ahead = changes_ahead(union, predict(union, observed), propagates=observed.propagates)
    layers = _split(_fit(layers, len(names), room), union, ahead, len(names), room)
    stacks = stack_fleet([layer.users for layer in layers], [layer.size for layer in layers], len(names))
    planned = [_explain(layer, names, ahead) for layer in layers]
    return {
        name: LayerPlan(tuple(planned[number] for number in stacks[bit]), max_layers) for bit, name in enumerate(names)
    }


def _asked_for(
    names: Sequence[str], closures: Mapping[str, Closure], groups: Sequence[GroupRule], room: int
) -> tuple[list[_Shared], set[StorePath]]:
    """The layers of explicit groups, one for all systems in which a group holds the same items, and what is in them."""
    users: dict[tuple[StorePath, ...], int] = defaultdict(int)
    sizes: dict[tuple[StorePath, ...], int] = {}
    for bit, name in enumerate(names):
        explicit, rest = explicit_groups(closures[name], groups)
        check_groups_fit(len(explicit), len(rest), room)
        for paths in explicit:
            users[paths] |= 1 << bit
            sizes[paths] = sum(closures[name][path].nar_size for path in paths)
    layers = [_Shared(paths, sizes[paths], users[paths], fixed=True) for paths in sorted(users)]
    return layers, {path for paths in users for path in paths}


def _crowded(layers: Sequence[_Shared], systems: int, room: int) -> int:
    """The systems, as a bit set, that have more than ``room`` layers."""
    return sum(1 << bit for bit in range(systems) if sum(layer.users >> bit & 1 for layer in layers) > room)


def _fit(layers: Sequence[_Shared], systems: int, room: int) -> list[_Shared]:
    """Join layers until no system has more than ``room``, or nothing is left to join."""
    fitted = list(layers)
    while crowded := _crowded(fitted, systems, room):
        best = min(_joints(fitted, crowded), default=None)
        if best is None:
            break
        fitted = _joined(fitted, _Joint(*best))
    return fitted


class _Joint(NamedTuple):
    """Two layers that may become one, in some of the systems that have both; the order is that of preference."""

    cost: float
    """Bytes that are copied, for each crowded system that gets rid of a layer."""
    at: int
    other: int
    users: int


def _joints(layers: Sequence[_Shared], crowded: int) -> Iterator[tuple[float, int, int, int]]:
    """The fields of every `_Joint` of two layers, in the crowded systems that have both, or in all that have both.

    Plain tuples: there are as many as pairs of layers, and named ones take two thirds more time in all.
    """
    for at, one in enumerate(layers):
        if one.fixed or not one.users & crowded:
            continue
        for number in range(at + 1, len(layers)):
            other = layers[number]
            common = one.users & other.users
            if other.fixed or not common & crowded:
                continue
            for users in {common & crowded, common}:
                copied = (one.size if one.users != users else 0) + (other.size if other.users != users else 0)
                yield copied / (users & crowded).bit_count(), at, number, users


def _joined(layers: Sequence[_Shared], joint: _Joint) -> list[_Shared]:
    """The layers with two of them joined in the systems of the joint; what other systems have of the two stays."""
    one, other = layers[joint.at], layers[joint.other]
    paths = tuple(sorted(one.paths + other.paths))
    left = [
        replace(layer, users=layer.users & ~joint.users) if at in (joint.at, joint.other) else layer
        for at, layer in enumerate(layers)
    ]
    left = [layer for layer in left if layer.users]
    for at, layer in enumerate(left):
        if layer.paths == paths:  # other systems have had the same joined already
            left[at] = replace(layer, users=layer.users | joint.users)
            return left
    return [*left, _Shared(paths, one.size + other.size, joint.users)]


def _split(
    layers: Sequence[_Shared], union: Closure, ahead: Mapping[StorePath, int], systems: int, room: int
) -> list[_Shared]:
    """Spend what is left of each system's ``room`` on updates: part the layers with the most bytes to an item's layer.

    ``union`` holds what any system holds.
    """
    numbers = _layers_each(layers, systems, room)
    return [part for layer, number in zip(layers, numbers, strict=True) for part in _parts(layer, number, union, ahead)]


def _layers_each(layers: Sequence[_Shared], systems: int, room: int) -> list[int]:
    """Into how many layers each is parted: the largest is parted further as long as its systems have room."""
    spare = [room - sum(layer.users >> bit & 1 for layer in layers) for bit in range(systems)]
    numbers = [1] * len(layers)

    def may_grow(at: int) -> bool:
        layer = layers[at]
        if layer.fixed or numbers[at] >= len(layer.paths):
            return False
        return all(left > 0 for bit, left in enumerate(spare) if layer.users >> bit & 1)

    def gain(at: int) -> tuple[float, int]:
        layer = layers[at]
        return layer.size * layer.users.bit_count() / numbers[at] ** 2, -at

    while growing := [at for at in range(len(layers)) if may_grow(at)]:
        at = max(growing, key=gain)
        numbers[at] += 1
        spare = [left - (layers[at].users >> bit & 1) for bit, left in enumerate(spare)]
    return numbers


def _parts(layer: _Shared, number: int, union: Closure, ahead: Mapping[StorePath, int]) -> list[_Shared]:
    """One layer as ``number`` layers, of items that are expected to change together."""
    if number == 1:
        return [layer]
    drafts = [Draft.of([Unit((at,), union[path].nar_size, ahead[path])]) for at, path in enumerate(layer.paths)]
    parts = []
    for draft in merge_to_fit(drafts, number, Prices(0.0, 0.0)):
        paths = tuple(sorted(layer.paths[at] for unit in draft.units for at in unit.members))
        parts.append(_Shared(paths, draft.size, layer.users))
    return parts


def _explain(layer: _Shared, names: list[str], ahead: Mapping[StorePath, int]) -> PlannedLayer:
    users = [name for bit, name in enumerate(names) if layer.users >> bit & 1]
    count, changes = len(layer.paths), 0
    for path in layer.paths:
        changes |= ahead[path]
    if layer.fixed:
        reason = ASKED_FOR
    elif len(users) == 1:
        reason = f"{count} items that only {users[0]} holds, or whose layers had to be joined for the budget"
    else:
        reason = f"{count} items shared by {len(users)} systems: {', '.join(users)}"
    return PlannedLayer(layer.paths, layer.size, reason, pulls_per_year(changes, DAYS_BETWEEN))
