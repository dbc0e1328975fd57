"""What is known about an item cannot contradict itself, and where it appears outside of the store follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.digest import Digest
from sysimage.store.items import ShownFiles, StoreItem
from tests.support.stores import store_path

A, B = sorted((store_path("a"), store_path("b")))
DIGEST = Digest("1" * 64)


@pytest.mark.parametrize("references", [(), (A,), (A, B)])
def test_references_are_sorted_and_a_size_is_one_byte_at_least(references: tuple[object, ...]) -> None:
    assert StoreItem(A, DIGEST, 1, references).references == references  # type: ignore[arg-type]


@pytest.mark.parametrize("references", [(B, A), (A, A), (A, B, A), (A, B, B)])
def test_references_in_another_order_or_twice_are_refused(references: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match=f"^references of {A} are not sorted or not distinct$"):
        StoreItem(A, DIGEST, 1, references)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, -1])
def test_a_size_that_no_nar_has_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"^NAR size of {A} is {size}, must be positive$"):
        StoreItem(A, DIGEST, size)


def test_an_item_can_be_a_member_of_a_set_however_it_is_shown() -> None:
    items = [StoreItem(A, DIGEST, 1, shown=shown) for shown in (None, ShownFiles(), ShownFiles(("doc",)))]
    assert len({*items, *items}) == 3


def test_only_an_item_with_a_location_has_a_place() -> None:
    assert StoreItem(A, DIGEST, 1, location=Path("/x")).place == Path("/x")
    with pytest.raises(ValueError, match=f"^{A} has no location$"):
        _ = StoreItem(A, DIGEST, 1).place


@pytest.mark.parametrize(
    ("top", "directories"),
    [("/usr", ("/usr",)), ("/srv", ("/srv",)), ("/srv/www/shop", ("/srv", "/srv/www", "/srv/www/shop"))],
)
def test_the_directories_above_come_first(top: str, directories: tuple[str, ...]) -> None:
    shown = ShownFiles(top=top)
    assert shown.directories == directories
    assert shown.place("bin/sh") == f"{top}/bin/sh"


@pytest.mark.parametrize(
    ("path", "in_usr", "elsewhere"),
    [
        ("bin", True, True),
        ("bin/sh", True, True),
        ("etc", False, True),
        ("etc/passwd", False, True),
        ("var", False, True),
        ("tmp/x", False, True),
        ("lib/etc", True, True),
        ("share/doc", False, False),
        ("share/doc/x/y", False, False),
        ("share/docs", True, True),
        ("share/doc-base", True, True),
        ("share", True, True),
        ("info", False, False),
        ("share/info", True, True),
    ],
)
def test_what_is_left_out_is_not_shown_nor_anything_below_it(path: str, in_usr: bool, elsewhere: bool) -> None:
    left_out = ("share/doc", "info")
    assert ShownFiles(left_out).shows(path) is in_usr
    assert ShownFiles(left_out, top="/opt/shop").shows(path) is elsewhere
