"""What slim items lack of their packages, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sysimage.cli.terminal import in_bytes

if TYPE_CHECKING:
    from sysimage.api.values import Plan


def words(plan: Plan) -> str:
    """How much it is, for the end of a line; empty where it is nothing."""
    size = in_bytes(sum(file.size for file in plan.left_out))
    return f"; {size} in {len(plan.left_out)} files left out" if plan.left_out else ""


def rows(plan: Plan) -> list[tuple[str, ...]]:
    """A row for each item and kind of what it lacks, the largest first."""
    sizes: dict[tuple[str, str], list[int]] = {}
    for file in plan.left_out:
        sizes.setdefault((file.what, file.item.rpartition("/")[2].partition("-")[2]), []).append(file.size)
    largest = sorted(sizes.items(), key=lambda pair: (-sum(pair[1]), pair[0]))
    return [(in_bytes(sum(each)), str(len(each)), what, item) for (what, item), each in largest]
