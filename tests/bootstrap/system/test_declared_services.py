"""What the spec says of a service, alone and beside the unit of a package, as data for the Shepherd's programs."""

from __future__ import annotations

from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.system.scheme import Symbol
from sysimage_bootstrap.system.services import shepherd_configuration
from tests.bootstrap.system.test_services import ACCOUNTS, PROGRAMS, SHELL, configuration, declarations, spec, unit

PLAIN: dict[str, Any] = {
    "start": (((), "/bin/x"),),
    "kind": (Symbol("daemon"),),
    "description": ("Runs /bin/x.",),
    "requires": (),
    "environment": (),
    "directory": ("/",),
    "log": ("console",),
    "respawn": (True,),
    "stop-signal": (15,),
    "stop-timeout": (5.0,),
    "auto-start": (True,),
}
OF_APP = {"user": ("app",), "group": ("app",), "supplementary-groups": ("shadow", "utmp")}
VARIABLES = ("HOME=/srv/app", "LOGNAME=app", "USER=app")


def symbols(*names: str) -> tuple[Symbol, ...]:
    return tuple(map(Symbol, names))


@pytest.mark.parametrize(
    ("said", "data"),
    [
        ({}, {}),
        ({"one-shot": True}, {"kind": symbols("one-shot")}),
        ({"description": "Says so"}, {"description": ("Says so",)}),
        ({"command": ["a\x1b"]}, {"start": (((), "/usr/local/sbin/a\x1b"),), "description": ("Runs a\\u001b.",)}),
        ({"user": "app"}, {**OF_APP, "environment": VARIABLES}),
        ({"user": "app", "group": "utmp"}, {**OF_APP, "group": ("utmp",), "environment": VARIABLES}),
        ({"group": "utmp"}, {"group": ("utmp",)}),
        ({"environment": {"B": "2", "A": "1"}}, {"environment": ("A=1", "B=2")}),
        ({"working-directory": "/srv", "log": "none"}, {"directory": ("/srv",), "log": ("none",)}),
        ({"ready": {"tcp": 80, "timeout": 3}}, {"ready": (*symbols("tcp"), "127.0.0.1", 80, 3.0)}),
        ({"ready": {"file": "/run/x", "timeout": 3}}, {"ready": (*symbols("file"), "/run/x", 3.0)}),
        (
            {"ready": {"command": ["p", "-x"], "timeout": 3}},
            {"ready": (*symbols("command"), 3.0, "/usr/local/sbin/p", "-x")},
        ),
        ({"respawn": False, "auto-start": False}, {"respawn": (False,), "auto-start": (False,)}),
        ({"stop-signal": "SIGQUIT", "stop-timeout": 2}, {"stop-signal": (3,), "stop-timeout": (2.0,)}),
        (
            {"timer": {"hours": [5, 3], "days-of-week": [0]}},
            {"kind": symbols("timer"), "timer": ((Symbol("hours"), 3, 5), (Symbol("days-of-week"), 0))},
        ),
    ],
)
def test_a_service_is_the_plain_one_except_for_what_it_says(said: dict[str, Any], data: dict[str, Any]) -> None:
    assert declarations(configuration(spec(s={"command": ["/bin/x"], **said})))["s"] == {**PLAIN, **data}


def test_services_are_listed_by_name_and_their_fields_in_one_order() -> None:
    text = configuration(spec(b={"command": ["/bin/x"], "requires": ["a"], "user": "app"}, a={"command": ["/bin/x"]}))
    found = declarations(text)
    assert list(found) == ["a", "b"]
    assert list(found["b"]) == [
        *("start", "kind", "description", "requires", "user", "group", "supplementary-groups", "environment"),
        *("directory", "log", "respawn", "stop-signal", "stop-timeout", "auto-start"),
    ]
    assert found["b"]["requires"] == symbols("a")
    silent = shepherd_configuration(spec(), ACCOUNTS, lambda path: True, SHELL, PROGRAMS, serves_log=False)
    assert f'(run-system "{SHELL}" #f\n' in silent
    assert f'(load-compiled "{PROGRAMS}/runtime.go")' in silent


UNIT = """[Unit]
Requires=other.service
[Service]
Type=notify
Restart=always
ExecStart=/bin/x
Environment=A=1 B=2
StandardOutput=null
PIDFile=/run/x.pid
"""


def changed(said: dict[str, Any], text: str = UNIT) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that a service beside a unit adds or changes, and those that it takes away."""
    wanted = SystemSpec.model_validate({"name": "x", "packages": [], "enable": ["s"], "services": {"s": said}})
    plain = text.replace("[Unit]\nRequires=other.service\n", "")
    before = declarations(configuration(spec(), unit(plain)))["s"]
    after = declarations(configuration(wanted, unit(plain)))["s"]
    new = {name: value for name, value in after.items() if before.get(name) != value}
    return new, {name: value for name, value in before.items() if name not in after}


@pytest.mark.parametrize(
    ("said", "new", "gone"),
    [
        ({}, {}, set()),
        ({"description": "Mine"}, {"description": ("Mine",)}, set()),
        ({"log": "console"}, {"log": ("console",)}, set()),
        ({"environment": {"B": "3", "C": "4"}}, {"environment": ("A=1", "B=3", "C=4")}, set()),
        ({"respawn": False}, {"respawn": (False,), "restart": symbols("no")}, set()),
        ({"one-shot": True}, {"kind": symbols("one-shot")}, set()),
        ({"stop-signal": "SIGQUIT"}, {"stop-signal": (3,)}, set()),
        ({"auto-start": False}, {"auto-start": (False,)}, set()),
        ({"working-directory": "/srv"}, {"directory": ("/srv",)}, set()),
        ({"ready": {"file": "/x", "timeout": 1}}, {"ready": (*symbols("file"), "/x", 1.0)}, set()),
        ({"command": ["/bin/y"]}, {"start": (((), "/bin/y"),)}, {"notify", "pid-file"}),
        (
            {"user": "app"},
            {**OF_APP, "environment": ("A=1", "B=2", *VARIABLES)},
            set(),
        ),
        ({"timer": {"minutes": [5]}}, {"kind": symbols("timer"), "timer": ((Symbol("minutes"), 5),)}, set()),
    ],
)
def test_a_service_beside_a_unit_changes_what_it_says_and_no_more(
    said: dict[str, Any], new: dict[str, Any], gone: set[str]
) -> None:
    found, taken = changed(said)
    assert (found, set(taken)) == (new, gone)


@pytest.mark.parametrize(
    ("text", "said", "is_named"),
    [
        ("ExecStart=/bin/missing", {}, True),
        ("ExecStart=-/bin/missing", {}, False),
        ("ExecStart=/bin/missing", {"command": ["/bin/y"]}, False),
        ("ExecStart=/bin/missing", {"log": "none"}, True),
        ("ExecStart=/bin/x", {}, False),
        ("Type=oneshot\nExecStop=/bin/missing", {}, False),
    ],
)
def test_only_a_program_that_has_to_run_has_to_be_there(text: str, said: dict[str, Any], is_named: bool) -> None:
    services = {"s": said} if said else {}
    wanted = SystemSpec.model_validate({"name": "x", "packages": [], "enable": ["s"], "services": services})
    enabled = unit(f"[Service]\n{text}\n")
    if not is_named:
        assert "s" in declarations(configuration(wanted, enabled))
        return
    with pytest.raises(SpecError) as caught:
        configuration(wanted, enabled)
    assert str(caught.value).startswith("cannot make services of the declarations")
    assert [str(issue) for issue in caught.value.issues] == [
        "/units/s: no package of the image has the program /bin/missing"
    ]
