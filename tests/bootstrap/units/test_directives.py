"""How directives are treated: done, replaced by the container, or named as not done."""

from __future__ import annotations

import pytest

from sysimage_bootstrap.units.directives import IgnoredDirective, Outcome, not_done, outcome

UNKNOWN = "is not a key of the section {} that is known here"


@pytest.mark.parametrize(
    ("section", "key", "result", "meaning"),
    [
        ("Service", "ExecStart", Outcome.DONE, ""),
        ("Service", "SyslogIdentifier", Outcome.DONE, ""),
        ("X-Vendor", "Anything", Outcome.DONE, ""),
        ("Service", "X-Anything", Outcome.DONE, ""),
        ("Service", "ProtectSystem", Outcome.CONTAINED, "the container isolates the service, nothing inside it does"),
        (
            *("Service", "MemoryMax", Outcome.CONTAINED),
            "the engine limits what a container uses, as with --memory, --cpus and --pids-limit",
        ),
        ("Service", "PAMName", Outcome.UNDONE, "no PAM session is opened"),
        ("Service", "ExecStartX", Outcome.UNDONE, UNKNOWN.format("Service")),
        ("Unit", "ExecStart", Outcome.UNDONE, UNKNOWN.format("Unit")),
        ("Vendor", "Anything", Outcome.UNDONE, UNKNOWN.format("Vendor")),
    ],
)
def test_a_directive_is_done_contained_or_undone(section: str, key: str, result: Outcome, meaning: str) -> None:
    assert outcome(section, key) == (result, meaning)


def test_what_is_not_done_is_listed_once_by_name() -> None:
    keys = [("Service", key) for key in ("Zeta", "PAMName", "ExecStart", "Beta", "ProtectHome", "Alpha", "PAMName")]
    unknown = UNKNOWN.format("Service")
    assert not_done(keys, Outcome.UNDONE) == (
        IgnoredDirective("Alpha", unknown),
        IgnoredDirective("Beta", unknown),
        IgnoredDirective("PAMName", "no PAM session is opened"),
        IgnoredDirective("Zeta", unknown),
    )
    assert [one.directive for one in not_done(keys, Outcome.CONTAINED)] == ["ProtectHome"]
