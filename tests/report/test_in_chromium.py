"""The page in a browser: drawn, searched, walked with keys, read by a screen reader, printed; and quiet meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sysimage.cli.report import is_later
from sysimage.report import Facts, difference, files_document, page, report_document
from tests.report.made_facts import many
from tests.support.chromium import Page, browser

pytestmark = [pytest.mark.programs, pytest.mark.xdist_group("chromium")]
ITEMS = 1000


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


def written(facts: Facts, place: Path, other: Facts | None = None) -> str:
    found = None if other is None else difference(other, facts, is_later)
    place.write_text(page(report_document(facts, found), files_document(facts)))
    return place.as_uri()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a page about a thousand items."""
    return written(many(ITEMS), tmp_path_factory.mktemp("page") / "large.html", many(ITEMS - 10, seed=1))


def names_of_tree(chromium: Page) -> list[tuple[str, str]]:
    """Role and name of what a screen reader is given."""
    nodes: list[dict[str, Any]] = chromium.call("Accessibility.getFullAXTree")["nodes"]
    return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node.get("ignored")]


@pytest.mark.parametrize("width", [420, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_a_page_of_a_thousand_items_is_drawn_without_a_fault_or_a_request(
    chromium: Page, large: str, width: int, dark: bool
) -> None:
    before = len(chromium.requested())
    chromium.open(large, width=width, dark=dark)
    assert chromium.ask("document.querySelectorAll('#packages tbody tr').length") == ITEMS + 1
    assert chromium.ask("document.querySelectorAll('#map button').length") > 100
    assert chromium.ask("document.documentElement.scrollWidth") <= width
    ground = chromium.ask("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") is not dark
    assert chromium.requested()[before:] == [large]
    assert chromium.complaints() == []


def test_the_area_of_a_layer_in_the_map_is_its_share_of_the_bytes(chromium: Page, large: str) -> None:
    chromium.open(large)
    chromium.ask("window.groups = [...document.querySelectorAll('#map .group')]")
    areas = chromium.ask("groups.map((one) => parseFloat(one.style.width) * parseFloat(one.style.height))")
    report = "JSON.parse(document.getElementById('report-data').textContent)"
    held = chromium.ask(f"{report}.items.reduce((sums, one) => {{ sums[one.layer] = (sums[one.layer] || 0) + one.size;"
                        " return sums; }, {})")  # fmt: skip
    labels = chromium.ask("groups.map((one) => one.getAttribute('aria-label'))")
    whole = chromium.ask("document.getElementById('map').clientWidth * document.getElementById('map').clientHeight")
    for label, area in zip(labels, areas, strict=True):
        number = label.removeprefix("layer ").partition(",")[0]
        assert area / whole == pytest.approx(held[number] / sum(held.values()), rel=0.01)


def test_the_map_is_walked_with_keys_down_to_files_and_up_again(chromium: Page, large: str) -> None:
    chromium.open(large)
    focused = "document.activeElement.getAttribute('aria-label')"
    chromium.ask("document.querySelector('#map button').focus()")
    first = chromium.ask(focused)
    assert first.startswith("layer ")
    chromium.press("ArrowRight", 39)
    second = chromium.ask(focused)
    assert second.startswith("package")
    chromium.press("ArrowLeft", 37)
    assert chromium.ask(focused) == first
    chromium.press("ArrowRight", 39)
    chromium.press("Enter", 13)
    assert chromium.ask("document.querySelector('#crumbs strong').textContent") == second.rpartition(",")[0]
    assert chromium.ask(focused).startswith(("lib/", "file"))
    chromium.press("Escape", 27)
    chromium.press("Escape", 27)
    assert chromium.ask("document.querySelector('#crumbs strong').textContent") == "made:1"


def test_search_leaves_the_rows_that_have_all_words(chromium: Page, large: str) -> None:
    chromium.open(large)
    chromium.ask("document.getElementById('search').focus()")
    chromium.call("Input.insertText", text="PACKAGE99 expat")
    rows = chromium.ask(
        "[...document.querySelectorAll('#packages tbody tr:not([hidden])')].map((one) => one.cells[0].textContent)"
    )
    assert sorted(rows) == [f"package{number}" for number in (99, 991, 993, 995, 997, 999)]
    assert chromium.ask("document.getElementById('found').textContent") == f"6 of {ITEMS + 1}"


def test_a_column_is_sorted_by_its_head_and_says_so(chromium: Page, large: str) -> None:
    chromium.open(large)
    chromium.ask("document.querySelectorAll('#packages th button')[0].click()")
    names = chromium.ask("[...document.querySelectorAll('#packages tbody tr')].map((one) => one.cells[0].textContent)")
    assert names == sorted(names)
    assert chromium.ask("document.querySelector('#packages th').getAttribute('aria-sort')") == "ascending"


def test_a_chosen_item_shows_the_way_to_it_and_what_an_update_pulls(chromium: Page, tmp_path: Path) -> None:
    facts = many(60, layers=6)
    report = report_document(facts)
    chromium.open(written(facts, tmp_path / "page.html") + "#item/package3")
    at = next(at for at, one in enumerate(report["items"]) if one["name"] == "package3")
    way = [at]
    while report["items"][way[0]]["way"] is not None:
        way.insert(0, report["items"][way[0]]["way"])
    shown = chromium.ask("[...document.querySelectorAll('#item .way li')].map((one) => one.textContent)")
    assert [name.split()[0] for name in shown] == [report["items"][one]["name"] for one in way]
    assert len(way) > 2
    drawn = chromium.ask("[...document.querySelectorAll('#item svg g')].map((one) => one.getAttribute('aria-label'))")
    assert set(shown) <= set(drawn)
    assert f"{report['items'][at]['rebuilt']} items are made again" in chromium.ask(
        "document.getElementById('item').textContent"
    )
    chromium.ask("document.querySelector('#item .way button').click()")
    assert chromium.ask("location.hash") == "#item/system"


def test_a_screen_reader_is_given_names_and_landmarks(chromium: Page, large: str) -> None:
    chromium.open(large)
    found = names_of_tree(chromium)
    roles = {role for role, _ in found}
    assert {"main", "banner", "navigation", "contentinfo", "table", "columnheader", "searchbox"} <= roles
    unnamed = [role for role, name in found if role in ("button", "link", "searchbox", "heading") and not name]
    assert unnamed == []
    assert ("searchbox", "Search") in found


def test_a_printed_page_shows_every_package(chromium: Page, tmp_path: Path) -> None:
    chromium.open(written(many(60, layers=6), tmp_path / "page.html"))
    assert chromium.printed().startswith(b"%PDF-")
    chromium.call("Emulation.setEmulatedMedia", media="print")
    hidden = chromium.ask("getComputedStyle(document.getElementById('search')).display")
    chromium.call("Emulation.setEmulatedMedia", media="")
    assert hidden == "none"


def test_a_difference_is_shown_where_another_image_was_named(chromium: Page, large: str, tmp_path: Path) -> None:
    chromium.open(large)
    assert "A client of the first pulls" in chromium.ask("document.getElementById('difference').textContent")
    chromium.open(written(many(5, layers=2), tmp_path / "page.html"))
    assert chromium.ask("document.getElementById('difference-section').hidden") is True
