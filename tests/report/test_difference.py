"""What is different between two images, for a client that has the first."""

from dataclasses import replace

from sysimage.cli.report import is_later
from sysimage.report.difference import difference, name_and_version
from sysimage.report.facts import FileFact, PackageFact
from tests.report.made_facts import facts, item


def test_items_are_added_removed_up_down_or_rebuilt() -> None:
    old = facts(item("web-1.9"), item("gone-1"), item("lib-2.0"), item("same-1", size=5))
    same = replace(item("same-1", size=7), path="/gnu/store/" + "0" * 32 + "-same-1")
    new = facts(item("web-1.10"), item("come-3"), item("lib-1.0"), same)
    found = {
        change.name: (change.kind, change.before, change.after) for change in difference(old, new, is_later).changes
    }
    assert found == {
        "web": ("up", "1.9", "1.10"),
        "lib": ("down", "2.0", "1.0"),
        "gone": ("removed", "1", ""),
        "come": ("added", "", "3"),
        "same": ("rebuilt", "1", "1"),
    }
    assert next(change.size for change in difference(old, new, is_later).changes if change.name == "same") == 2


def test_an_image_and_itself_differ_in_nothing() -> None:
    made = facts(item("a-1"), layers=(10, 20), others={1: (FileFact((b"f",), 1, b"1"),)})
    found = difference(made, made, is_later)
    assert (found.changes, found.files, found.pulled, found.kept, found.kept_layers) == ((), (), 0, 30, 2)


def test_layers_that_a_client_has_are_not_pulled() -> None:
    old = facts(item("a-1"), layers=(10, 20))
    new = facts(item("a-1"), layers=(10, 20, 300))
    assert (difference(old, new, is_later).kept, difference(old, new, is_later).pulled) == (30, 300)


def test_planned_layers_of_the_same_items_are_kept_except_for_the_one_that_always_moves() -> None:
    old = facts(item("a-1", layer=1), item("b-1", layer=2), layers=(10, 20, 5), kind="plan", others=None)
    new = facts(item("a-1", layer=1), item("b-2", layer=2), layers=(10, 21, 5), kind="plan", others=None)
    assert (difference(old, new, is_later).kept, difference(old, new, is_later).pulled) == (10, 26)


def test_files_of_no_item_are_compared_by_content() -> None:
    def with_files(**held: bytes) -> object:
        return {1: tuple(FileFact((b"etc", name.encode()), 1, digest) for name, digest in held.items())}

    old = facts(others=with_files(kept=b"1", changed=b"1", gone=b"1"))
    new = facts(others=with_files(kept=b"1", changed=b"2", come=b"1"))
    assert difference(old, new, is_later).files == (
        ("changed", "/etc/changed"), ("added", "/etc/come"), ("removed", "/etc/gone"),
    )  # fmt: skip


def test_a_name_ends_where_the_version_begins() -> None:
    assert name_and_version(item("gcc-14-base-14.2.0")) == ("gcc", "14-base-14.2.0")
    assert name_and_version(item("system")) == ("system", "")
    package = PackageFact("gcc-14-base", "14.2.0", "amd64", "gcc-14", None)
    assert name_and_version(replace(item("gcc-14-base-14.2.0"), package=package)) == ("gcc-14-base", "14.2.0")


def test_versions_are_in_the_order_of_debian() -> None:
    assert is_later("1.9", "1.10")
    assert is_later("1.0~rc1", "1.0")
    assert not is_later("2:1.0", "1.9")
    assert is_later("not a version", "not a word")
