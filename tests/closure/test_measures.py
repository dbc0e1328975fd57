import networkx as nx
from hypothesis import given, settings

from sysimage.closure import Closure, measures, reference_counts, referrer_counts
from tests.layerplan.closures import closures, store_shaped


@given(closures())
@settings(max_examples=40, deadline=None)
def test_counts_are_those_of_a_walk_from_every_node(closure: Closure) -> None:
    expected = {path: len(nx.ancestors(closure.graph, path)) for path in closure.graph}
    assert referrer_counts(closure) == expected
    assert reference_counts(closure) == {path: len(nx.descendants(closure.graph, path)) for path in closure.graph}


def test_blocks_do_not_change_the_counts(monkeypatch: object) -> None:
    closure = store_shaped(50)
    whole, needs = referrer_counts(closure), reference_counts(closure)
    monkeypatch.setattr(measures, "BLOCK", 7)  # type: ignore[attr-defined]
    assert (referrer_counts(closure), reference_counts(closure)) == (whole, needs)
