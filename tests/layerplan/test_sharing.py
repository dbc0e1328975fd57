from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.closure import Closure
from sysimage.layerplan import LayerPlan, plan_layers
from sysimage.layerplan.sharing import small_below
from tests.layerplan.closures import closure_of, closures

MIB = 1 << 20
LARGE = {"libc-2": 20 * MIB, "compiler-9": 30 * MIB}
SHELL = {"shell-1": MIB, "readline-1": MIB // 2, "tinfo-1": MIB // 4}
SHELL_NEEDS = {"shell-1": ["readline-1", "libc-2"], "readline-1": ["tinfo-1"]}


def shared_with(application: str, libraries: int) -> Closure:
    """A shell and an application with libraries of its own, which needs the shell's too."""
    own = {f"{application}-part{at}-1": MIB // 8 + at for at in range(libraries)}
    return closure_of(
        {**LARGE, **SHELL, f"{application}-1": MIB, **own},
        {**SHELL_NEEDS, f"{application}-1": ["tinfo-1", "libc-2", "compiler-9", *own]},
    )


def layers(plan: LayerPlan) -> set[frozenset[str]]:
    return {frozenset(path.name for path in layer.paths) for layer in plan.layers}


def test_systems_that_know_nothing_of_each_other_draw_the_same_layers() -> None:
    web = layers(plan_layers(shared_with("web", 30), 20, favour="sharing"))
    mail = layers(plan_layers(shared_with("mail", 50), 20, favour="sharing"))
    assert web & mail == {frozenset(["libc-2"]), frozenset(["compiler-9"]), frozenset(SHELL)}


def test_an_item_above_all_others_changes_no_line() -> None:
    bare = shared_with("web", 30)
    roots = {path.name for path in bare.roots}
    sizes = {item.path.name: item.nar_size for item in bare}
    references = {item.path.name: [path.name for path in item.references] for item in bare}
    below = layers(plan_layers(bare, 20, favour="sharing"))
    topped = closure_of({**sizes, "profile-1": 4096}, {**references, "profile-1": roots})
    assert layers(plan_layers(topped, 20, favour="sharing")) == below | {frozenset(["profile-1"])}


@given(closures(), st.integers(2, 12))
@settings(max_examples=40, deadline=None)
def test_small_items_of_one_root_stay_together(closure: Closure, limit: int) -> None:
    """Small items of one root are never parted, whatever else there is."""
    plan = plan_layers(closure, limit, favour="sharing")
    number = {path: at for at, layer in enumerate(plan.layers) for path in layer.paths}
    roots = closure.roots if len(closure.roots) > 1 else ()  # a single one is skipped
    small = small_below(max(1, limit - 1))
    for root in roots:
        mine = [
            item.path
            for item in closure
            if list(closure.graph.predecessors(item.path)) == [root] and item.nar_size < small
        ]
        if closure[root].nar_size < small:
            mine.append(root)
        assert len({number[path] for path in mine}) <= 1
