import json

import pytest
from hypothesis import given, settings

from sysimage.closure import Closure
from sysimage.errors import IntegrityError
from sysimage.layerplan import from_json, plan_layers, to_json
from tests.layerplan.closures import closures, updated


@given(closures())
@settings(max_examples=30, deadline=None)
def test_a_record_is_read_as_it_was_written(closure: Closure) -> None:
    after = updated(closure, [closure.items[0].path.name], propagates=True, salt=1)
    plan = plan_layers(after, 6, [closure])
    text = to_json(plan, after)
    record = from_json(text)
    assert record.plan == plan
    assert record.closure.items == after.items
    assert to_json(record.plan, record.closure) == text
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")), "its one form"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "something else"}'])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(IntegrityError, match="cannot read a layer plan"):
        from_json(text)


@given(closures(12))
@settings(max_examples=10, deadline=None)
def test_a_record_whose_layers_are_not_a_partition_is_refused(closure: Closure) -> None:
    document = json.loads(to_json(plan_layers(closure, 4), closure))
    document["layers"][0]["items"] = []
    with pytest.raises(IntegrityError, match="do not hold every item once"):
        from_json(json.dumps(document))
