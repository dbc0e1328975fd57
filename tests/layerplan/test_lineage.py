import pytest

from sysimage.layerplan.lineage import Lineages, name_depths, package_name
from tests.layerplan.closures import store_path


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("bash-5.2.15", "bash"),
        ("glibc-2.38-bin", "glibc-bin"),
        ("libglib2.0-0-2.84.1", "libglib2.0-0"),
        ("profile", "profile"),
        ("9base-6", "9base"),
    ],
)
def test_a_package_name_has_no_version(name: str, package: str) -> None:
    assert package_name(name) == package


@pytest.mark.parametrize(
    ("name", "depths"),
    [
        ("x", ("x", "x", "x", "x")),
        ("glibc-2.38-bin", ("glibc-2.38-bin", "glibc-bin", "glibc-bin", "glibc-bin")),
        ("bash-5.1-6", ("bash-5.1-6", "bash-5.1", "bash", "bash")),
        ("a-1-2-b-3-4-c", ("a-1-2-b-3-4-c", "a-1-2-b-3-c", "a-1-2-b-c", "a-b-c")),
        ("9base-6", ("9base-6", "9base", "9base", "9base")),
        ("a--1", ("a--1", "a-", "a-", "a-")),
    ],
)
def test_a_name_loses_its_last_version_then_the_last_run_of_them_then_all(name: str, depths: tuple[str, ...]) -> None:
    assert name_depths(name) == depths


def test_items_that_their_names_do_not_distinguish_are_paired_in_the_order_of_names() -> None:
    lineages = Lineages()
    old = lineages.track(map(store_path, ["a-1-x", "a-2-x", "a-3-x"]))
    new = lineages.track(map(store_path, ["a-9-x", "a-8-x", "a-7-x", "a-6-x"]))
    paired = sorted(old, key=lambda path: path)
    assert [new[path] for path in sorted(new)][:3] == [old[path] for path in paired]
    assert len(lineages) == 4
    assert sorted(new.values()) == [0, 1, 2, 3]


def test_the_longer_of_two_common_names_decides_first() -> None:
    lineages = Lineages()
    old = lineages.track(map(store_path, ["x-1-2", "x-3-2"]))
    new = lineages.track([store_path("x-3-4"), store_path("x-5-6")])
    assert new[store_path("x-3-4")] == old[store_path("x-3-2")]
    assert new[store_path("x-5-6")] == old[store_path("x-1-2")]


def test_versions_of_one_package_have_one_number() -> None:
    lineages = Lineages()
    old = lineages.track([store_path("bash-5.1"), store_path("zlib-1.2")])
    new = lineages.track([store_path("bash-5.2"), store_path("zlib-1.2")])
    assert old[store_path("bash-5.1")] == new[store_path("bash-5.2")]
    assert old[store_path("zlib-1.2")] == new[store_path("zlib-1.2")]


def test_revisions_with_several_words_are_followed() -> None:
    lineages = Lineages()
    old = lineages.track([store_path("bash-5.1-6"), store_path("bash-static-5.1-6")])
    new = lineages.track([store_path("bash-5.2-1"), store_path("bash-static-5.2-1")])
    assert old[store_path("bash-5.1-6")] == new[store_path("bash-5.2-1")]
    assert old[store_path("bash-static-5.1-6")] == new[store_path("bash-static-5.2-1")]


def test_what_was_away_for_a_step_is_recognised() -> None:
    lineages = Lineages()
    old = lineages.track([store_path("git-2.1"), store_path("vim-9.0")])
    lineages.track([store_path("vim-9.0")])
    assert (
        lineages.track([store_path("git-2.2"), store_path("vim-9.0")])[store_path("git-2.2")]
        == old[store_path("git-2.1")]
    )


def test_a_second_version_beside_the_first_is_new() -> None:
    lineages = Lineages()
    old = lineages.track([store_path("openssl-1.1")])
    new = lineages.track([store_path("openssl-1.1"), store_path("openssl-3.0")])
    assert new[store_path("openssl-1.1")] == old[store_path("openssl-1.1")] != new[store_path("openssl-3.0")]


@pytest.mark.parametrize(("gone", "stays"), [("a-1", "a-2"), ("a-2", "a-1")])
def test_a_new_version_follows_the_one_that_was_there_last(gone: str, stays: str) -> None:
    lineages = Lineages()
    first = lineages.track([store_path(gone), store_path(stays)])
    lineages.track([store_path(stays)])
    assert lineages.track([store_path("a-3")]) == {store_path("a-3"): first[store_path(stays)]}
