"""What a spec says and shows decides how slim its system is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.archive.index import index_of
from sysimage_bootstrap.debian.slim import CHARACTER_SETS, GUILE, SLIM_PARTS, Slim
from sysimage_bootstrap.packages.choose import package_request
from sysimage_bootstrap.packages.default_packages import base_packages
from sysimage_bootstrap.packages.package_request import OWN
from sysimage_bootstrap.packages.resolve import Resolution
from sysimage_bootstrap.packages.slim import slim_of
from tests.bootstrap.archive.fake_archive import stanza

EDGES = {"nginx": ("libssl",), "libssl": ("libc6",), "libc6": (), "bash": ("libtinfo6",), "libtinfo6": ("libc6",)}


def slim(tmp_path: Path, roots: tuple[str, ...] = ("bash",), **parts: Any) -> Slim | None:
    spec = SystemSpec.model_validate({"name": "x", "packages": [], **parts})
    return slim_of(spec, tmp_path, Resolution((), EDGES, roots), ["ice-9/match"])


def sure(found: Slim | None) -> Slim:
    assert found is not None
    return found


def test_a_whole_system_leaves_nothing_out(tmp_path: Path) -> None:
    assert slim(tmp_path, slim=False) is None
    assert sure(slim(tmp_path)) == Slim(modules=frozenset({"ice-9/match"}), spared=frozenset({"perl-base"}))


def test_what_was_asked_for_is_what_the_spec_names_and_all_that_needs(tmp_path: Path) -> None:
    nginx = sure(slim(tmp_path, ("bash", "nginx"), packages=["nginx=1.26-1"]))
    assert nginx.named == {"nginx"}
    assert nginx.asked == {"nginx", "libssl", "libc6"}
    bash = sure(slim(tmp_path, packages=["bash"]))
    assert bash.asked == {"bash", "libtinfo6", "libc6"}, "named, although every system has it"
    virtual = sure(slim(tmp_path, ("bash", "nginx"), packages=["httpd"]))
    assert virtual.asked == nginx.asked, "another package provides the name"
    assert virtual.named == {"nginx"}


def test_packages_of_the_users_own_are_asked_for_like_those_that_are_named(tmp_path: Path) -> None:
    own, other = (
        index_of(stanza(name), "amd64", suite).versions(name)[0] for name, suite in (("nginx", OWN), ("bash", "trixie"))
    )
    spec = SystemSpec.model_validate({"name": "x", "packages": []})
    found = sure(slim_of(spec, tmp_path, Resolution((other, own), EDGES, ("bash",)), []))
    assert found.named == {"nginx"}
    assert found.asked == {"nginx", "libssl", "libc6"}


def test_translations_are_those_of_every_locale_that_the_spec_mentions(tmp_path: Path) -> None:
    found = sure(
        slim(
            tmp_path,
            locale="de_AT.UTF-8",
            translations=["eo"],
            environment={"LANGUAGE": "fr:pt_BR", "LC_TIME": "it_IT.UTF-8"},
            services={"a": {"command": ["a"], "environment": {"LC_ALL": "sr_RS.UTF-8@latin"}}},
        )
    )
    assert found.languages == {"de_AT", "eo", "fr", "pt_BR", "sr_RS@latin"}


@pytest.mark.parametrize(
    ("parts", "used"),
    [
        ({}, set()),
        ({"services": {"a": {"command": ["sh", "-c", "iconv -f KOI8-R /x"]}}}, {CHARACTER_SETS}),
        ({"files": {"/x.scm": {"text": "#!/usr/bin/guile -s\n!#\n"}}}, {GUILE}),
        ({"files": {"/x": {"source": "program"}}}, {CHARACTER_SETS, GUILE}),
        ({"files": {"/x": {"source": "absent"}}}, set()),
        ({"locale": "de_DE.UTF-8"}, set()),
        ({"locale": "ca_ES.UTF-8@valencia"}, set()),
        ({"locale": "ru_RU.KOI8-R"}, {CHARACTER_SETS}),
        ({"locale": "de_DE"}, {CHARACTER_SETS}),
        ({"environment": {"LC_CTYPE": "ja_JP.eucJP"}}, {CHARACTER_SETS}),
        ({"environment": {"LANGUAGE": "de"}}, set()),
        ({"from-image": "base.tar"}, set(SLIM_PARTS)),
    ],
)
def test_a_part_is_used_where_the_spec_or_a_file_of_it_shows_it(
    tmp_path: Path, parts: dict[str, Any], used: set[str]
) -> None:
    (tmp_path / "program").write_bytes(b"\x7fELF\0iconv_open\0libguile-3.0.so.1\0")
    assert sure(slim(tmp_path, **parts)).used == used


def test_perl_is_spared_unless_it_is_there_or_was_excluded_or_nothing_essential_is_wanted(tmp_path: Path) -> None:
    assert sure(slim(tmp_path, exclude=["perl-base"])).spared == set()
    assert sure(slim(tmp_path, essential=False, command=["/x"])).spared == set()


def request_of(**parts: Any) -> tuple[set[str], bool, set[str]]:
    request = package_request(SystemSpec.model_validate({"name": "x", "packages": [], **parts}), Path(), Path())
    return set(request.packages), request.essential, set(request.on_demand)


def test_a_plain_program_has_what_it_names_and_almost_nothing_beside() -> None:
    plain: dict[str, Any] = {"packages": ["hello"], "command": ["hello"], "essential": False}
    assert request_of(**plain) == ({"hello", "base-files", "base-passwd"}, False, {"perl-base"})
    assert "tzdata" in request_of(**plain, **{"time-zone": "Europe/Berlin"})[0]
    assert "locales-all" in request_of(**plain, locale="de_DE.UTF-8")[0]


def test_the_essential_packages_have_perl_where_it_is_asked_for_or_nothing_is_to_be_spared() -> None:
    packages, essential, on_demand = request_of()
    assert ("bash" in packages, "perl-base" in packages, essential, on_demand) == (True, False, True, {"perl-base"})
    assert "perl-base" in request_of(packages=["perl-base"])[0]
    whole, _, on_demand = request_of(slim=False)
    assert ("perl-base" in whole, on_demand) == (True, set())
    assert set(base_packages(SystemSpec(name="x", packages=()))) < set(whole)
