"""Plans of systems as large as real ones, by their digests: layers, reasons, pulls and memory, to the last byte.

An image whose plan changes is pulled again by every client, so a plan changes for a preference alone, never by the way.
Where a digest changes, look at what `shown` prints before and after, and read docs/layering.md.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from sysimage.closure import Closure
from sysimage.layerplan import Favour, GroupRule, LayerPlan, plan_fleet, plan_layers, to_json
from sysimage.layerplan.outlook import outlook
from tests.layerplan.closures import closure_of, updated
from tests.layerplan.test_rates import history

DAY = 86400


def shaped(count: int, seed: int) -> Closure:
    """In the shape of a store's: many small items and a few large ones, most of which need a few that all need. Of
    whole numbers alone, which are the same on any machine."""
    draw = random.Random(seed)
    names = [f"package{at}-{draw.randrange(1, 9)}.{draw.randrange(30)}" for at in range(count)]
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


def line(closures: Sequence[Closure], favour: Favour, max_layers: int = 15) -> LayerPlan:
    """The last of the plans of builds, each of which knows the one before."""
    plan: LayerPlan | None = None
    for at in range(len(closures) - 4, len(closures)):
        plan = plan_layers(closures[at], max_layers, closures[:at], plan, favour)
    assert plan is not None
    return plan


PAST = changing(shaped(90, 1), 30, propagates=False)
REBUILT = changing(shaped(90, 2), 14, propagates=True)
KIN = [Closure(replace(item, nar_size=item.nar_size * 4000) for item in closure) for closure in history(40)]
DATED = dated(90)
RULES = [GroupRule(("package1*",)), GroupRule(closure_of=("package30*",)), GroupRule(dominated_by=("package8*",))]
CASES: dict[str, tuple[Closure, Callable[[Favour], LayerPlan]]] = {
    "a line of builds": (PAST[-1], lambda favour: line(PAST, favour)),
    "a line of rebuilds": (REBUILT[-1], lambda favour: line(REBUILT, favour)),
    "kin that change together": (KIN[-1], lambda favour: plan_layers(KIN[-1], 12, KIN[:-1], favour=favour)),
    "dates": (DATED, lambda favour: plan_layers(DATED, 30, favour=favour, base_layers=3, days_between=10.0)),
    "groups": (DATED, lambda favour: plan_layers(DATED, 12, favour=favour, groups=RULES)),
    "one layer": (DATED, lambda favour: plan_layers(DATED, 4, favour=favour, base_layers=3)),
    "two layers": (DATED, lambda favour: plan_layers(DATED, 2, favour=favour)),
    "room for all": (PAST[0], lambda favour: plan_layers(PAST[0], 125, favour=favour)),
}
DIGESTS: dict[str, tuple[str, str, str]] = {
    "a line of builds": ("8520f114f1f5940b", "1b034ce90c60aaaa", "a96678839a744fb7"),
    "a line of rebuilds": ("d1998fb7b25e50bf", "5a651f7daa549c46", "3d5302648e2b4805"),
    "kin that change together": ("4ed16c9e9d7a5f87", "d25a9abf375f14ce", "6656821658af50bb"),
    "dates": ("8abe2e18d354b3e2", "cc7580db8af233da", "7c8b7b636bd85636"),
    "groups": ("1fad2786b1ac59af", "9fa396bca8ebd8dc", "006ea963d68e300d"),
    "one layer": ("5c595cf76539bcbb", "5c595cf76539bcbb", "5c595cf76539bcbb"),
    "two layers": ("e053e9d2aa595427", "e053e9d2aa595427", "e053e9d2aa595427"),
    "room for all": ("ea620014f0a0a216", "408c64bbb512c823", "b7624bee8b600deb"),
}
"""By case: of the plans that favour updates, sharing, and both."""


def shown(plan: LayerPlan, closure: Closure) -> str:
    """A plan and all that is expected of it."""
    lines = [
        f"{' '.join(path.name for path in layer.paths)}: {layer.nar_size} {layer.pulls_per_year} {layer.customized} "
        f"{layer.reason}"
        for layer in plan.layers
    ]
    ahead = outlook(plan, closure, base_layers=0)
    if ahead is not None:
        lines += [
            f"{ahead.updates_per_year} {ahead.steps}",
            *(f"{rule} {moved:.3f}" for rule, moved in ahead.moved.items()),
        ]
    return "\n".join([*lines, to_json(plan, closure)])


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("case", CASES)
def test_a_plan_is_as_it_was_written_down(case: str) -> None:
    closure, plan = CASES[case]
    favours: tuple[Favour, ...] = ("updates", "sharing", "both")
    assert tuple(digest(shown(plan(favour), closure)) for favour in favours) == DIGESTS[case]


def test_plans_of_a_fleet_are_as_they_were_written_down() -> None:
    whole = list(shaped(120, 4))
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
    assert found == ["3ead45f0fa78a6d9", "d75867b689c8c218", "14a7cb2f5976733d", "91517de8c5d7b775", "424f245bfd65c125"]
