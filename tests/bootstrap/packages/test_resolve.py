"""Choosing packages: the rules, and the words when they cannot be kept."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.errors import SpecError
from sysimage_bootstrap.archive.index import PackageIndex, PackageList, index_of
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.packages.package_request import PackagePin, PackageRequest
from sysimage_bootstrap.packages.resolve import Resolution, resolve
from tests.bootstrap.archive.fake_archive import stanza


def index(*paragraphs: str) -> PackageIndex:
    return index_of("\n".join(paragraphs), "amd64")


def chosen(found: Resolution) -> list[str]:
    return [str(package) for package in found.packages]


def names(found: Resolution) -> list[str]:
    return [package.name for package in found.packages]


def ask(*packages: str, **options: object) -> PackageRequest:
    return PackageRequest("amd64", packages, **options)  # type: ignore[arg-type]


def faults(archive: PackageIndex, request: PackageRequest) -> list[str]:
    with pytest.raises(SpecError) as caught:
        resolve(archive, request)
    return [str(issue) for issue in caught.value.issues]


def test_dependencies_are_followed_and_become_edges() -> None:
    found = resolve(
        index(
            stanza("nginx", "1.26-3", depends="libc6 (>= 2.38), nginx-common (= 1.26-3)", pre_depends="libssl3t64"),
            stanza("nginx-common", "1.26-3", "all"),
            stanza("libssl3t64", "3.5.1-1", depends="libc6"),
            stanza("libc6", "2.41-1", recommends="libidn2-0"),
            stanza("unrelated"),
        ),
        ask("nginx"),
    )
    assert chosen(found) == ["libc6 2.41-1", "libssl3t64 3.5.1-1", "nginx 1.26-3", "nginx-common 1.26-3"]
    assert found.edges == {
        "libc6": (),
        "libssl3t64": ("libc6",),
        "nginx": ("libc6", "libssl3t64", "nginx-common"),
        "nginx-common": (),
    }
    assert found.roots == ("nginx",)


def test_perl_comes_with_what_declares_to_need_it_and_with_what_is_known_to() -> None:
    archive = index(
        stanza("perl-base", essential="yes"), stanza("make"), stanza("binutils-x86-64-linux-gnu"), stanza("cmake"),
        stanza("git", depends="perl"), stanza("perl", depends="perl-base"),
    )  # fmt: skip
    for package, needs in (("make", True), ("binutils-x86-64-linux-gnu", True), ("git", True), ("cmake", False)):
        found = resolve(archive, ask(package, on_demand=frozenset({"perl-base"})))
        assert ("perl-base" in names(found)) == needs
        assert ("perl-base" in found.edges[package]) == (needs and package != "git")


def test_what_only_a_maintainer_script_needs_is_not_taken() -> None:
    archive = index(
        stanza("ca-certificates", depends="openssl (>= 3)"), stanza("openssl", "3.5"), stanza("a", depends="openssl")
    )
    found = resolve(archive, ask("ca-certificates"))
    assert (names(found), found.unmet) == (["ca-certificates"], ())
    assert names(resolve(archive, ask("a", "ca-certificates"))) == ["a", "ca-certificates", "openssl"]


def test_essential_packages_come_unasked_and_can_be_left_out() -> None:
    archive = index(
        stanza("dash", essential="yes", depends="libc6"),
        stanza("perl-base", essential="yes"),
        stanza("init-system-helpers", essential="yes"),
        stanza("libc6"),
        stanza("nginx"),
    )
    assert names(resolve(archive, ask("nginx"))) == ["dash", "libc6", "nginx", "perl-base"]
    assert names(resolve(archive, ask("nginx", exclude=frozenset({"perl-base"})))) == ["dash", "libc6", "nginx"]
    assert names(resolve(archive, ask("nginx", essential=False))) == ["nginx"]
    on_demand = frozenset({"perl-base"})
    assert names(resolve(archive, ask("nginx", on_demand=on_demand))) == ["dash", "libc6", "nginx"]
    assert names(resolve(archive, ask("perl-base", on_demand=on_demand))) == ["dash", "libc6", "perl-base"]
    assert "init-system-helpers" in names(resolve(archive, ask("init-system-helpers")))


def test_the_first_alternative_is_taken_where_nothing_else_decides() -> None:
    archive = index(
        stanza("a", depends="absent | x | y"), stanza("x"), stanza("y"), stanza("b", depends="y"), stanza("c")
    )
    assert names(resolve(archive, ask("a"))) == ["a", "x"]
    assert names(resolve(archive, ask("a", "b"))) == ["a", "b", "y"]
    assert names(resolve(archive, ask("a", prefer={"x": "y"}))) == ["a", "y"]
    assert names(resolve(archive, ask("a", exclude=frozenset({"x"})))) == ["a", "y"]


def test_a_real_package_takes_precedence_over_those_that_provide_its_name() -> None:
    archive = index(stanza("a", depends="tool"), stanza("early", provides="tool", priority="required"), stanza("tool"))
    assert names(resolve(archive, ask("a"))) == ["a", "tool"]
    assert names(resolve(archive, ask("a", prefer={"tool": "early"}))) == ["a", "early"]


def test_of_several_providers_the_priority_decides_and_then_the_name() -> None:
    archive = index(
        stanza("base", pre_depends="awk"),
        stanza("gawk", provides="awk"),
        stanza("original-awk", provides="awk"),
        stanza("mawk", provides="awk", priority="required"),
    )
    assert names(resolve(archive, ask("base", prefer={}))) == ["base", "mawk"]
    assert names(resolve(archive, ask("base", prefer={"awk": "original-awk"}))) == ["base", "original-awk"]
    assert names(resolve(archive, ask("base", exclude=frozenset({"mawk"})))) == ["base", "gawk"]
    assert resolve(archive, ask("base")).edges["base"] == ("mawk",)
    assert names(resolve(archive, ask("awk"))) == ["mawk"]


def test_a_bound_on_a_virtual_package_needs_a_promise_with_a_version() -> None:
    archive = index(
        stanza("a", depends="api (>= 2)"),
        stanza("old", provides="api (= 1)"),
        stanza("vague", provides="api"),
        stanza("right", provides="api (= 2.1)"),
    )
    assert names(resolve(archive, ask("a"))) == ["a", "right"]


def test_shepherd_takes_systemds_place() -> None:
    archive = index(
        stanza("openssh-server", depends="systemd | systemd-standalone-sysusers | systemd-sysusers, libc6"),
        stanza("systemd", depends="much"),
        stanza("systemd-standalone-sysusers", provides="systemd-sysusers"),
        stanza("much"),
        stanza("libc6"),
    )
    assert names(resolve(archive, ask("openssh-server"))) == ["libc6", "openssh-server"]
    assert names(resolve(archive, ask("openssh-server", "systemd"))) == ["libc6", "much", "openssh-server", "systemd"]
    assert names(resolve(archive, ask("openssh-server", provided=frozenset()))) == [
        "libc6",
        "much",
        "openssh-server",
        "systemd",
    ]


def test_what_exclusion_leaves_unmet_is_reported() -> None:
    archive = index(stanza("a", depends="b (>= 1), c"), stanza("b"), stanza("c"))
    found = resolve(archive, ask("a", exclude=frozenset({"b"})))
    assert names(found) == ["a", "c"]
    assert found.unmet == (("a", "b (>= 1)"),)


def test_the_highest_version_that_fits_every_package_is_taken() -> None:
    archive = index(
        stanza("lib", "1.0"),
        stanza("lib", "1.5"),
        stanza("lib", "2.0"),
        stanza("a", depends="lib (>= 1)"),
        stanza("b", depends="lib (<< 2)"),
    )
    assert chosen(resolve(archive, ask("a"))) == ["a 1.0", "lib 2.0"]
    assert chosen(resolve(archive, ask("a", "b"))) == ["a 1.0", "b 1.0", "lib 1.5"]


@pytest.mark.parametrize(
    ("asked", "version"),
    [("nginx", "1.30-1"), ("nginx=1.26*", "1.26-4"), ("nginx=1.26-3", "1.26-3"), ("nginx (<< 1.26-4)", "1.26-3")],
)
def test_a_version_that_is_asked_for_is_taken_with_what_belongs_to_it(asked: str, version: str) -> None:
    versions = ("1.26-3", "1.26-4", "1.30-1")
    archive = index(
        *(stanza("nginx", one, depends=f"nginx-common (= {one})") for one in versions),
        *(stanza("nginx-common", one) for one in versions),
    )
    assert chosen(resolve(archive, ask(asked))) == [f"nginx {version}", f"nginx-common {version}"]


def test_packages_that_exclude_each_other_are_not_taken_together() -> None:
    archive = index(
        stanza("a", depends="x | y"),
        stanza("b", breaks="x (<< 2)"),
        stanza("x"),
        stanza("y"),
        stanza("mta1", provides="mta", conflicts="mta"),
        stanza("mta2", provides="mta", conflicts="mta"),
    )
    assert names(resolve(archive, ask("a", "b"))) == ["a", "b", "y"]
    assert names(resolve(archive, ask("mta1"))) == ["mta1"]
    assert len(faults(archive, ask("mta1", "mta2"))) == 1


def test_a_dead_end_leads_back_to_the_choice_that_made_it() -> None:
    # b 2 is better than b 1, but then only d 2 is left, and that one leads nowhere.
    archive = index(
        stanza("b", "1"),
        stanza("b", "2"),
        stanza("c", "1"),
        stanza("c", "2"),
        stanza("d", "1", conflicts="b (= 2)"),
        stanza("d", "2", depends="nowhere"),
    )
    assert chosen(resolve(archive, ask("b", "c", "d"))) == ["b 1", "c 2", "d 1"]


def test_an_edge_leads_to_the_preferred_of_several_providers() -> None:
    archive = index(stanza("a", depends="awk"), stanza("gawk", provides="awk"), stanza("mawk", provides="awk"))
    assert resolve(archive, ask("a", "gawk", "mawk")).edges["a"] == ("mawk",)
    assert resolve(archive, ask("a", "gawk", "mawk", prefer={})).edges["a"] == ("gawk",)


def test_of_several_providers_that_are_there_the_first_by_name_meets_a_need() -> None:
    archive = index(
        stanza("a", depends="awk"),
        stanza("gawk", provides="awk"),
        stanza("aawk", provides="awk"),
        stanza("z", depends="aawk"),
    )
    assert resolve(archive, ask("a", "gawk", "z", prefer={})).edges["a"] == ("aawk",)


def test_an_architecture_that_is_named_has_to_be_ours() -> None:
    archive = index(
        stanza("a", depends="py:any, tool:native"), stanza("py"), stanza("tool"), stanza("b", depends="py:arm64")
    )
    assert names(resolve(archive, ask("a"))) == ["a", "py", "tool"]
    assert faults(archive, ask("b"))


def test_a_package_for_all_architectures_counts_for_each() -> None:
    archive = index(
        stanza("a", depends="data:amd64"),
        stanza("data", architecture="all", conflicts="old:amd64"),
        stanza("old", architecture="all"),
        stanza("b", depends="data:arm64"),
    )
    assert names(resolve(archive, ask("a"))) == ["a", "data"]
    assert faults(archive, ask("a", "old"))
    assert faults(archive, ask("b")), "one for all is not one of another architecture"


def test_every_failure_is_explained_at_once() -> None:
    archive = index(
        stanza("nginx", "1.26", depends="libssl3t64 (>= 3.5), libmissing, deep"),
        stanza("libssl3t64", "3.4.1-1"),
        stanza("deep", depends="api (>= 3) | other (>= 9)"),
        stanza("impl", "7", provides="api (= 2)"),
        stanza("other", "8"),
    )
    assert faults(archive, ask("nginx", "ngnix", "other (>= 8.1)", "impl=6*")) == [
        "impl=6*: the archive has 7",
        "ngnix: the archive has no such package (did you mean 'nginx'?)",
        "other (>= 8.1): the archive has 8",
        "deep: needs api (>= 3) | other (>= 9), api: the archive has impl provides 2; other: the archive has 8"
        " (deep is there for nginx)",
        "nginx: needs libmissing, the archive has no such package",
        "nginx: needs libssl3t64 (>= 3.5), the archive has 3.4.1-1",
    ]


def test_a_conflict_is_explained_by_both_sides() -> None:
    archive = index(stanza("nginx"), stanza("bash", breaks="nginx"))
    assert faults(archive, ask("nginx", "bash")) == ["nginx: nginx 1.0 cannot be together with bash 1.0"]


def test_a_version_that_is_not_there_is_named_once_and_not_for_every_package_that_needs_it() -> None:
    archive = index(
        stanza("lib", "2", provides="abi (= 2)"), stanza("a", depends="lib (>= 2)"), stanza("b", depends="abi (= 2)")
    )
    assert faults(archive, ask("a", "b", "lib (<< 2)")) == ["lib (<< 2): the archive has 2"]


def test_requests_that_cannot_be_read_are_named_together() -> None:
    with pytest.raises(SpecError) as caught:
        resolve(index(stanza("a")), ask("a b", "Nginx =1", "a"))
    assert [issue.where for issue in caught.value.issues] == ["Nginx =1", "a b"]
    assert str(PackagePin.parse("nginx=1.26*")) == "nginx=1.26*"


def test_a_suite_that_is_merged_in_changes_nothing_by_its_place() -> None:
    main = PackageList.parse([stanza("a", depends="lib"), stanza("lib", "1")], "trixie")
    security = PackageList.parse([stanza("lib", "1+deb13u1")], "trixie-security")
    for lists in ((main, security), (security, main)):
        found = resolve(PackageIndex("amd64", lists), ask("a"))
        assert [(package.version, package.suite) for package in found.packages][1] == ("1+deb13u1", "trixie-security")


# A small world of packages: every dependency is over the same few names, so that most worlds have conflicts, choices
# and dead ends.
WORDS = ["a1", "b1", "c1", "d1", "v1"]
relation = st.sampled_from(WORDS).flatmap(
    lambda name: st.sampled_from([name, name, f"{name} (= 1)", f"{name} (= 2)", f"{name} (>= 2)"])
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "depends": st.lists(st.lists(relation, min_size=1, max_size=2).map(" | ".join), max_size=2).map(", ".join),
        "conflicts": relation,
        "breaks": relation,
        "provides": st.sampled_from(["v1", "v1 (= 1)", "v1 (= 2)", "a1"]),
    },
)
worlds = st.dictionaries(st.tuples(st.sampled_from(WORDS[:4]), st.sampled_from("12")), fields, min_size=2, max_size=7)


def is_sound(packages: Iterable[Package], roots: Iterable[str]) -> bool:
    system = tuple(packages)
    if len({package.name for package in system}) != len(system):
        return False
    for package in system:
        for dependency in package.depends:
            if not any(other.satisfies(target) for target in dependency.alternatives for other in system):
                return False
        for target in (*package.conflicts, *package.breaks):
            if any(other.satisfies(target) for other in system if other is not package):
                return False
    return all(
        any(package.satisfies(target) for package in system)
        for root in roots
        for target in [PackagePin.parse(root).target]
    )


@settings(max_examples=80, deadline=None)
@given(worlds, st.sets(st.sampled_from(WORDS), min_size=1, max_size=2), st.randoms(use_true_random=False))
def test_a_system_is_found_exactly_where_there_is_one(
    world: dict[tuple[str, str], dict[str, str]], roots: set[str], random: object
) -> None:
    paragraphs = [stanza(name, version, **values) for (name, version), values in world.items()]
    archive = index(*paragraphs)
    everything = [package for name in WORDS for package in archive.versions(name)]
    possible = any(
        is_sound(system, roots)
        for size in range(1, len(everything) + 1)
        for system in itertools.combinations(everything, size)
    )
    request = ask(*roots, prefer={}, provided=frozenset())
    if not possible:
        assert faults(archive, request)
        return
    found = resolve(archive, request)
    assert is_sound(found.packages, roots)
    random.shuffle(paragraphs)  # type: ignore[attr-defined]
    again = resolve(index(*paragraphs), ask(*sorted(roots, reverse=True), prefer={}, provided=frozenset()))
    assert again == found
