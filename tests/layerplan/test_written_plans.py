"""Plans of systems as large as real ones, by their digests: layers, reasons, pulls and memory, to the last byte.

An image whose plan changes is pulled again by every client, so a plan changes for a preference alone, never by the way.
Where a digest changes, look at what `shown` prints before and after, and read docs/layering.md.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from sysimage.closure import Closure
from sysimage.layerplan import Favour, GroupRule, LayerPlan, plan_fleet, plan_layers, to_json
from tests.layerplan.closures import closure_of, updated
from tests.layerplan.test_rates import history

DAY = 86400


def shaped(count: int, seed: int) -> Closure:
    """In the shape of a store's: many small items and a few large ones, most of which need a few that all need. Of
    whole numbers alone, which are the same on any machine."""
    draw = random.Random(seed)
    names = [f"{chr(97 + at // 4) * 3}-part{at}-{draw.randrange(1, 9)}.{draw.randrange(30)}" for at in range(count)]
    sizes = {name: draw.randrange(1000, 15_000 << min(draw.randrange(16), draw.randrange(16))) for name in names}
    references = {}
    for at, name in enumerate(names):
        core = [min(draw.randrange(at), draw.randrange(at), draw.randrange(at)) for _ in range(3)] if at else []
        near = [draw.randrange(max(0, at - 20), at) for _ in range(draw.randrange(4))] if at else []
        references[name] = [names[other] for other in sorted({*core, *near})]
    return closure_of(sizes, references)


def changing(closure: Closure, steps: int, *, propagates: bool) -> list[Closure]:
    """Closures, oldest first: some items change often, and others now and then."""
    found = [closure]
    names = [item.path.name for item in closure]
    for step in range(steps):
        draw = random.Random(step)
        changed = draw.sample(names[:20], 2) + draw.sample(names, 3)
        found.append(updated(found[-1], changed, propagates=propagates, salt=step))
    return found


def dated(count: int) -> Closure:
    """With sources and the dates of their changes, below a system and its parts."""
    closure, draw = shaped(count, 3), random.Random(3)
    names = [item.path.name for item in closure]
    sources = {name: f"source{at // 3}" for at, name in enumerate(names)}
    dates = {
        source: tuple(sorted(draw.randrange(0, 500 * DAY) for _ in range(draw.randint(0, 12))))
        for source in sorted(set(sources.values()))
    }
    sizes = {item.path.name: item.nar_size for item in closure} | {"system": 20_000, "etc": 30_000, "boot": 1_000}
    references = {item.path.name: [path.name for path in item.references] for item in closure}
    references |= {"system": ["etc", "boot", *(path.name for path in closure.roots)], "etc": names[:3]}
    whole = closure_of(sizes, references, changed={name: dates[source] for name, source in sources.items()})
    roots = [path for path in whole.roots if path.name == "system"]
    return Closure([replace(item, source=sources.get(item.path.name)) for item in whole], roots)


def line(closures: Sequence[Closure], favour: Favour, max_layers: int = 12) -> LayerPlan:
    """The last of the plans of builds, each of which knows the one before."""
    plan: LayerPlan | None = None
    for at in range(len(closures) - 2, len(closures)):
        plan = plan_layers(closures[at], max_layers, closures[:at], plan, favour)
    assert plan is not None
    return plan


PAST = changing(shaped(26, 1), 12, propagates=False)
QUIET = shaped(20, 5)
REBUILT = changing(shaped(26, 2), 11, propagates=True)
KIN = [
    Closure(replace(item, nar_size=item.nar_size * 4000) for item in closure if re.search("part[0-3]", item.path.name))
    for closure in history(14)
]
DATED = dated(30)
RULES = [GroupRule(("bbb-*",)), GroupRule(closure_of=("fff-*",)), GroupRule(dominated_by=("hhh-*",))]
CASES: dict[str, tuple[Closure, Callable[[Favour], LayerPlan]]] = {
    "a line of builds": (PAST[-1], lambda favour: line(PAST, favour)),
    "a line of rebuilds": (REBUILT[-1], lambda favour: line(REBUILT, favour)),
    "a quiet line": (QUIET, lambda favour: plan_layers(QUIET, 12, [QUIET] * 12, favour=favour)),
    "the memory alone": (PAST[-1], lambda favour: plan_layers(PAST[-1], 12, (), line(PAST[:-1], favour), favour)),
    "a rebuild and the memory alone": (
        REBUILT[-1],
        lambda favour: plan_layers(REBUILT[-1], 12, (), line(REBUILT[:-1], favour), favour),
    ),
    "kin that change together": (KIN[-1], lambda favour: plan_layers(KIN[-1], 12, KIN[:-1], favour=favour)),
    "dates": (DATED, lambda favour: plan_layers(DATED, 30, favour=favour, base_layers=3, days_between=10.0)),
    "groups": (DATED, lambda favour: plan_layers(DATED, 12, favour=favour, groups=RULES)),
    "groups and little room": (DATED, lambda favour: plan_layers(DATED, 6, favour=favour, groups=RULES)),
    "one layer": (DATED, lambda favour: plan_layers(DATED, 4, favour=favour, base_layers=3)),
    "two layers": (DATED, lambda favour: plan_layers(DATED, 2, favour=favour)),
    "room for all": (PAST[0], lambda favour: plan_layers(PAST[0], 125, favour=favour)),
}
FAVOURS: tuple[Favour, ...] = ("updates", "sharing", "both")
DIGESTS: dict[str, tuple[str, str, str]] = {
    "a line of builds": ("d60cc7af7b392e73", "87b734d25fe60f0b", "ccba8566a9459095"),
    "a line of rebuilds": ("d2962af222318ff1", "caa7b75cae6e64f7", "0f2d93328e084fbd"),
    "a quiet line": ("13528e1df44c4c24", "8e332954d0333b6a", "2ac9f9a0e4575511"),
    "the memory alone": ("3ec47e22ab4a15b3", "8647ab42321a1185", "ccd2736d80bd7980"),
    "a rebuild and the memory alone": ("d2962af222318ff1", "caa7b75cae6e64f7", "48e71d9388e0d4bf"),
    "kin that change together": ("f50cd78fa31a0bc8", "e07e90f558b6181f", "26362f1742e69b65"),
    "dates": ("6caba1448f937ce8", "da596130e1dad03a", "25afdd07ac1e05f0"),
    "groups": ("1e93f391cffde02d", "280cee41a985b516", "1e93f391cffde02d"),
    "groups and little room": ("092d55c1ae2f36b0", "e6b6599c461d12e1", "0cc1d3e577b1ecef"),
    "one layer": ("500e812c63ba9aa7", "500e812c63ba9aa7", "500e812c63ba9aa7"),
    "two layers": ("96d0cd7149d36862", "96d0cd7149d36862", "96d0cd7149d36862"),
    "room for all": ("9d9efce0fda0e7a5", "10cb37ad1f803ece", "f9725a3a666f13ef"),
}
"""By case, of each of `FAVOURS`."""


def shown(plan: LayerPlan, closure: Closure) -> str:
    """A plan, and its record."""
    lines = [
        f"{' '.join(path.name for path in layer.paths)}: {layer.nar_size} {layer.pulls_per_year} {layer.customized} "
        f"{layer.reason}"
        for layer in plan.layers
    ]
    return "\n".join([*lines, to_json(plan, closure)])


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("favour", FAVOURS)
@pytest.mark.parametrize("case", CASES)
def test_a_plan_is_as_it_was_written_down(case: str, favour: Favour) -> None:
    closure, plan = CASES[case]
    assert digest(shown(plan(favour), closure)) == DIGESTS[case][FAVOURS.index(favour)]


def test_plans_of_a_fleet_are_as_they_were_written_down() -> None:
    whole = list(shaped(40, 4))
    fleet = {}
    for name, part in (("web", 2), ("db", 3), ("mail", 5), ("all", 1)):
        wanted = {item.path for at, item in enumerate(whole) if at % part == 0}
        for item in reversed(whole):
            if item.path in wanted:
                wanted |= set(item.references)
        fleet[name] = Closure(item for item in whole if item.path in wanted)
    found = []
    for budget, groups in ((3, []), (5, RULES[:1]), (9, []), (40, []), (125, RULES[:2])):
        plans = plan_fleet(fleet, budget, groups, base_layers=2 if budget == 40 else 0)
        found.append(digest("\n".join(f"{name} {to_json(plan, fleet[name])}" for name, plan in plans.items())))
    assert found == ["71e01df5546ffdad", "7fdb312896080b13", "c528a07842e96722", "6d8c3ea845a2d136", "73df2ab77be38c68"]
