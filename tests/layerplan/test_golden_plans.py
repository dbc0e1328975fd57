"""Small plans, written down: what the planner prefers where several plans would be right.

Bottom first; names of items, those of one layer together. A change of these lists is a change of preference, which
moves the layers of every image: see docs/layering.md before changing one.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sysimage.layerplan import Favour, LayerPlan, plan_layers
from tests.layerplan.closures import closure_of, updated

MB = 10**6
REFERENCES = {
    "app-1.0": ["lib-2.0", "libc-2.36"],
    "tool-1.0": ["libc-2.36", "zlib-1.2"],
    "lib-2.0": ["libc-2.36"],
    "zlib-1.2": ["libc-2.36"],
    "system": ["app-1.0", "tool-1.0", "data-1.0"],
}
SIZES = {
    "libc-2.36": 12 * MB,
    "zlib-1.2": MB // 8,
    "lib-2.0": 6 * MB,
    "app-1.0": 30 * MB,
    "tool-1.0": 9 * MB,
    "data-1.0": 9 * MB,
    "system": 20_000,
}


def new(favour: Favour) -> LayerPlan:
    """A first plan, with less room than items."""
    return plan_layers(closure_of(SIZES, REFERENCES), 5, favour=favour)


def roomy(favour: Favour) -> LayerPlan:
    """More room than a layer's price lets be used."""
    return plan_layers(closure_of(SIZES, REFERENCES), 50, favour=favour)


def equal(favour: Favour) -> LayerPlan:
    """Nothing but names to distinguish items."""
    return plan_layers(closure_of({f"{letter}-1": 5 * MB for letter in "dbacfe"}), 4, favour=favour)


def after_changes(favour: Favour) -> LayerPlan:
    """The application has changed each time, its library now and then."""
    past = [closure_of(SIZES, REFERENCES)]
    for step in range(8):
        changed = ["app-1.0", *(["lib-2.0"] if step % 4 == 3 else [])]
        past.append(updated(past[-1], changed, propagates=False, salt=step))
    return plan_layers(past[-1], 4, past[:-1], favour=favour)


def continued(favour: Favour) -> LayerPlan:
    """The plan before, with one item changed and one that is new."""
    before = closure_of(SIZES, REFERENCES)
    plan = plan_layers(before, 5, favour=favour)
    more = closure_of({**SIZES, "news-1.0": 4 * MB}, {**REFERENCES, "system": [*REFERENCES["system"], "news-1.0"]})
    return plan_layers(updated(more, ["tool-1.0"], propagates=False, salt=1), 5, [before], plan, favour=favour)


CASES: dict[str, Callable[[Favour], LayerPlan]] = {
    "new": new,
    "roomy": roomy,
    "equal": equal,
    "after changes": after_changes,
    "continued": continued,
}


def shown(plan: LayerPlan) -> str:
    return " | ".join(" ".join(sorted(path.name for path in layer.paths)) for layer in plan.layers)


GOLDEN: dict[tuple[str, Favour], str] = {
    ("new", "updates"): "libc-2.36 | app-1.0 lib-2.0 | data-1.0 | tool-1.0 zlib-1.2 | system",
    ("new", "both"): "libc-2.36 | app-1.0 | data-1.0 | lib-2.0 tool-1.0 zlib-1.2 | system",
    ("new", "sharing"): "app-1.0 lib-2.0 libc-2.36 | data-1.0 | tool-1.0 zlib-1.2 | system",
    ("roomy", "updates"): "libc-2.36 | lib-2.0 | app-1.0 | data-1.0 | tool-1.0 zlib-1.2 | system",
    ("roomy", "both"): "libc-2.36 | lib-2.0 | app-1.0 | data-1.0 | zlib-1.2 | tool-1.0 | system",
    ("roomy", "sharing"): "libc-2.36 | lib-2.0 | app-1.0 | data-1.0 | zlib-1.2 | tool-1.0 | system",
    ("equal", "updates"): "a-1 e-1 | b-1 c-1 | d-1 f-1",
    ("equal", "both"): "a-1 b-1 c-1 e-1 | d-1 | f-1",
    ("equal", "sharing"): "a-1 | b-1 | c-1 d-1 e-1 f-1",
    ("after changes", "updates"): "data-1.0 libc-2.36 tool-1.0 | lib-2.0 zlib-1.2 | app-1.0 | system",
    ("after changes", "both"): "libc-2.36 | data-1.0 lib-2.0 tool-1.0 zlib-1.2 | app-1.0 | system",
    ("after changes", "sharing"): "data-1.0 | tool-1.0 zlib-1.2 | app-1.0 lib-2.0 libc-2.36 | system",
    ("continued", "updates"): "libc-2.36 | app-1.0 lib-2.0 | data-1.0 news-1.0 | tool-1.0 zlib-1.2 | system",
    ("continued", "both"): "libc-2.36 | app-1.0 | data-1.0 lib-2.0 news-1.0 zlib-1.2 | tool-1.0 | system",
    ("continued", "sharing"): "app-1.0 lib-2.0 libc-2.36 | data-1.0 | news-1.0 | tool-1.0 zlib-1.2 | system",
}


@pytest.mark.parametrize(("case", "favour"), GOLDEN)
def test_a_plan_is_as_it_was_written_down(case: str, favour: Favour) -> None:
    assert shown(CASES[case](favour)) == GOLDEN[case, favour]


def test_every_case_is_written_down() -> None:
    assert {case for case, _ in GOLDEN} == CASES.keys()
    assert len(GOLDEN) == 3 * len(CASES)
