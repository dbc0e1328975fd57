import json
from dataclasses import replace

import pytest
from hypothesis import given, settings

from sysimage.closure import Closure
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.layerplan import ChangeHistory, LayerPlan, PlannedLayer, Record, from_json, plan_layers, to_json
from sysimage.store import StoreItem, StorePath
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


ONE, TWO = StorePath("/gnu/store", "1" * 32, "one"), StorePath("/gnu/store", "2" * 32, "two")
CLOSURE = Closure(
    [
        StoreItem(ONE, Digest("0" * 64), 5, references=(ONE,)),
        StoreItem(TWO, Digest("f" * 64), 7, references=(ONE,), source="s"),
    ]
)
PLAN = LayerPlan(
    (PlannedLayer((ONE,), 5, "why", 2.5), PlannedLayer((TWO,), 7, "last", customized=True)),
    9,
    ChangeHistory(8, ((ONE, 0xAB), (TWO, 0)), ((ONE, 0xFF), (TWO, 3)), propagates=False),
)
TEXT = (
    '{"created":11,"format":"sysimage.layer-plan/1","items":'
    f'[["{"1" * 32}-one",5,"{"A" * 43}",[0]],["{"2" * 32}-two",7,"{"/" * 42}8",[0],"s"]],'
    '"layers":[{"items":[0],"pulls_per_year":2.5,"reason":"why"},{"customized":true,"items":[1],"reason":"last"}],'
    '"max_layers":9,"memory":{"own":["ab","0"],"present":["ff","3"],"propagates":false,"steps":8},'
    '"roots":[1],"rule":"both","stores":["/gnu/store"]}'
)


def test_a_record_is_as_it_was_written_down() -> None:
    assert to_json(PLAN, CLOSURE, created=11, rule="both") == TEXT
    record = from_json(TEXT)
    assert (record.plan, record.created, record.rule) == (PLAN, 11, "both")
    assert (record.closure.items, record.closure.roots) == (CLOSURE.items, CLOSURE.roots)
    assert record == Record(record.closure, PLAN, 11, "both")
    assert Record(CLOSURE, PLAN) == Record(CLOSURE, PLAN, 0, "")


def test_what_older_records_lack_has_its_default() -> None:
    document = json.loads(to_json(replace(PLAN, memory=ChangeHistory()), CLOSURE))
    assert document["memory"] == {"own": [], "present": [], "propagates": True, "steps": 0}
    assert (document.pop("created"), document.pop("rule")) == (0, "")
    record = from_json(json.dumps(document))
    assert (record.created, record.rule, record.plan.memory) == (0, "", ChangeHistory())


def test_items_of_several_stores_are_kept_apart() -> None:
    stores = [f"/{letter}/store" for letter in "abcdef"]
    others = [StorePath(store, "1" * 32, "one") for store in stores]
    closure = Closure([*CLOSURE, *(StoreItem(other, Digest("1" * 64), 3, references=(ONE,)) for other in others)])
    plan = LayerPlan((PlannedLayer(tuple(sorted((ONE, TWO, *others))), 30, "all"),), 9)
    text = to_json(plan, closure)
    assert json.loads(text)["stores"] == [*stores, "/gnu/store"], "sorted"
    record = from_json(text)
    assert record.plan == plan
    assert record.closure.items == closure.items


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "Expecting value"),
        ("[]", "its format is not sysimage.layer-plan/1"),
        ("{}", "its format is not sysimage.layer-plan/1"),
        ('{"format": "something else"}', "its format is not sysimage.layer-plan/1"),
        (TEXT.replace('"roots":[1]', '"roots":[2]'), "it refers to item 2 of 2"),
        (TEXT.replace('"roots":[1]', '"roots":[-1]'), "it refers to item -1 of 2"),
        (TEXT.replace(",[0],", ",[-1],"), "it refers to item -1 of 2"),
        (TEXT.replace(",[0],", ",[2],"), "it refers to item 2 of 2"),
        (TEXT.replace('"items":[1]', '"items":[0]'), "its layers do not hold every item once"),
        (TEXT.replace('"items":[1]', '"items":[1,1]'), "its layers do not hold every item once"),
        (TEXT.replace('"ab","0"', '"ab"'), "zip"),
        (TEXT.replace('"ab","0"', '"xy","0"'), "invalid literal for int"),
        (TEXT.replace(',7,"//', ',0,"//'), "NAR size of /gnu/store/2+-two is 0"),
    ],
)
def test_anything_else_is_refused(text: str, fault: str) -> None:
    with pytest.raises(IntegrityError, match=f"^cannot read a layer plan: .*{fault}") as caught:
        from_json(text)
    assert caught.value.hint == "give the record that a build wrote beside its image"


def test_a_record_of_a_newer_version_says_so() -> None:
    with pytest.raises(IntegrityError, match=r"its format is sysimage\.layer-plan/2") as caught:
        from_json(TEXT.replace("layer-plan/1", "layer-plan/2"))
    assert caught.value.hint == "use that version of sysimage"


@given(closures(12))
@settings(max_examples=10, deadline=None)
def test_a_record_whose_layers_are_not_a_partition_is_refused(closure: Closure) -> None:
    document = json.loads(to_json(plan_layers(closure, 4), closure))
    document["layers"][0]["items"] = []
    with pytest.raises(IntegrityError, match="do not hold every item once"):
        from_json(json.dumps(document))
