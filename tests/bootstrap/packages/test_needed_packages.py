"""What the names of packages decide is reported before one of them is fetched."""

from __future__ import annotations

from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.archive.index import index_of
from sysimage_bootstrap.packages.default_packages import base_packages
from sysimage_bootstrap.packages.needed_packages import require_packages
from sysimage_bootstrap.packages.resolve import Resolution
from tests.bootstrap.archive.fake_archive import stanza


def resolved(spec: SystemSpec) -> Resolution:
    """The packages that are asked for, without what they need."""
    names = sorted({*base_packages(spec), *spec.archive_packages})
    index = index_of("\n".join(map(stanza, names)), "amd64")
    return Resolution(tuple(index.versions(name)[0] for name in names), {}, ())


def spec_of(**parts: Any) -> SystemSpec:
    return SystemSpec.model_validate({"name": "x", "packages": ["hello"]} | parts)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"init": "systemd"},
        {"locale": "de_DE.UTF-8"},
        {"alternatives": {"awk": "mawk"}},
        {"command": ["hello"], "essential": False, "exclude": ["dash", "shepherd"]},
    ],
)
def test_a_system_with_its_packages_is_accepted(parts: dict[str, Any]) -> None:
    spec = spec_of(**parts)
    require_packages(spec, resolved(spec))


@pytest.mark.parametrize(
    ("parts", "faults"),
    [
        ({"exclude": ["jq", "dash"]}, {"/exclude/1: dash is left out: the image cannot boot without it"}),
        ({"exclude": ["base-passwd"]}, {"/exclude/0: base-passwd is left out: the accounts of every image are"}),
        ({"init": "systemd", "exclude": ["systemd"]}, {"/exclude/0: systemd is left out"}),
        ({"locale": "de_DE.UTF-8", "exclude": ["locales-all"]}, {"locales-all is left out: the locale de_DE.UTF-8"}),
        ({"essential": False}, {"/packages: dash is left out", "/packages: coreutils is left out"}),
        (
            {"exclude": ["guile-3.0"], "alternatives": {"awk": "gawk"}},
            {"/exclude/0: guile-3.0 is left out", "/alternatives/awk: gawk is not among the packages of the image"},
        ),
    ],
)
def test_all_that_is_missing_is_named_with_its_place(parts: dict[str, Any], faults: set[str]) -> None:
    spec = spec_of(**parts)
    with pytest.raises(SpecError) as raised:
        require_packages(spec, resolved(spec))
    said = "\n".join(map(str, raised.value.issues))
    assert all(fault in said for fault in faults), said


def test_alternatives_are_named_in_order() -> None:
    spec = spec_of(alternatives={"b": "no-b", "awk": "gawk"})
    with pytest.raises(SpecError) as raised:
        require_packages(spec, resolved(spec))
    assert [issue.where for issue in raised.value.issues] == ["/alternatives/awk", "/alternatives/b"]
    assert str(raised.value).startswith("cannot make the system of its packages: some are not among them")
    assert raised.value.hint == "take them out of exclude, or add them to packages"
