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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sysimage.closure import Closure
from sysimage.layerplan.budget import room_for_items
from sysimage.layerplan.changes import observe, observe_dates
from sysimage.layerplan.fleet_order import stack_fleet
from sysimage.layerplan.forecast import POSSIBILITIES, changes_ahead
from sysimage.layerplan.groups import GroupRule, check_groups_fit, explicit_groups
from sysimage.layerplan.layer_draft import LayerDraft, Unit
from sysimage.layerplan.merge import merge_to_fit
from sysimage.layerplan.plan import LayerPlan, PlannedLayer
from sysimage.layerplan.prices import WORTH_A_LAYER, prices
from sysimage.layerplan.rates import predict, union
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
    max_layers: int,
    groups: Sequence[GroupRule] = (),
    *,
    base_layers: int = 0,
) -> dict[str, LayerPlan]:
    """A plan for each system. What more systems share is further down.

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
    whole = Closure({item.path: item for closure in closures.values() for item in closure}.values())
    observed = observe_dates(whole, DAYS_BETWEEN) or observe([whole])
    ahead = changes_ahead(whole, predict(whole, observed), propagates=observed.propagates)
    layers = _split(_fit(layers, room), whole, ahead, room)
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


def _split(layers: Sequence[_Shared], whole: Closure, ahead: Mapping[StorePath, int], room: int) -> list[_Shared]:
    """Spend what is left of each system's ``room`` on updates. ``whole`` holds what any system holds."""
    return [
        part
        for layer, number in zip(layers, _parts_worth(layers, room), strict=True)
        for part in ([layer] if number == 1 else _parted(layer, number, whole, ahead))
    ]


def _parts_worth(layers: Sequence[_Shared], room: int) -> list[int]:
    """Into how many parts each layer goes: the one with the most bytes to a part gets the next, as long as every system
    that has it has room."""
    spare = {bit: room - held for bit, held in enumerate(_held(layers))}
    numbers = [1] * len(layers)

    def bytes_to_a_part(at: int) -> float:
        return layers[at].size * layers[at].users.bit_count() / numbers[at] ** 2

    while True:
        full = sum(1 << bit for bit, left in spare.items() if left <= 0)
        open_ = [
            at
            for at, layer in enumerate(layers)
            if not (layer.fixed or layer.users & full) and numbers[at] < len(layer.paths)
        ]
        if not open_:
            return numbers
        at = max(open_, key=lambda at: (bytes_to_a_part(at), -at))
        numbers[at] += 1
        for bit in spare:
            spare[bit] -= layers[at].users >> bit & 1


def _parted(layer: _Shared, number: int, whole: Closure, ahead: Mapping[StorePath, int]) -> Iterator[_Shared]:
    """The layer as ``number`` layers of items that are expected to change together."""
    drafts = [
        LayerDraft.of([Unit((place,), whole[path].nar_size, ahead[path])]) for place, path in enumerate(layer.paths)
    ]
    for draft in merge_to_fit(drafts, number, prices(POSSIBILITIES)):
        places = (place for unit in draft.units for place in unit.members)
        yield _Shared(tuple(sorted(layer.paths[place] for place in places)), draft.size, layer.users)


def _held(layers: Sequence[_Shared]) -> list[int]:
    """How many of the layers each system has."""
    systems = union(layer.users for layer in layers).bit_length()
    return [sum(layer.users >> bit & 1 for layer in layers) for bit in range(systems)]


class _Joint(NamedTuple):
    """Two layers that may be joined; the smallest is the one to make."""

    copied: float
    """Bytes that are stored a second time, for each crowded system that gets rid of a layer."""
    one: int
    other: int
    """Their places among all layers."""
    users: int
    """The systems in which they become one."""


def _fit(layers: Sequence[_Shared], room: int) -> list[_Shared]:
    """Join layers until no system has more than ``room``, and then those that are not worth their time."""
    joined = list(layers)
    while True:
        held = _held(joined)
        crowded = sum(1 << bit for bit, number in enumerate(held) if number > room)
        best = min(_joints(joined, crowded or (1 << len(held)) - 1), default=None)
        if best is None or (not crowded and best.copied >= WORTH_A_LAYER):
            return joined
        joined = _join(joined, best)


def _joints(layers: Sequence[_Shared], relieved: int) -> Iterator[_Joint]:
    """Every pair that at least one of the ``relieved`` systems has, joined for those of them alone or for all that have
    both."""
    for at, one in enumerate(layers):
        if one.fixed or not one.users & relieved:
            continue
        for other_at in range(at + 1, len(layers)):
            other = layers[other_at]
            everywhere = one.users & other.users
            if other.fixed or not everywhere & relieved:
                continue
            for users in {everywhere & relieved, everywhere}:
                copied = (0 if one.users == users else one.size) + (0 if other.users == users else other.size)
                yield _Joint(copied / (users & relieved).bit_count(), at, other_at, users)


def _join(layers: Sequence[_Shared], joint: _Joint) -> list[_Shared]:
    """The layers with a joint made: the systems that lose two get the one of both, which others may have already."""
    pair = (layers[joint.one], layers[joint.other])
    paths = tuple(sorted(path for layer in pair for path in layer.paths))
    left = [
        replace(layer, users=layer.users & ~joint.users) if at in (joint.one, joint.other) else layer
        for at, layer in enumerate(layers)
    ]
    left = [layer for layer in left if layer.users]
    if any(layer.paths == paths for layer in left):
        return [replace(layer, users=layer.users | joint.users) if layer.paths == paths else layer for layer in left]
    return [*left, _Shared(paths, sum(layer.size for layer in pair), joint.users)]


def _explain(layer: _Shared, names: list[str], ahead: Mapping[StorePath, int]) -> PlannedLayer:
    users = [name for bit, name in enumerate(names) if layer.users >> bit & 1]
    count, changes = len(layer.paths), union(ahead[path] for path in layer.paths)
    if layer.fixed:
        reason = ASKED_FOR
    elif len(users) == 1:
        reason = f"{count} items that only {users[0]} holds, or whose layers had to be joined for the budget"
    else:
        reason = f"{count} items shared by {len(users)} systems: {', '.join(users)}"
    return PlannedLayer(layer.paths, layer.size, reason, pulls_per_year(changes, DAYS_BETWEEN))
