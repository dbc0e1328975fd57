"""Items of the graph: what they are called, how a person finds them, and why they are there."""

from __future__ import annotations

import pytest

from sysimage.closure import Closure
from sysimage.compare.graph import GraphItem, ReferenceGraph
from sysimage.digest import Digest
from sysimage.errors import SpecError
from sysimage.store import StoreItem
from sysimage.store.paths import StorePath
from sysimage_bootstrap.archive.index import index_of
from sysimage_bootstrap.packages.package_request import PackageRequest
from sysimage_bootstrap.packages.resolve import Resolution, resolve
from tests.bootstrap.archive.fake_archive import stanza


def path(letter: str, name: str) -> StorePath:
    return StorePath("/gnu/store", letter * 32, name)


TOP, OLD, NEW, LIB, BASH = (
    path("z", "system"),
    path("0", "tool-1"),
    path("1", "tool-1"),
    path("2", "lib-2"),
    path("3", "bash"),
)


def item(at: StorePath, size: int, *references: StorePath) -> StoreItem:
    return StoreItem(at, Digest("0" * 64), size, tuple(sorted(references)))


CLOSURE = Closure(
    [
        item(TOP, 1, OLD, NEW, LIB, BASH),
        item(OLD, 10, OLD, LIB),
        item(NEW, 20, LIB, BASH),
        item(LIB, 100, LIB),
        item(BASH, 1000),
    ],
    [TOP],
)
PACKAGES = {str(OLD): "tool", str(NEW): "tool", str(LIB): "lib", str(BASH): "bash"}


def test_items_of_one_name_have_the_beginning_of_their_hash_beside_it() -> None:
    graph = ReferenceGraph.of_closure(CLOSURE)
    assert list(graph.items.items()) == [
        ("bash", GraphItem("bash", 1000, "", str(BASH))),
        ("lib-2", GraphItem("lib-2", 100, "", str(LIB))),
        ("system", GraphItem("system", 1, "", str(TOP))),
        ("tool-1 (00000000)", GraphItem("tool-1 (00000000)", 10, "", str(OLD))),
        ("tool-1 (11111111)", GraphItem("tool-1 (11111111)", 20, "", str(NEW))),
    ]
    assert graph.references == {
        "bash": (),
        "lib-2": (),
        "system": ("bash", "lib-2", "tool-1 (00000000)", "tool-1 (11111111)"),
        "tool-1 (00000000)": ("lib-2",),
        "tool-1 (11111111)": ("bash", "lib-2"),
    }
    assert graph.roots == ("system",)
    assert (graph.depends, graph.asked) == ({}, None)
    several = ReferenceGraph.of_closure(Closure(CLOSURE, [TOP, OLD, NEW, BASH]))
    assert several.roots == ("bash", "system", "tool-1 (00000000)", "tool-1 (11111111)")


def test_a_system_is_left_with_what_was_asked_for_what_every_system_has_and_what_nothing_else_needs() -> None:
    def left(*asked: str) -> tuple[str, ...]:
        return ReferenceGraph.of_closure(CLOSURE, PACKAGES, {}, frozenset(asked)).references["system"]

    tools = ("tool-1 (00000000)", "tool-1 (11111111)")
    assert left() == ("bash", *tools), "bash is in every system, and only the system needs the tools"
    assert left("lib") == ("bash", "lib-2", *tools)
    unpackaged = {place: name for place, name in PACKAGES.items() if name != "lib"}
    assert "lib-2" in ReferenceGraph.of_closure(CLOSURE, unpackaged, {}, frozenset()).references["system"]


def test_the_reason_of_a_step_is_what_is_known() -> None:
    depends = {"tool": frozenset({"lib"})}
    graph = ReferenceGraph.of_closure(CLOSURE, PACKAGES, depends, frozenset({"tool"}))
    tool = "tool-1 (11111111)"
    reasons = {
        ("system", tool): "asked",
        ("system", "bash"): "always",
        ("system", "lib-2"): "contents",
        (tool, "lib-2"): "declared",
        (tool, "bash"): "contents",
    }
    assert {(above, below): graph.reason(above, below) for above, below in reasons} == reasons
    assert ReferenceGraph.of_closure(CLOSURE).reason("system", "bash") == "reference"
    only = ReferenceGraph.of_closure(Closure([item(BASH, 1), item(LIB, 1)], [BASH, LIB]), PACKAGES, {}, frozenset())
    assert [[step.reason for step in only.ways(only.find(name), 5)[0][0]] for name in ("bash", "lib")] == [
        ["always"],
        [None],
    ]


