"""Rules of thumb that other image builders follow, for comparison with ours on one's own system."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sysimage.closure import Closure, referrer_counts
from sysimage.errors import SpecError
from sysimage.layerplan.budget import room_for_items
from sysimage.layerplan.plan import LayerPlan, PlannedLayer
from sysimage.store.items import StoreItem


def by_size(closure: Closure, room: int) -> list[list[StoreItem]]:
    """Guix: the largest items a layer each, the others together. Largest at the bottom."""
    return _rank_and_cut(sorted(closure, key=lambda item: (-item.nar_size, item.path)), room)


def by_popularity(closure: Closure, room: int) -> list[list[StoreItem]]:
    """nixpkgs before 2025, in spirit: the items that most others need a layer each, the others together."""
    needed = referrer_counts(closure)
    return _rank_and_cut(sorted(closure, key=lambda item: (-needed[item.path], item.path)), room)


def single(closure: Closure, room: int) -> list[list[StoreItem]]:
    """Everything in one layer."""
    return [list(closure)] if len(closure) else []


STRATEGIES: dict[str, Callable[[Closure, int], list[list[StoreItem]]]] = {
    "guix-size": by_size,
    "popularity": by_popularity,
    "single": single,
}


def plan_by(strategy: str, closure: Closure, max_layers: int = 100, *, base_layers: int = 0) -> LayerPlan:
    """The plan that the rule called ``strategy`` makes; a `SpecError` for an unknown name."""
    if strategy not in STRATEGIES:
        raise SpecError(
            f"cannot plan layers by {strategy!r}: no such strategy",
            hint=f"choose one of {', '.join(sorted(STRATEGIES))}",
        )
    groups = STRATEGIES[strategy](closure, room_for_items(max_layers, base_layers))
    return LayerPlan(
        tuple(
            PlannedLayer(
                tuple(sorted(item.path for item in group)), sum(item.nar_size for item in group), f"the rule {strategy}"
            )
            for group in groups
        ),
        max_layers,
    )


def _rank_and_cut(ranked: Sequence[StoreItem], room: int) -> list[list[StoreItem]]:
    if len(ranked) <= room:
        return [[item] for item in ranked]
    return [[item] for item in ranked[: room - 1]] + [list(ranked[room - 1 :])]
