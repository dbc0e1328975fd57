"""A wrong time zone is reported when the spec is read, with the one that was meant."""

from __future__ import annotations

import json
import zoneinfo
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.spec import check_time_zone, parse_spec


def read(zone: str, **keys: Any) -> str:
    return parse_spec(json.dumps({"name": "a", "packages": [], "time-zone": zone, **keys})).time_zone


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("new-york", "America/New_York"),
        ("utc", "UTC"),
        ("UTC+1", "Etc/GMT-1"),  # ahead of Greenwich, as people write it
        ("GMT-05", "Etc/GMT+5"),
        ("US/Estern", "America/New_York"),
        ("Europe/Munich", None),  # and not Zurich, which looks alike
        ("Berln", "Europe/Berlin"),
        ("Erope/Berlin", "Europe/Berlin"),
        ("America/Argentina/Buenos_Airs", "America/Argentina/Buenos_Aires"),
        ("Asia/Tokio", "Asia/Tokyo"),
        ("gmt+1400", "Etc/GMT-14"),
        ("Etc/UTC-2", "Etc/GMT+2"),
        ("Etc/UTC-13", None),
        ("CEST", None),
        ("Rom", None),
        ("Europe/Rom", None),
        ("Europe", None),
        ("UTC+99", None),
    ],
)
def test_a_name_of_no_zone_is_a_fault_with_the_one_that_was_meant(wrong: str, meant: str | None) -> None:
    with pytest.raises(SpecError) as caught:
        read(wrong)
    (issue,) = caught.value.issues
    assert (issue.where, issue.suggestion) == ("/time-zone", meant)
    assert issue.message == f'there is no time zone "{wrong}"'
    assert meant is None or read(meant) == meant, "what is suggested is taken"


@pytest.mark.parametrize("suites", [["trixie", "trixie-updates"], ["sid"]])
def test_an_older_name_is_a_fault_where_its_package_is_not_asked_for(suites: list[str]) -> None:
    sources = {"suites": suites}
    with pytest.raises(SpecError) as caught:
        read("Europe/Kiev", **{"package-sources": sources})
    assert [(issue.where, issue.message, issue.suggestion) for issue in caught.value.issues] == [
        (
            "/time-zone",
            "is an older name, which only the package tzdata-legacy has: say the newer one, or name the package",
            "Europe/Kyiv",
        )
    ]
    assert read("Europe/Kyiv", **{"package-sources": sources}) == "Europe/Kyiv"
    assert read("UTC", **{"package-sources": sources}) == "UTC"
    assert read("Europe/Kiev", packages=["tzdata-legacy"], **{"package-sources": sources}) == "Europe/Kiev"


def test_an_older_name_is_taken_where_the_release_has_it_among_the_others() -> None:
    other = {"file": "vendor.sources"}
    for sources in ({"suites": ["bookworm"]}, {"suites": ["trixie", "bookworm"]}, other):
        assert read("Europe/Kiev", **{"package-sources": sources}) == "Europe/Kiev"
    with pytest.raises(SpecError, match="older name"):
        read("Europe/Kiev", **{"package-sources": [{"suites": ["trixie-security"]}, other]})


def test_a_zone_that_is_newer_than_the_list_is_taken_if_this_machine_knows_it(tmp_path: Path) -> None:
    (tmp_path / "Asia").mkdir()
    (tmp_path / "Asia/Newtown").write_bytes(b"TZif2")
    before = zoneinfo.TZPATH
    try:
        zoneinfo.reset_tzpath([tmp_path])
        assert read("Asia/Newtown") == "Asia/Newtown"
    finally:
        zoneinfo.reset_tzpath(before)
    with pytest.raises(SpecError, match='there is no time zone "Asia/Newtown"'):
        read("Asia/Newtown")


def test_every_older_name_leads_to_one_of_today() -> None:
    lines = [
        line.split() for line in Path(check_time_zone.__file__).with_name("time_zones.txt").read_text().split("\n")
    ]
    today = {words[0] for words in lines if len(words) == 1}
    assert {words[1] for words in lines if len(words) == 2} <= today
    assert {"UTC", "Europe/Berlin", "America/Coyhaique"} <= today
