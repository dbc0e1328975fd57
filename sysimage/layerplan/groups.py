"""Groups the user asks for: items whose names match one of the patterns share a layer that holds nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from sysimage.errors import SpecError
from sysimage.store.paths import StorePath


def explicit_groups(
    paths: Iterable[StorePath], groups: Sequence[Sequence[str]]
) -> tuple[list[tuple[StorePath, ...]], list[StorePath]]:
    """The paths each group of shell patterns takes (a path belongs to the first group that matches), and the rest.

    A pattern matches the name without its hash part, version and all. Groups that match nothing vanish: one
    system.json may serve several systems.
    """
    taken: list[list[StorePath]] = [[] for _ in groups]
    rest = []
    for path in paths:
        for number, patterns in enumerate(groups):
            if any(fnmatchcase(path.name, pattern) for pattern in patterns):
                taken[number].append(path)
                break
        else:
            rest.append(path)
    return [tuple(sorted(group)) for group in taken if group], rest


def check_groups_fit(groups: int, rest: int, room: int) -> None:
    """Refuse more explicit groups than the budget has room for. ``rest`` is how many items are in no group."""
    needed = groups + (1 if rest else 0)
    if groups and needed > room:
        raise SpecError(
            f"cannot plan {groups} explicit layer groups: the layer budget leaves room for {room} layers of store items"
            + (", and the other items need one" if rest else ""),
            hint="raise max_layers or join groups",
        )