def test_an_item_that_no_root_leads_to_has_no_way() -> None:
    graph = ReferenceGraph.of_closure(Closure([item(TOP, 1), item(LIB, 5), item(BASH, 7, LIB)], [TOP, BASH]))
    assert graph.ways(graph.find("lib-2"), 3)[1] is False
    apart = ReferenceGraph(
        {name: GraphItem(name, 1) for name in ("a", "b", "top")}, {"a": ("b",), "b": ("a",)}, ("top",)
    )
    assert apart.ways(apart.items["a"], 3) == ([], False)
    assert apart.ways(apart.items["top"], 0) == ([], True)


def test_the_items_that_keep_most_come_first_and_then_by_name() -> None:
    graph = ReferenceGraph(
        {name: GraphItem(name, size) for name, size in (("z", 5), ("b", 5), ("a", 5), ("big", 50))},
        {"big": ("a",), "b": ("a",)},
        ("z", "big", "b"),
    )
    kept = graph.kept()
    assert [(one.item.label, one.kept, one.needs, one.referrers) for one in kept] == [
        ("big", 50, 55, 0),
        ("a", 5, 5, 2),
        ("b", 5, 10, 0),
        ("z", 5, 5, 0),
    ]


def test_packages_that_no_other_needs_are_roots_of_their_graph() -> None:
    text = "\n".join(
        [
            stanza("web", depends="lib, web-data", installed_size="3"),
            stanza("web-data", depends="web", installed_size="4"),
            stanza("lib", installed_size="5"),
            stanza("alone", installed_size="6", essential="yes"),
        ]
    )
    found = resolve(index_of(text, "amd64"), PackageRequest("amd64", ("web", "lib")))
    graph = ReferenceGraph.of_packages(found, frozenset({"web"}))
    assert graph.items == {
        name: GraphItem(name, size * 1024, name)
        for name, size in (("alone", 6), ("lib", 5), ("web", 3), ("web-data", 4))
    }
    assert {name: graph.references.get(name, ()) for name in graph.items} == {
        "alone": (),
        "lib": (),
        "web": ("lib", "web-data"),
        "web-data": ("web",),
    }
    assert graph.roots == ("alone", "lib", "web")
    assert graph.depends["web"] == {"lib", "web-data"}
    assert graph.asked == frozenset({"web"})


def test_what_a_package_needs_is_sorted_and_not_itself() -> None:
    """Whatever order a lock file has it in."""
    names = tuple("hbgafdce")
    found = Resolution((), {"a": (*names, *names)}, ())
    assert ReferenceGraph.of_packages(found).references == {"a": tuple("bcdefgh")}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("lib-2", "lib-2"),
        ("lib", "lib-2"),
        ("bash", "bash"),
        (str(LIB), "lib-2"),
        (LIB.base_name, "lib-2"),
        ("222222", "lib-2"),
        ("sys*", "system"),
        ("tool-1 (1*", "tool-1 (11111111)"),
        ("000000", "tool-1 (00000000)"),
    ],
)
def test_an_item_is_found_by_all_that_it_is_called(text: str, label: str) -> None:
    packages = {place: name for place, name in PACKAGES.items() if name != "tool"}
    assert ReferenceGraph.of_closure(CLOSURE, packages).find(text).label == label


def test_what_means_none_or_several_is_refused_with_what_is_near() -> None:
    def refusal(text: str, packages: dict[str, str] = PACKAGES) -> tuple[str, str | None, list[str]]:
        with pytest.raises(SpecError) as caught:
            ReferenceGraph.of_closure(CLOSURE, packages).find(text)
        return caught.value.message, caught.value.hint, [issue.message for issue in caught.value.issues]

    tools = ["tool-1 (00000000)", "tool-1 (11111111)"]
    listed = "`sysimage size --top 0` lists all items"
    for text in ("tool", "tool*"):
        assert refusal(text) == (f"cannot choose an item for {text!r}: 2 fit", "name one of them", tools)
    assert refusal("tool", {})[2] == tools
    assert refusal("22222")[0] == "cannot find '22222': there is no such item", "a hash has six characters at least"
    assert refusal("basj") == ("cannot find 'basj': there is no such item", f"did you mean 'bash'? {listed}", [])
    assert refusal("yste")[1] == f"did you mean 'system'? {listed}"
    assert refusal("ib")[1] in (listed, f"did you mean 'lib'? {listed}")
    assert refusal("zz")[1] == listed
    many = Closure([item(path("4", f"p-{number:02}"), 1) for number in range(30)])
    with pytest.raises(SpecError, match="30 fit") as caught:
        ReferenceGraph.of_closure(many).find("p-*")
    assert [issue.message for issue in caught.value.issues] == [f"p-{number:02}" for number in range(20)]
