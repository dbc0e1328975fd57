"""The plans of systems that did not change, kept: drawing layer boundaries takes longer than all the rest then."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from sysimage import closure as closure_room
from sysimage import layerplan
from sysimage.closure import Closure
from sysimage.errors import IntegrityError
from sysimage.history import History, written
from sysimage.kept import KeptTexts, code_digest
from sysimage.layerplan import LayerPlan, from_json, to_json


def planned_once(
    cache_dir: Path, closure: Closure, rule: str, history: History, draw: Callable[[], LayerPlan]
) -> LayerPlan:
    """What ``draw`` gives, drawn once for the same closure, rule, history and planner."""
    kept = KeptTexts(cache_dir / "plans")
    key = _key(closure, rule, history)
    text = kept.find(key)
    if text is not None:
        try:
            return from_json(text).plan
        except IntegrityError:
            pass  # it is drawn again and replaced
    plan = draw()
    kept.keep(key, to_json(plan, closure))
    return plan


def _key(closure: Closure, rule: str, history: History) -> str:
    planner = [Path(str(room.__file__)).parent for room in (layerplan, closure_room)]
    previous = written(history.previous) if history.previous else None
    earlier = [_facts(one) for one in history.closures]
    return json.dumps([code_digest(*planner), rule, _facts(closure), earlier, previous])


def _facts(closure: Closure) -> list[object]:
    """Everything about a closure that a plan may depend on."""
    places = {item.path: at for at, item in enumerate(closure)}
    return [
        *(
            [
                str(item.path),
                item.nar_hash.hex,
                item.nar_size,
                [places[reference] for reference in item.references],
                item.source,
                str(item.deriver or ""),
                item.changed,
            ]
            for item in closure
        ),
        [places[root] for root in closure.roots],
    ]
