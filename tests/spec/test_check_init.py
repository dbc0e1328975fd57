"""What an init cannot do is reported when the spec is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.spec import parse_spec

WEB = {"name": "web", "packages": ["nginx"], "init": "systemd"}


def faults(**parts: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse_spec(json.dumps({**WEB, **parts}))
    return [f"{issue.where}: {issue.message}" for issue in caught.value.issues]


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        ({"command": ["bash"]}, '/init: has no effect with "command", which replaces the init'),
        ({"entry-point": ["bash"], "init": "shepherd"}, '/init: has no effect with "entry-point"'),
        ({"init": "runit"}, "/init: must be 'shepherd' or 'systemd'"),
        ({"environment": {"A.B": "c"}}, '/environment/A.B: is not supported with "init": "systemd"'),
        ({"services": {"a": {"command": ["a"], "environment": {"A-B": "c"}}}}, "/services/a/environment/A-B: is not"),
        ({"services": {"a": {"command": ["a"], "log": "/var/log/a\\"}}}, "/services/a/log: is not supported"),
        ({"services": {"a.timer": {"command": ["a"]}}}, "/services/a.timer: is not supported"),
        ({"stop-signal": "SIGTERM"}, "/stop-signal: does not stop systemd"),
    ],
)
def test_a_fault_is_at_its_key(parts: dict[str, Any], fault: str) -> None:
    (found,) = faults(**parts)
    assert found.startswith(fault)


@pytest.mark.parametrize(
    "parts",
    [
        {"services": {"nginx": {"ready": {"tcp": 80}, "requires": ["cron"]}}},
        {"units": {"nginx": {"Service": {"Restart": "always"}}}},
        {"services": {"root": {"command": ["a"], "environment": {"A_1": "b"}}}, "stop-signal": "SIGRTMIN+4"},
    ],
)
def test_what_only_the_packages_know_is_left_to_the_build(parts: dict[str, Any]) -> None:
    assert parse_spec(json.dumps({**WEB, **parts})).has_systemd


def test_the_shepherd_is_the_init_by_default() -> None:
    spec = parse_spec('{"name": "web", "packages": []}')
    assert (spec.has_shepherd, spec.has_systemd) == (True, False)
