"""Answers about what needs what, as documents."""

from __future__ import annotations

from sysimage.api.graph_documents import size_document, tree_document, why_document
from sysimage.compare.graph import GraphItem, Kept, ReferenceGraph, Step
from sysimage.documents import document_value, json_value
from sysimage.formats import DOCUMENT_VERSION

ITEMS = {
    "app": GraphItem("app", 10, "app-package", "/gnu/store/h-app"),
    "lib": GraphItem("lib", 20),
    "other": GraphItem("other", 5),
    "system": GraphItem("system", 1, "", "/gnu/store/h-system"),
    "zlib": GraphItem("zlib", 30, "zlib"),
}
GRAPH = ReferenceGraph(
    ITEMS, {"system": ("app", "zlib"), "app": ("lib", "zlib"), "zlib": ("lib",), "other": ("lib",)}, ("system", "other")
)
APP = {"name": "app", "package": "app-package", "path": "/gnu/store/h-app", "unpacked_size": 10}
LIB = {"name": "lib", "package": None, "path": None, "unpacked_size": 20}


def test_a_way_says_what_leads_to_the_item_and_why() -> None:
    way = (Step(ITEMS["system"], None), Step(ITEMS["app"], "asked"), Step(ITEMS["lib"], "declared"))
    found = why_document("web.tar", ITEMS["lib"], [way, way[1:]], more=False)
    steps = [{"name": "app", "reason": "asked"}, {"name": "lib", "reason": "declared"}]
    assert document_value(found) == {
        "kind": "why",
        "format_version": DOCUMENT_VERSION,
        "image": "web.tar",
        "item": LIB,
        "ways": [[{"name": "system", "reason": None}, *steps], steps],
        "complete": True,
    }
    few = why_document("web.tar", ITEMS["app"], [], more=True)
    assert (json_value(few.item), few.ways, few.complete) == (APP, (), False)


def test_what_items_cost_is_in_the_order_of_the_question() -> None:
    kept = [Kept(ITEMS["lib"], 20, 25, 3), Kept(ITEMS["app"], 10, 60, 1)]
    assert document_value(size_document("web.tar", kept, items=5, total=66)) == {
        "kind": "size",
        "format_version": DOCUMENT_VERSION,
        "image": "web.tar",
        "unpacked_size": 66,
        "item_count": 5,
        "items": [
            {**LIB, "kept_size": 20, "closure_size": 25, "referrer_count": 3},
            {**APP, "kept_size": 10, "closure_size": 60, "referrer_count": 1},
        ],
    }


def test_a_tree_has_each_item_below_its_tops_once_and_no_other() -> None:
    found = document_value(tree_document("web.tar", GRAPH, ["zlib", "app"]))
    assert found == {
        "kind": "tree",
        "format_version": DOCUMENT_VERSION,
        "image": "web.tar",
        "roots": ["zlib", "app"],
        "items": [
            {**APP, "references": ["lib", "zlib"]},
            {**LIB, "references": []},
            {"name": "zlib", "package": "zlib", "path": None, "unpacked_size": 30, "references": ["lib"]},
        ],
    }
    shuffled = ReferenceGraph(dict(reversed(ITEMS.items())), GRAPH.references, GRAPH.roots)
    whole = tree_document("web.tar", shuffled, GRAPH.roots)
    assert [item.name for item in whole.items] == ["app", "lib", "other", "system", "zlib"]
