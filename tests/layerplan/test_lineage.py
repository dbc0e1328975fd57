import pytest

from sysimage.layerplan.lineage import Lineages, package_name
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
