"""Which proofs of store items are asked for while they are written into layers."""

from __future__ import annotations

from sysimage.closure import Closure
from sysimage.layers.item_checks import Check
from sysimage.store.scan import Candidates


def selected_check(closure: Closure, *, contents: bool, references: bool) -> Check | None:
    """What is proven of every item from the read that writes it; None where nothing is.

    ``contents``: its files have the NAR hash that its store says. ``references``: that, and it mentions no other item
    of the closure than its references.
    """
    if references:
        return Check(Candidates(item.path for item in closure))
    return Check() if contents else None
