"""Parts of one thing in layers by how they changed: together as long as they change together, apart from then on.

    release   rest  lib  data        layers
    1                                rest lib data
    2          x                     rest │ lib data
    3          x                     rest │ lib data
    4               x                rest │ lib │ data

A division moves nothing that would not move anyway: the layer with a part that changed goes to clients whole. So parts
that were divided once stay divided.
"""

from __future__ import annotations

from collections.abc import Sequence

from sysimage.closure import Closure
from sysimage.layerplan.changes import observe
from sysimage.layerplan.plan import LayerPlan
from sysimage.store.paths import StorePath


def changed_apart(
    parts: Sequence[StorePath], closure: Closure, history: Sequence[Closure], previous: LayerPlan | None
) -> tuple[tuple[StorePath, ...], ...]:
    """A partition of ``parts`` of ``closure``: those that changed in the same steps of the history, and of the memory
    of the ``previous`` plan, and had one layer in that plan. ``history`` is oldest first and ends before ``closure``.

    Parts of successive closures are the same by their names.
    """
    own = observe((*history, closure), previous).own
    layers = previous.layers if previous is not None else ()
    before = {path.name: at for at, layer in enumerate(layers) for path in layer.paths}
    found: dict[tuple[int, int | None], list[StorePath]] = {}
    for path in sorted(parts):
        found.setdefault((own[path], before.get(path.name)), []).append(path)
    return tuple(map(tuple, found.values()))
