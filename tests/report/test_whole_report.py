"""A report value by value: facts that were made by hand, and every number and word that comes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sysimage.cli.report import is_later
from sysimage.formats import DOCUMENT_VERSION
from sysimage.report import difference, files_document, report_document
from sysimage.report.difference import Change, Difference
from sysimage.report.document import MOST_ROWS
from sysimage.report.facts import FileFact, LayerFact, LeftOutFact, PackageFact
from sysimage.report.packages import with_licences_of_source
from sysimage.report.waste import Duplicate, Lacking, duplicates, lacking
from tests.report.made_facts import facts, item, path_of

PACKAGE = PackageFact("web\x1b", "1:2-3", "amd64", "web-source", 1_000_000)
BIG = FileFact((b"lib", b"big"), 600, b"same")


def made() -> Any:
    web = replace(
        item("web-2", "lib-1", size=600, layer=2, files=(BIG,)), package=PACKAGE, licences=("Expat", "GPL-2+")
    )
    found = facts(
        item("lib-1", size=50, layer=1),
        web,
        item("system", "web-2", size=7, layer=2),
        others={1: (FileFact((b"etc", b"big"), 600, b"same"),)},
        facts=(("names", "a\x1b"),),
        name="made\x1b",
        declared=frozenset({path_of("web-2")}),
        left_out=(
            LeftOutFact(path_of("lib-1"), "manuals", 3, 9),
            LeftOutFact(path_of("web-2"), "manuals", 1, 90),
            LeftOutFact(path_of("lib-1"), "documentation", 2, 9),
        ),
    )
    layers = (
        LayerFact("sha256:a", "sha256:b", 100, "holds\x1b", "because\x1b", 2.5, 11),
        LayerFact("sha256:c", "sha256:d", 1000, "top"),
    )
    return replace(found, layers=layers, moves_always=2)


def item_of(item_name: str, **more: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "path": path_of(item_name),
        "source": "",
        "licences": [],
        "references": [],
        "dominator": None,
        "declared": False,
    }
    return {**values, **more}


def test_a_report_has_every_fact_and_measure() -> None:
    assert report_document(made()) == {
        "format_version": DOCUMENT_VERSION,
        "kind": "image",
        "name": "made\\u001b",
        "facts": [["names", "a\\u001b"]],
        "size": 1100,
        "propagates": True,
        "layers": [
            {
                "identity": "sha256:a",
                "size": 100,
                "holds": "holds\\u001b",
                "reason": "because\\u001b",
                "pulls_per_year": 2.5,
                "hidden": 11,
                "moves_always": False,
            },
            {
                "identity": "sha256:c",
                "size": 1000,
                "holds": "top",
                "reason": "",
                "pulls_per_year": None,
                "hidden": 0,
                "moves_always": True,
            },
        ],
        "items": [
            item_of(
                "lib-1",
                name="lib",
                version="1",
                layer=1,
                size=50,
                dominator=2,
                retained=50,
                way=2,
                rebuilt=3,
                moved=1100,
                moved_layers=2,
            ),
            item_of(
                "system",
                name="system",
                version="",
                layer=2,
                size=7,
                references=[2],
                retained=657,
                way=None,
                rebuilt=1,
                moved=1000,
                moved_layers=1,
            ),
            item_of(
                "web-2",
                name="web\\u001b",
                version="1:2-3",
                source="web-source",
                licences=["Expat", "GPL-2+"],
                layer=2,
                size=600,
                references=[0],
                dominator=1,
                retained=650,
                way=1,
                rebuilt=2,
                moved=1000,
                moved_layers=1,
                declared=True,
            ),
        ],
        "duplicates": {
            "wasted": 600,
            "contents": 1,
            "largest": [{"size": 600, "wasted": 600, "files": 2, "paths": ["/etc/big", path_of("web-2") + "/lib/big"]}],
        },
        "lacking": [{"item": 2, "package": 1_000_000, "size": 1024}],
        "left_out": [
            {"item": 2, "what": "manuals", "files": 1, "size": 90},
            {"item": 0, "what": "documentation", "files": 2, "size": 9},
            {"item": 0, "what": "manuals", "files": 3, "size": 9},
        ],
        "difference": None,
    }
    assert report_document(replace(made(), left_out=None))["left_out"] is None


def test_places_of_references_are_sorted_as_numbers() -> None:
    names = [f"lib{number:02}-1" for number in range(12)]
    shown = report_document(facts(*map(item, names), item("z-1", *names)))["items"]
    assert [one["references"] for one in shown] == [[]] * 12 + [list(range(12))]


def test_a_difference_lists_so_many_files_and_counts_all() -> None:
    found = Difference(
        "other\x1b",
        (Change("a\x1b", "up", "1\x1b", "2\x1b", 5),),
        3,
        30,
        300,
        tuple(("added", f"/{number}\x1b") for number in range(MOST_ROWS + 1)),
    )
    shown = report_document(made(), found)["difference"]
    assert shown["files"] == [["added", f"/{number}\\u001b"] for number in range(MOST_ROWS)]
    assert {name: value for name, value in shown.items() if name != "files"} == {
        "other": "other\\u001b",
        "kept_layers": 3,
        "kept": 30,
        "pulled": 300,
        "changes": [{"name": "a\\u001b", "kind": "up", "before": "1\\u001b", "after": "2\\u001b", "size": 5}],
        "all_files": MOST_ROWS + 1,
    }


def test_changes_have_versions_and_the_bytes_that_they_add() -> None:
    twice = replace(item("web-2", size=3), path="/gnu/store/" + "0" * 32 + "-web-3")
    old = facts(item("web-1", size=10), item("gone-4", size=100), item("same-1", size=7), name="old")
    new = facts(item("web-2", size=15), twice, item("come-5", size=1000), item("same-1", size=7))
    assert difference(old, new, is_later).changes == (
        Change("come", "added", "", "5", 1000),
        Change("gone", "removed", "4", "", -100),
        Change("web", "added", "", "3", 3),
        Change("web", "up", "1", "2", 5),
    )
    back = difference(new, old, is_later)
    assert [(one.name, one.kind, one.before, one.after, one.size) for one in back.changes] == [
        ("come", "removed", "5", "", -1000),
        ("gone", "added", "", "4", 100),
        ("web", "removed", "3", "", -3),
        ("web", "down", "2", "1", -5),
    ]
    assert difference(old, new, is_later).other == "old"


def test_layers_are_kept_by_blob_or_by_what_is_in_it_and_empty_names_do_not_count() -> None:
    def layers(*ids: tuple[str, str, int]) -> Any:
        return replace(facts(), layers=tuple(LayerFact(blob, diff, size, "") for blob, diff, size in ids))

    old = layers(("a", "x", 1), ("b", "y", 2), ("", "", 4))
    new = layers(("a", "other", 10), ("other", "y", 20), ("c", "z", 40), ("", "", 80))
    found = difference(old, new, is_later)
    assert (found.kept_layers, found.kept, found.pulled) == (2, 30, 120)


def test_files_of_a_difference_are_sorted_by_path() -> None:
    old = {1: tuple(FileFact((b"%02d" % at,), 1, b"1") for at in range(0, 20, 2))}
    new = {1: tuple(FileFact((b"%02d" % at,), 1, b"2") for at in range(19, -1, -1))}
    found = difference(facts(others=old), facts(others=new), is_later).files
    assert found == tuple(("added" if at % 2 else "changed", f"/{at:02}") for at in range(20))


def test_a_plan_is_compared_by_items_and_has_no_files() -> None:
    held = {1: (FileFact((b"f",), 1, b"1"),)}
    image = facts(item("a-1", layer=1), item("b-1", layer=2), item("c-1", layer=0), layers=(10, 20, 30), others=held)
    plan = replace(image, kind="plan", others=None)
    for old, new in ((image, plan), (plan, image), (plan, plan)):
        found = difference(old, new, is_later)
        assert (found.kept_layers, found.kept, found.pulled, found.files) == (2, 30, 30, ())
    moving = replace(plan, moves_always=2)
    assert difference(plan, moving, is_later).kept == 10


def test_duplicates_count_from_a_headers_size_and_items_lack_from_a_tenth() -> None:
    def twice(size: int) -> Any:
        files = tuple(FileFact((name,), size, b"") for name in (b"x", b"y", b"z"))
        return facts(item("a", files=files))

    paths = tuple(f"{path_of('a')}/{name}" for name in "xyz")
    assert duplicates(twice(512)) == (Duplicate(512, paths),)
    assert duplicates(twice(512))[0].wasted == 1024
    assert duplicates(twice(511)) == ()
    of_one_digest = facts(item("a", files=(FileFact((b"x",), 600, b""), FileFact((b"y",), 700, b""))))
    assert duplicates(of_one_digest) == ()

    def with_package(whole: int | None, *sizes: int) -> Any:
        files = tuple(FileFact((b"f%d" % at,), size, b"%d" % at) for at, size in enumerate(sizes))
        package = None if whole is None else PackageFact("a", "1", "", "a", whole)
        return facts(replace(item("a", files=files), package=package))

    assert lacking(with_package(64 * 1024 + 1024, 1024)) == ()
    assert lacking(with_package(64 * 1024 + 1025, 1024)) == (Lacking(path_of("a"), 64 * 1024 + 1025, 1024),)
    assert lacking(with_package(64 * 1024 + 1025, 1025)) == ()
    assert lacking(with_package(10_000_000, 9_000_448 - 1024)) != ()
    assert lacking(with_package(10_000_000, 9_000_960)) == ()
    assert lacking(with_package(None, 1)) == lacking(with_package(1_000_000)) == ()
    packages = [
        replace(item(name, files=(BIG,)), package=replace(PACKAGE, installed_size=size))
        for name, size in (("a", 200_000), ("c", 300_000), ("b", 200_000))
    ]
    worst_first = [path_of("c"), *sorted((path_of("a"), path_of("b")))]
    assert [one.item for one in lacking(facts(*packages))] == worst_first


def test_the_worst_duplicates_come_first_and_then_by_path() -> None:
    def several(name: bytes, size: int, count: int) -> tuple[FileFact, ...]:
        return tuple(FileFact((name, b"%d" % at), size, name) for at in range(count))

    found = duplicates(facts(others={1: (*several(b"b", 600, 2), *several(b"a", 600, 2), *several(b"c", 600, 3))}))
    assert [one.paths[0] for one in found] == ["/c/0", "/a/0", "/b/0"]
    many = facts(others={1: tuple(several(b"x", 600, 25))})
    (shown,) = report_document(many)["duplicates"]["largest"]
    assert (shown["files"], len(shown["paths"])) == (25, 20)


def test_a_package_without_licences_has_those_of_its_source() -> None:
    def of(name: str, source: str, *licences: str) -> Any:
        return replace(item(name), package=PackageFact(name, "1", "", source, None), licences=licences)

    items = [of("a", "s", "GPL-2", "BSD"), of("b", "s", "Expat"), of("c", "s"), of("d", "other"), item("e")]
    assert [one.licences for one in with_licences_of_source(items)] == [
        ("GPL-2", "BSD"),
        ("Expat",),
        ("BSD", "Expat", "GPL-2"),
        (),
        (),
    ]


def test_files_are_a_tree_sorted_by_size_and_name() -> None:
    files = (
        FileFact((b"d", b"x"), 5, b""),
        FileFact((b"d", b"y"), 7, b""),
        FileFact((b"b",), 12, b""),
        FileFact((b"a",), 12, b""),
        FileFact((b"a", b"below"), 1, b""),
    )
    held = {2: (FileFact((b"s",), 1, b""),), 1: ()}
    found = files_document(facts(item("z-1"), item("a-1", files=files), others=held))
    assert found == {
        "items": [[["a", 12], ["b", 12], ["d", [["y", 7], ["x", 5]]], ["below", 1]], []],
        "layers": {"1": [], "2": [["s", 1]]},
    }
    assert list(found["layers"]) == ["1", "2"]
    assert files_document(facts(item("a-1"), others=None)) == {"items": [[]], "layers": {}}


def test_the_sixtieth_directory_is_the_last_with_a_place_of_its_own() -> None:
    def depth(parts: int) -> int:
        (tree,) = files_document(facts(item("a", files=(FileFact((b"d",) * parts, 7, b""),))))["items"]
        count = 1
        while isinstance(tree[0][1], list):
            tree, count = tree[0][1], count + 1
        assert tree == [["d" if parts <= 60 else "/".join("d" * (parts - 59)), 7]]
        return count

    assert [depth(parts) for parts in (1, 59, 60, 61, 80)] == [1, 59, 60, 60, 60]
