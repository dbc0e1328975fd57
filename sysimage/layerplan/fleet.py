"""Plan several systems together, so that they hold the same layers where they hold the same items.

Items that exactly the same systems hold form one layer at no cost. When there are more such sets than the budget has
room for, two layers are joined in systems that have both, which costs a second copy of what other systems hold of
either alone; the joint with the least copied bytes for each layer that a crowded system gets rid of is made first.
Below the budget this goes on for as long as a layer costs more time than its copies do.
When there are fewer, the room that is left serves updates: sets are parted by how their items are expected to change,
where that pays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sysimage.closure import Closure
from sysimage.layerplan.budget import room_for_items
from sysimage.layerplan.changes import observe, observe_dates
from sysimage.layerplan.draft import Draft, Unit
from sysimage.layerplan.fleet_order import stack_fleet
from sysimage.layerplan.forecast import POSSIBILITIES, changes_ahead
from sysimage.layerplan.groups import GroupRule, check_groups_fit, explicit_groups
from sysimage.layerplan.merge import merge_to_fit
from sysimage.layerplan.plan import LayerPlan, PlannedLayer
from sysimage.layerplan.prices import prices
from sysimage.layerplan.rates import predict
from sysimage.layerplan.reasons import ASKED_FOR, pulls_per_year
from sysimage.store.paths import StorePath

DAYS_BETWEEN = 14.0
"""Length of a step when dates of changes are all that is known."""


@dataclass(slots=True)
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
    layers = _split(_fit(layers, len(names), room), union, ahead, [room] * len(names))
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


def _split(layers: list[_Shared], union: Closure, ahead: Mapping[StorePath, int], room: list[int]) -> list[_Shared]:
    """Spend what is left of each system's ``room`` on updates: part the layers with the most bytes to an item's layer.

    ``union`` holds what any system holds.
    """
    spare = [left - sum(layer.users >> bit & 1 for layer in layers) for bit, left in enumerate(room)]
    wanted = [1] * len(layers)
    while True:
        open_ = [
            at
            for at, layer in enumerate(layers)
            if not layer.fixed
            and wanted[at] < len(layer.paths)
            and all(spare[b] > 0 for b in range(len(spare)) if layer.users >> b & 1)
        ]
        if not open_:
            break
        at = max(open_, key=lambda at: (layers[at].size * layers[at].users.bit_count() / wanted[at] ** 2, -at))
        wanted[at] += 1
        for bit in range(len(spare)):
            spare[bit] -= layers[at].users >> bit & 1
    if all(number == 1 for number in wanted):
        return layers
    split = []
    for layer, number in zip(layers, wanted, strict=True):
        if number == 1:
            split.append(layer)
            continue
        drafts = [
            Draft.of([Unit((place,), union[path].nar_size, ahead[path])]) for place, path in enumerate(layer.paths)
        ]
        for draft in merge_to_fit(drafts, number, prices(POSSIBILITIES)):
            paths = tuple(sorted(layer.paths[place] for unit in draft.units for place in unit.members))
            split.append(_Shared(paths, draft.size, layer.users))
    return split


def _fit(layers: list[_Shared], systems: int, room: int) -> list[_Shared]:
    """Join layers until no system has more than ``room``, and then those that are not worth their time."""
    layers = list(layers)
    worth = prices(1).layer
    while True:
        crowded = 0
        for bit in range(systems):
            if sum(layer.users >> bit & 1 for layer in layers) > room:
                crowded |= 1 << bit
        relieved = crowded or (1 << systems) - 1
        best: tuple[tuple[float, int, int, int], int] | None = None
        for at, one in enumerate(layers):
            if one.fixed or not one.users & relieved:
                continue
            for other_at in range(at + 1, len(layers)):
                other = layers[other_at]
                both = one.users & other.users & relieved
                if other.fixed or not both:
                    continue
                for users in {both, one.users & other.users}:
                    copied = (one.size if one.users != users else 0) + (other.size if other.users != users else 0)
                    score = copied / (users & relieved).bit_count()
                    key = (score, at, other_at, users)
                    if best is None or key < best[0]:
                        best = key, users
        if best is None or (not crowded and best[0][0] >= worth):
            return layers
        (_, at, other_at, _), users = best
        one, other = layers[at], layers[other_at]
        joined = _Shared(tuple(sorted(one.paths + other.paths)), one.size + other.size, users)
        one.users &= ~users
        other.users &= ~users
        layers = [layer for layer in layers if layer.users]
        for layer in layers:
            if layer.paths == joined.paths:
                layer.users |= joined.users
                break
        else:
            layers.append(joined)


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
