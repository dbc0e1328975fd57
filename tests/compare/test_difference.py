"""How two holdings differ, value by value, and that each change goes the other way when they change places."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.compare.compared_contents import HeldFile, HeldLayer, HeldPackage, Holding, named_packages
from sysimage.compare.difference import FileChange, LayerChange, PackageChange, SettingChange, compare

FILE = HeldFile("file", 0o644, 0, 0, 10, "aa", "web")
LINK = HeldFile("symlink", 0o777, 0, 0, 0, "../a", "")


def held(name: str, version: str) -> HeldPackage:
    return HeldPackage(name, version, "amd64", f"{name}-source", version)


def holding(name: str = "a", **more: object) -> Holding:
    values: dict[str, object] = {"kind": "image", "packages": {}, **more}
    return Holding(name, **values)  # type: ignore[arg-type] # the names above are its fields


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (FILE, replace(FILE, content="bb"), "content"),
        (FILE, replace(FILE, size=11, owner="other"), None),
        (FILE, replace(FILE, mode=0o4755), "mode 0644 -> 4755"),
        (FILE, replace(FILE, uid=7), "owner 0:0 -> 7:0"),
        (FILE, replace(FILE, gid=7), "owner 0:0 -> 0:7"),
        (FILE, replace(FILE, content="bb", mode=0o600, uid=1, gid=2), "content, mode 0644 -> 0600, owner 0:0 -> 1:2"),
        (FILE, replace(FILE, kind="directory", mode=0o755, content=""), "file -> directory"),
        (FILE, LINK, "file -> symlink"),
        (LINK, replace(LINK, content="../b"), "../a -> ../b"),
        (LINK, replace(LINK, mode=0o644), None),
        (LINK, replace(LINK, mode=0o644, uid=3), "owner 0:0 -> 3:0"),
    ],
)
def test_a_file_has_everything_that_is_different_of_it(old: HeldFile, new: HeldFile, what: str | None) -> None:
    found = compare(holding(files={"/x": old}), holding(files={"/x": new})).files
    assert found == (() if what is None else (FileChange("/x", "changed", what, new.owner),))


def test_files_come_and_go_sorted_by_owner_and_path() -> None:
    old = {"/z": FILE, "/b": replace(FILE, owner=""), "/same": FILE}
    new = {"/a": FILE, "/c": replace(FILE, owner="a"), "/same": FILE}
    assert compare(holding(files=old), holding(files=new)).files == (
        FileChange("/b", "removed", "", ""),
        FileChange("/c", "added", "", "a"),
        FileChange("/a", "added", "", "web"),
        FileChange("/z", "removed", "", "web"),
    )
    for one, other in ((None, new), (old, None), (None, None)):
        assert compare(holding(files=one), holding(files=other)).files is None


def test_packages_go_up_and_down_as_debian_orders_versions() -> None:
    old = {one.name: one for one in (held("a", "1.9"), held("b", "2"), held("c", "1"), held("d", "1"), held("g", "1"))}
    new = {
        one.name: one for one in (held("a", "1.10"), held("b", "2~rc"), held("c", "1"), held("d", ":"), held("n", "3"))
    }
    assert compare(holding(packages=dict(reversed(old.items()))), holding(packages=new)).packages == (
        PackageChange("a", "up", "1.9", "1.10", "a-source"),
        PackageChange("b", "down", "2", "2~rc", "b-source"),
        PackageChange("d", "changed", "1", ":", "d-source"),
        PackageChange("g", "removed", "1", None, "g-source"),
        PackageChange("n", "added", None, "3", "n-source"),
    )
    same_order = compare(holding(packages={"a": held("a", "1.0")}), holding(packages={"a": held("a", "1.00")})).packages
    assert [one.change for one in same_order] == ["down"]


def test_numbers_of_faults_are_those_of_their_packages() -> None:
    old, new = ({name: held(name, version) for name in "ab"} for version in ("1", "2"))
    found = compare(holding(packages=old), holding(packages=new))
    fixed = found.with_fixes({"a": ("CVE-2026-1234",)})
    assert [(one.name, one.fixes) for one in fixed.packages] == [("a", ("CVE-2026-1234",)), ("b", None)]
    assert replace(fixed, packages=found.packages) == found


def test_settings_are_compared_where_both_sides_have_them_and_are_of_one_kind() -> None:
    old, new = {"same": "1", "user": "a", "gone": "x"}, {"same": "1", "user": "b", "come": "y"}
    assert compare(holding(configuration=old), holding(configuration=new)).configuration == (
        SettingChange("come", None, "y"),
        SettingChange("gone", "x", None),
        SettingChange("user", "a", "b"),
    )
    for one, other in (
        (holding(configuration=None), holding(configuration=new)),
        (holding(configuration=old), holding(configuration=None)),
        (holding(configuration=old), holding(configuration=new, kind="spec")),
    ):
        assert compare(one, other).configuration is None


A, B, C = HeldLayer("a", 1, "first"), HeldLayer("b", 10, "second"), HeldLayer("c", 100, "third")


def test_a_client_pulls_the_layers_that_it_does_not_have_each_once() -> None:
    found = compare(holding(layers=(A,)), holding(layers=(A, C, B, C, A)))
    assert found.layers == LayerChange(kept=2, total=5, pulled=(C, B, C), pulled_size=110, total_size=111)
    assert compare(holding(layers=(A, B)), holding(layers=(B,))).layers == LayerChange(1, 1, (), 0, 10)
    for one, other in ((None, (A,)), ((A,), None)):
        assert compare(holding(layers=one), holding(layers=other)).layers is None


def test_nothing_differs_where_no_side_says_anything_else() -> None:
    whole = holding(packages={"a": held("a", "1")}, configuration={"user": "a"}, files={"/x": FILE}, layers=(A, B))
    found = compare(whole, replace(whole, name="b", layers=(A,)))
    assert (found.old, found.new, found.is_empty) == ("a", "b", True)
    for other in (
        replace(whole, packages={}),
        replace(whole, configuration={}),
        replace(whole, files={}),
        replace(whole, layers=(A, C)),
    ):
        assert not compare(whole, other).is_empty
    assert compare(holding(), holding()).is_empty


VERSIONS = st.sampled_from(["1", "1.0", "2", "1:1", "2~rc1", "10"])
PACKAGES = st.dictionaries(st.sampled_from("abcd"), VERSIONS)
BACK = {"added": "removed", "removed": "added", "up": "down", "down": "up", "changed": "changed"}


@given(PACKAGES, PACKAGES)
def test_a_change_goes_the_other_way_when_the_sides_change_places(old: dict[str, str], new: dict[str, str]) -> None:
    sides = [holding(packages={name: held(name, text) for name, text in side.items()}) for side in (old, new)]
    there, back = compare(sides[0], sides[1]).packages, compare(sides[1], sides[0]).packages
    assert [(one.name, BACK[one.change], one.new, one.old) for one in there] == [
        (one.name, one.change, one.old, one.new) for one in back
    ]


def test_a_package_in_a_spec_is_named_without_its_version_or_archive() -> None:
    texts = ["nginx", "curl=1.26*", "git (>= 2)", "tool@vendor", "x (<< 1)=2", "a b c"]
    assert named_packages(texts) == {"nginx", "curl", "git", "tool", "x", "a"}
