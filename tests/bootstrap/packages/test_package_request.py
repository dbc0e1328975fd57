"""A request for packages: how each is written, what it accepts, and what of it a lock remembers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.digest import Digest
from sysimage.errors import SpecError
from sysimage_bootstrap.archive.dependencies import DependencyTarget, parse_target
from sysimage_bootstrap.archive.index import index_of
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.packages.package_request import (
    DEFAULT_PROVIDED,
    OwnPackage,
    PackagePin,
    PackageRequest,
    provided_names,
)
from tests.bootstrap.archive.fake_archive import stanza


def package(name: str, version: str, suite: str = "trixie") -> Package:
    return index_of(stanza(name, version), "amd64", suite).versions(name)[0]


@pytest.mark.parametrize(
    ("text", "pin", "exact", "written"),
    [
        ("nginx", PackagePin(DependencyTarget("nginx")), False, "nginx"),
        (" nginx=1.26* ", PackagePin(DependencyTarget("nginx"), "1.26*"), True, "nginx=1.26*"),
        ("nginx (>= 1)", PackagePin(parse_target("nginx (>= 1)")), False, "nginx (>= 1)"),
        ("nginx@shop", PackagePin(DependencyTarget("nginx"), None, "shop"), True, "nginx@shop"),
        ("nginx=1:2@shop", PackagePin(DependencyTarget("nginx"), "1:2", "shop"), True, "nginx=1:2@shop"),
        ("nginx@", PackagePin(DependencyTarget("nginx")), False, "nginx"),
    ],
)
def test_a_package_is_asked_for_in_several_ways(text: str, pin: PackagePin, exact: bool, written: str) -> None:
    found = PackagePin.parse(text)
    assert (found, found.is_exact, str(found)) == (pin, exact, written)


@pytest.mark.parametrize(
    ("text", "accepted", "refused"),
    [
        ("nginx", [("nginx", "1"), ("other", "1")], []),
        ("nginx=1.2*", [("nginx", "1.2"), ("nginx", "1.20")], [("nginx", "1.1"), ("other", "1.2")]),
        ("nginx=1.2", [("nginx", "1.2")], [("nginx", "1.20")]),
        ("nginx (>= 2)", [("nginx", "2"), ("other", "1")], [("nginx", "1")]),
    ],
)
def test_a_version_is_accepted_where_it_was_asked_for(
    text: str, accepted: list[tuple[str, str]], refused: list[tuple[str, str]]
) -> None:
    pin = PackagePin.parse(text)
    assert [pin.accepts(package(*one)) for one in (*accepted, *refused)] == [True] * len(accepted) + [False] * len(
        refused
    )


def test_a_pin_to_an_archive_accepts_its_packages_alone() -> None:
    pin = PackagePin.parse("nginx=1*@shop")
    suites = ("shop/stable", "shop/./", "trixie", "shopping/stable")
    assert [pin.accepts(package("nginx", "1.0", suite)) for suite in suites] == [True, True, False, False]
    assert not pin.accepts(package("nginx", "2.0", "shop/stable"))


def test_what_is_asked_for_is_read_once_and_in_order_or_refused_together() -> None:
    request = PackageRequest("amd64", ("b", "a=1", "b", "a"))
    assert [str(pin) for pin in request.pins()] == ["a", "a=1", "b"]
    with pytest.raises(SpecError) as caught:
        PackageRequest("amd64", ("b c", "a", "=1")).pins()
    assert str(caught.value).startswith("cannot read the packages that are asked for")
    assert [issue.where for issue in caught.value.issues] == ["=1", "b c"]
    assert caught.value.hint == "write a name, name=version, or name (>= version)"


def test_a_request_is_remembered_whole_and_the_same_in_any_order() -> None:
    own = OwnPackage(package("shop", "1"), "Package: shop\n", Path("shop.deb"))
    request = PackageRequest(
        "arm64",
        ("nginx", "bash", "nginx", "jq", "zsh", "awk"),
        suites=("sid", "extra"),
        components=("main", "contrib"),
        prefer={"b": "c", "a": "d"},
        exclude=frozenset({"y", "x", "a", "b"}),
        provided=frozenset({"q", "p", "a", "b"}),
        essential=False,
        on_demand=frozenset({"perl-base", "a", "b", "c"}),
        keys={"shop": Digest.of(b"key")},
        own=(own,),
    )
    assert list(request.document().items()) == [
        ("architecture", "arm64"),
        ("components", ["main", "contrib"]),
        ("essential", False),
        ("exclude", ["a", "b", "x", "y"]),
        ("on_demand", ["a", "b", "c", "perl-base"]),
        ("packages", ["awk", "bash", "jq", "nginx", "zsh"]),
        ("prefer", {"a": "d", "b": "c"}),
        ("provided", ["a", "b", "p", "q"]),
        ("suites", ["sid", "extra"]),
        ("keys", {"shop": str(Digest.of(b"key"))}),
        ("own", {"shop": str(own.package.digest)}),
    ]
    assert json.dumps(request.document()["prefer"]) == '{"a": "d", "b": "c"}'
    assert request.digest == replace(request, packages=("bash", "nginx", "awk", "jq", "zsh")).digest
    assert request.digest != replace(request, packages=("bash",)).digest
    plain = PackageRequest("amd64", ())
    assert not {"keys", "own"} & plain.document().keys()
    assert (plain.essential, plain.prefer, plain.suites) == (
        *(True, {"awk": "mawk"}, ("trixie", "trixie-updates", "trixie-security")),
    )


def test_systemd_is_a_package_where_it_is_the_init_and_provided_elsewhere() -> None:
    assert provided_names(systemd=False) == DEFAULT_PROVIDED
    of_systemd = {"systemd", "systemd-sysv", "systemd-sysusers", "systemd-tmpfiles"}
    assert of_systemd < DEFAULT_PROVIDED
    assert provided_names(systemd=True) == DEFAULT_PROVIDED - of_systemd
