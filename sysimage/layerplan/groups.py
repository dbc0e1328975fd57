"""Groups the user asks for: items that share a layer which holds nothing else, chosen by name or by the graph.

"closure-of": ["python3*"]      an item and all it needs: what nix2container's nested layers hold
"dominated-by": ["app-*"]       an item and what only it needs: what goes when it goes

    system ──▶ app ──▶ tool          closure-of app:    app, tool, libc
      │                 │            dominated-by app:  app, tool
      └──▶ bash ──▶ libc ◀┘
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sysimage.closure import Closure
from sysimage.errors import SpecError
from sysimage.store.paths import StorePath


@dataclass(frozen=True, slots=True)
class GroupRule:
    """Which items a group takes: those that any of the three selects. All are shell patterns on names without the hash
    part, version and all."""

    patterns: tuple[str, ...] = ()
    """The items themselves."""
    closure_of: tuple[str, ...] = ()
    """The items and all they need."""
    dominated_by: tuple[str, ...] = ()
    """The items and what only they need."""


def explicit_groups(
    closure: Closure, rules: Sequence[GroupRule]
) -> tuple[list[tuple[StorePath, ...]], list[StorePath]]:
    """The items that each rule takes (an item belongs to the first rule that takes it), and the rest, in order.

    Groups that match nothing vanish: one system.json may serve several systems.
    """
    left = {item.path: None for item in closure}
    groups = []
    for rule in rules:
        chosen = {
            *_named(closure, rule.patterns),
            *_closure_of(closure, _named(closure, rule.closure_of)),
            *_dominated_by(closure, _named(closure, rule.dominated_by)),
        }
        group = [path for path in left if path in chosen]
        for path in group:
            del left[path]
        if group:
            groups.append(tuple(sorted(group)))
    return groups, list(left)


def _named(closure: Closure, patterns: Sequence[str]) -> set[StorePath]:
    return {item.path for item in closure if any(fnmatchcase(item.path.name, pattern) for pattern in patterns)}


def _closure_of(closure: Closure, named: set[StorePath]) -> set[StorePath]:
    needed = set(named)
    for item in reversed(closure.items):  # referrers first
        if item.path in needed:
            needed.update(item.references)
    return needed


def _dominated_by(closure: Closure, named: set[StorePath]) -> set[StorePath]:
    """What cannot be reached from the roots without passing one of the named items."""
    reached = set(closure.roots) - named
    for item in reversed(closure.items):  # referrers first
        if item.path in reached:
            reached.update(path for path in item.references if path not in named)
    return _closure_of(closure, named) - reached


def check_groups_fit(groups: int, rest: int, room: int) -> None:
    """Refuse more explicit groups than the budget has room for. ``rest`` is how many items are in no group."""
    needed = groups + (1 if rest else 0)
    if needed > room:
        raise SpecError(
            f"cannot plan {groups} explicit layer groups: the layer budget leaves room for {room} layers of store items"
            + (", and the other items need one" if rest else ""),
            hint="raise max_layers or join groups",
        )
