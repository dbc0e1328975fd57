"""Layer boundaries as they are asked for: by which rule, with which history, for one system or several.

The plans of systems that did not change are kept: drawing them takes longer than all the rest of such a build.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from glob import escape
from pathlib import Path

from sysimage.closure import Closure
from sysimage.errors import IntegrityError, SpecError
from sysimage.files.code_digest import code_digest
from sysimage.files.memo import Memo
from sysimage.jars.item_name import item_name
from sysimage.layerplan import GroupRule, LayerPlan, from_json, to_json
from sysimage.layerplan.budget import room_for_items
from sysimage.pipeline.history import History, record_text
from sysimage.pipeline.options import OWN_STRATEGY, DeclaredSystem, Planning
from sysimage.spec.model import SystemSpec
from sysimage.trees.item_name import is_of_tree, patterns_of


def draw_layers(
    spec: SystemSpec,
    closure: Closure,
    planning: Planning,
    neighbours: Mapping[str, Closure],
    cache_dir: Path,
    base_layers: int = 0,
) -> LayerPlan:
    """Draw the layer boundaries: for this system alone, or for it and its ``neighbours``, by name, together.

    The image begins with ``base_layers`` layers of a base. A plan drawn before is taken from ``cache_dir``.
    """
    if planning.strategy != OWN_STRATEGY:
        from sysimage.layerplan import plan_by

        return plan_by(planning.strategy, closure, spec.max_layers, base_layers=base_layers)
    if planning.together:
        return _draw_together(spec, closure, planning.together, neighbours, base_layers)
    history = planning.history
    asked = rule(spec, planning, base_layers)

    def draw() -> LayerPlan:
        from sysimage.layerplan import plan_layers  # imported late: not needed if a plan is kept

        return plan_layers(
            closure,
            max_layers=spec.max_layers,
            history=history.before(closure),
            previous=history.previous.plan if history.previous else None,
            favour=planning.favour,
            groups=group_rules(spec, base_layers, partial(_divided, closure, history)),
            base_layers=base_layers,
        )

    return history.unchanged_plan(closure, asked) or planned_once(cache_dir, closure, asked, history, draw)


def _draw_together(
    spec: SystemSpec,
    closure: Closure,
    others: Sequence[DeclaredSystem],
    neighbours: Mapping[str, Closure],
    base_layers: int,
) -> LayerPlan:
    if spec.name in neighbours or len(neighbours) < len(others):
        raise SpecError("cannot plan systems together: two are called the same", hint="give each its own name")
    specs = sorted([spec, *(other.spec for other in others)], key=lambda one: one.name)
    from sysimage.layerplan import plan_fleet

    # One budget and the same groups for all, or each system would draw other lines.
    smallest = min(one.max_layers for one in specs)
    groups = tuple(dict.fromkeys(group for one in specs for group in group_rules(one, base_layers)))
    return plan_fleet({spec.name: closure, **neighbours}, smallest, groups, base_layers=base_layers)[spec.name]


def _divided(closure: Closure, history: History, path: str) -> list[GroupRule]:
    """The layer groups of the tree at an image path: one, unless the history shows that parts of it change at different
    times."""
    parts = [item.path for item in closure if is_of_tree(item.path.name, path)]
    if len(parts) < 2:
        return [_of_tree(path)]
    from sysimage.layerplan.split_by_history import changed_apart  # imported late: not needed if a plan is kept

    previous = history.previous.plan if history.previous else None
    groups = changed_apart(parts, closure, history.before(closure), previous)
    return [GroupRule(tuple(escape(part.name) for part in group)) for group in groups]


def _of_tree(path: str) -> GroupRule:
    """The layer of a whole tree, be it one item or several."""
    return GroupRule(patterns_of(path))


def group_rules(
    spec: SystemSpec,
    base_layers: int = 0,
    of_tree: Callable[[str], Sequence[GroupRule]] = lambda path: (_of_tree(path),),
) -> tuple[GroupRule, ...]:
    """The layer groups that a spec asks for; then, as far as there is room, those ``of_tree`` for each of its trees,
    and one for each jar that it names by itself: what changes with each release of an application."""
    asked = [GroupRule(group.patterns, group.closure_of, group.dominated_by) for group in spec.layer_groups]
    jars = [path for path in (spec.java.jars if spec.java is not None else ()) if path.lower().endswith(".jar")]
    trees = [group for path in sorted(spec.trees) for group in of_tree(path)]
    own = [*trees, *(GroupRule((escape(name),)) for name in dict.fromkeys(map(item_name, jars)))]
    room = room_for_items(spec.max_layers, base_layers) - 1
    return (*asked, *own[: max(0, room - len(asked))])


def rule(spec: SystemSpec, planning: Planning, base_layers: int) -> str:
    """How layer boundaries are asked for: where this and the closure are the same, a plan need not be made again."""
    asked = {
        "strategy": planning.strategy,
        "favour": planning.favour,
        "max-layers": spec.max_layers,
        "groups": [asdict(group) for group in group_rules(spec, base_layers)],
        "base-layers": base_layers,
        "together": sorted(other.spec.name for other in planning.together),
    }
    return json.dumps(asked, sort_keys=True)


def planned_once(
    cache_dir: Path, closure: Closure, rule: str, history: History, draw: Callable[[], LayerPlan]
) -> LayerPlan:
    """What ``draw`` gives, drawn once for the same closure, rule, history and planner."""
    memo = Memo(cache_dir / "plans", made_by=code_digest("sysimage.layerplan.planner", to_json))
    key = _key(closure, rule, history)
    text = memo.find(key)
    if text is not None:
        try:
            return from_json(text).plan
        except IntegrityError:
            pass  # it is drawn again and replaced
    plan = draw()
    memo.keep(key, to_json(plan, closure))
    return plan


def _key(closure: Closure, rule: str, history: History) -> str:
    previous = record_text(history.previous) if history.previous else None
    earlier = [_facts(one) for one in history.closures]
    return json.dumps([rule, _facts(closure), earlier, previous])


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
