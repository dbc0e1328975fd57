"""Why packages cannot be chosen: each reason in words, with the package that was probably meant."""

from __future__ import annotations

import pytest

from sysimage.errors import SpecError
from sysimage_bootstrap.archive.index import PackageIndex, PackageList, index_of
from sysimage_bootstrap.packages.package_request import PackageRequest
from sysimage_bootstrap.packages.resolve import resolve
from tests.bootstrap.archive.fake_archive import stanza


def index(*paragraphs: str) -> PackageIndex:
    return index_of("\n".join(paragraphs), "amd64")


def faults(archive: PackageIndex, *packages: str, **options: object) -> list[str]:
    with pytest.raises(SpecError) as caught:
        resolve(archive, PackageRequest("amd64", packages, essential=False, **options))  # type: ignore[arg-type]
    assert str(caught.value).startswith("cannot choose the packages: there is no set of them that works")
    assert caught.value.hint == "change the packages, or their versions, or leave out what conflicts"
    return [str(issue) for issue in caught.value.issues]


def test_the_way_to_a_package_is_listed_from_its_end_to_the_request() -> None:
    archive = index(
        stanza("a", depends="b"), stanza("b", depends="c"), stanza("c", depends="none"), stanza("d", depends="none")
    )
    assert faults(archive, "a", "d") == [
        "c: needs none, the archive has no such package (c is there for b, for a)",
        "d: needs none, the archive has no such package",
    ]


def test_a_name_that_is_not_there_is_answered_with_those_that_may_be_meant() -> None:
    archive = index(
        stanza("default-mysql-server"), stanza("mariadb-server"), stanza("nginx"), stanza("x", provides="v")
    )
    assert faults(archive, "mysql-server", "ngnix", "nothing", "v (>= 2)") == [
        "mysql-server: the archive has no such package; mariadb-server may do as well"
        " (did you mean 'default-mysql-server'?)",
        "ngnix: the archive has no such package (did you mean 'nginx'?)",
        "nothing: the archive has no such package",
        "v (>= 2): the archive has x provides no version",
    ]


def test_what_a_package_needs_is_not_guessed_at() -> None:
    assert faults(index(stanza("a", depends="ngnix"), stanza("nginx")), "a") == [
        "a: needs ngnix, the archive has no such package"
    ]


def test_versions_are_listed_the_highest_first_and_what_providers_promise() -> None:
    archive = index(
        stanza("lib", "1"),
        stanza("lib", "10"),
        stanza("lib", "9"),
        stanza("p", "1", provides="v (= 1)"),
        stanza("p", "2", provides="v (= 3), v"),
        stanza("q", provides="v"),
    )
    assert faults(archive, "lib (>> 10)", "lib=2*", "v (= 2)") == [
        "lib=2*: the archive has 10, 9, 1",
        "lib (>> 10): the archive has 10, 9, 1",
        "v (= 2): the archive has p provides 3, no version, q provides no version",
    ]


def test_an_archive_that_lacks_a_package_is_named_with_what_others_have() -> None:
    lists = [
        PackageList.parse(["\n".join((stanza("tool", "1"), stanza("nginx", "1")))], "trixie"),
        PackageList.parse(["\n".join((stanza("nginx", "9"), stanza("lib", "7")))], "shop/stable"),
        PackageList.parse([stanza("tool", "2")], "shopping/stable"),
    ]
    archive = PackageIndex("amd64", lists)
    assert faults(archive, "tool@shop", "nginx=1@shop", "lib=8@shop") == [
        "lib=8@shop: the archive has 7",
        "nginx=1@shop: the archive has 9, 1",
        "tool@shop: the archive shop has no such package, others have 2, 1",
    ]
    assert [str(one) for one in resolve(archive, PackageRequest("amd64", ("nginx@shop",))).packages] == ["nginx 9"]


def test_a_need_that_only_an_excluded_package_of_another_version_has_is_explained() -> None:
    archive = index(stanza("a", depends="b (>= 2)"), stanza("b", "1"))
    assert faults(archive, "a", exclude=frozenset({"b"})) == ["a: needs b (>= 2), which is excluded"]


def test_two_versions_of_a_package_cannot_be_together() -> None:
    archive = index(
        stanza("a", depends="lib (<< 2)"), stanza("b", depends="lib (>= 2)"), stanza("lib", "1"), stanza("lib", "2")
    )
    assert faults(archive, "a", "b") == ["b: needs lib (>= 2), lib 2 cannot be together with lib 1"]


def test_the_choice_that_comes_first_is_explained_where_no_choice_works() -> None:
    archive = index(
        stanza("a", depends="x | y"),
        stanza("x", depends="z"),
        stanza("z", depends="none"),
        stanza("y", depends="none2"),
    )
    assert faults(archive, "a") == ["z: needs none, the archive has no such package (z is there for x, for a)"]


def test_every_candidate_is_named_with_what_it_cannot_be_together_with() -> None:
    archive = index(
        stanza("a", depends="x | y"),
        stanza("b", breaks="x, y"),
        stanza("x", "1"),
        stanza("x", "2"),
        stanza("y"),
        stanza("old", conflicts="new (<< 5)"),
        stanza("new", "4"),
    )
    assert faults(archive, "a", "b", "old", "new") == [
        "old: old 1.0 cannot be together with new 4",
        "a: needs x | y, x: x 2 cannot be together with b 1.0, x 1 cannot be together with b 1.0;"
        " y: y 1.0 cannot be together with b 1.0",
    ]
