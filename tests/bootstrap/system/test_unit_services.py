"""What a unit says, as the data that the Shepherd's programs take: each field, and what is not there."""

from __future__ import annotations

from typing import Any

import pytest

from sysimage.rootfs.accounts import WantedUser, parse_accounts
from sysimage.rootfs.add_accounts import add_accounts
from sysimage_bootstrap.system.scheme import Symbol
from sysimage_bootstrap.system.unit_services import calendar_fields, owner_in, unit_fields, with_found_programs
from sysimage_bootstrap.units.calendar import Moments
from sysimage_bootstrap.units.enable import enable
from sysimage_bootstrap.units.service_unit import ServiceUnit
from sysimage_bootstrap.units.specifiers import Owner
from sysimage_bootstrap.units.unit_files import UnitFiles
from tests.bootstrap.system.packages import GROUP, PASSWD

ACCOUNTS = add_accounts(
    parse_accounts(PASSWD, GROUP), [WantedUser("app", uid=1000, groups=("utmp", "shadow"), home="/srv/app")], []
)
VARIABLES = Symbol("variables")
YEAR = 31_536_000.0


def unit(text: str, name: str = "s.service", **more: str) -> ServiceUnit:
    files = UnitFiles({name: text, **{f"{other}.service": one for other, one in more.items()}})
    found = enable([name], files, lambda user, group: Owner(user or "root", group=group or "root"), {})
    assert found.issues == []
    return found.services[name.removesuffix(".service")]


def fields(lines: str, above: str = "") -> dict[str, Any]:
    return unit_fields(unit(f"{above}\n[Service]\nExecStart=/bin/x $A\n{lines}\n"), (), ACCOUNTS)


PLAIN: dict[str, Any] = {
    "kind": (Symbol("daemon"),),
    "description": ("Runs s.",),
    "requires": (),
    "start": (((VARIABLES,), "/bin/x", "$A"),),
    "respawn": (False,),
    "restart": (Symbol("no"),),
    "restart-delay": (0.1,),
    "stop-signal": (15,),
    "stop-timeout": (90.0,),
    "kill-mode": (Symbol("group"),),
    "log": ("console",),
    "directory": ("/",),
    "environment": (),
    "start-timeout": (90.0,),
}
AS_APP = ("HOME=/srv/app", "LOGNAME=app", "SHELL=/bin/sh", "USER=app")
APP = {"user": ("app",), "group": ("app",), "supplementary-groups": ("shadow", "utmp"), "environment": AS_APP}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", {}),
        ("Type=forking\nPIDFile=x.pid", {"kind": (Symbol("forking"),), "pid-file": ("/run/x.pid",)}),
        ("Type=notify", {"notify": (True,)}),
        ("Type=notify-reload", {"notify": (True,)}),
        ("Restart=always\nRestartSec=2", {"respawn": (True,), "restart": (Symbol("always"),), "restart-delay": (2.0,)}),
        ("KillSignal=QUIT\nTimeoutStopSec=5", {"stop-signal": (3,), "stop-timeout": (5.0,)}),
        ("TimeoutStopSec=infinity", {"stop-timeout": (YEAR,)}),
        ("KillMode=mixed", {"kill-mode": (Symbol("mixed"),)}),
        ("KillMode=process", {"kill-mode": (Symbol("process"),)}),
        ("KillMode=none", {"kill-mode": (Symbol("none"),)}),
        ("KillMode=odd", {}),
        ("StandardOutput=null", {"log": ("none",)}),
        ("Environment=B=2 A=1", {"environment": ("A=1", "B=2")}),
        ("Environment=B=%H A=%H", {"late-environment": ("A=${SYSIMAGE_HOSTNAME}", "B=${SYSIMAGE_HOSTNAME}")}),
        ("User=app", APP),
        ("User=app\nGroup=shadow", {**APP, "group": ("shadow",)}),
        ("User=app\nSupplementaryGroups=nogroup", {**APP, "supplementary-groups": ("nogroup", "shadow", "utmp")}),
        ("User=app\nWorkingDirectory=~\nEnvironment=HOME=/x",
         {**APP, "directory": ("/srv/app",), "environment": ("HOME=/x", *AS_APP[1:])}),
        ("Group=shadow", {"group": ("shadow",), "supplementary-groups": ()}),
        ("SupplementaryGroups=b a", {"group": ("root",), "supplementary-groups": ("a", "b")}),
        ("WorkingDirectory=-/srv", {"directory": ("/srv",), "directory-optional": (True,)}),
        ("UMask=0027\nOOMScoreAdjust=-5", {"umask": (0o27,), "oom-score-adjust": (-5,)}),
        ("UMask=0", {"umask": (0,)}),
        ("SendSIGHUP=yes\nNoNewPrivileges=yes", {"send-hangup": (True,), "no-new-privileges": (True,)}),
        ("TimeoutStartSec=5\nWatchdogSec=7", {"start-timeout": (5.0,), "watchdog": (7.0,)}),
        ("Type=exec\nRemainAfterExit=yes", {}),
        ("AmbientCapabilities=CAP_KILL CAP_CHOWN CAP_OTHER", {"ambient": (0, 5)}),
        ("AmbientCapabilities=CAP_OTHER", {}),
        ("CapabilityBoundingSet=CAP_KILL CAP_CHOWN CAP_OTHER", {"bounding": (0, 5)}),
        ("CapabilityBoundingSet=", {"bounding": ()}),
        ("CapabilityBoundingSet=~CAP_KILL CAP_CHOWN", {"bounding": (*range(1, 5), *range(6, 41))}),
        ("Nice=0", {}),
        ("Nice=-3", {"start": (((VARIABLES,), "/usr/bin/nice", "-n", "-3", "/bin/x", "$A"),)}),
        ("ExecCondition=/bin/c\nExecStartPre=-+/bin/p\nExecStartPost=:/bin/q",
         {"condition": (((Symbol("quiet"), VARIABLES), "/bin/c"),),
          "pre": (((Symbol("may-fail"), Symbol("root"), VARIABLES), "/bin/p"),), "post": (((), "/bin/q"),)}),
        ("ExecReload=/bin/r\nExecStop=/bin/s\nExecStopPost=-/bin/t",
         {"reload": (((VARIABLES,), "/bin/r"),), "stop": (((Symbol("ending"), VARIABLES), "/bin/s"),),
          "stop-post": (((Symbol("ending"), Symbol("may-fail"), VARIABLES), "/bin/t"),)}),
        ("EnvironmentFile=-/etc/x\nUnsetEnvironment=A", {"environment-files": (("/etc/x", True),), "unset": ("A",)}),
        ("RuntimeDirectory=a", {"directories": (("/run/a", 0o755, "RUNTIME", True),)}),
        ("LimitNPROC=0:infinity\nLimitAS=7",
         {"limits": ((Symbol("as"), 7, 7), (Symbol("nproc"), 0, False))}),
        ("SuccessExitStatus=3 HUP\nRestartPreventExitStatus=4",
         {"success-codes": (3,), "success-signals": (1,), "final-codes": (4,)}),
        ("StartLimitBurst=3", {"start-limit": (3, 10.0)}),
        ("Type=dbus\nBusName=a.b", {"ready": (Symbol("command"), 90.0, "/usr/bin/sh", "-c",
         "dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner "
         '"string:$1" | grep -q true', "bus", "a.b")}),
        ("BusName=a.b\nType=exec", {}),
        ("Type=dbus", {}),
    ],
)  # fmt: skip
def test_a_unit_is_the_plain_one_except_for_what_it_says(lines: str, said: dict[str, Any]) -> None:
    assert fields(lines) == {**PLAIN, **said}


def test_a_unit_that_runs_once_has_no_end_to_wait_for_and_may_remain() -> None:
    once = {name: value for name, value in PLAIN.items() if name != "start-timeout"} | {"kind": (Symbol("one-shot"),)}
    assert fields("Type=oneshot") == once
    assert fields("Type=oneshot\nRemainAfterExit=yes") == {**once, "remain": (True,)}
    waits = fields("Type=dbus\nBusName=a.b\nTimeoutStartSec=infinity")
    assert waits["ready"][1] == YEAR


def test_conditions_are_tested_with_numbers_of_capabilities() -> None:
    above = "ConditionCapability=CAP_KILL\nConditionCapability=|!CAP_NONE\nAssertPathExists=/x\nDescription=A server"
    found = fields("", f"[Unit]\n{above}")
    assert found["description"] == ("A server",)
    assert found["conditions"] == (
        ("ConditionCapability", Symbol("capability"), "5", False, False, False),
        ("ConditionCapability", Symbol("capability"), "63", True, True, False),
        ("AssertPathExists", Symbol("exists"), "/x", False, False, True),
    )


def test_what_a_service_leads_to_is_named_by_the_shepherds_names() -> None:
    text = "[Unit]\nOnFailure=f.service\nOnSuccess=t.service\nPropagatesReloadTo=f.service\nRequires=f.service\n"
    runs = "[Service]\nExecStart=/bin/x\n"
    found = unit_fields(unit(text + runs, f=runs, t=runs), ("b", "a"), ACCOUNTS)
    assert (found["on-failure"], found["on-success"], found["reloads"]) == (
        *((Symbol("f"),), (Symbol("t"),), (Symbol("f"),)),
    )
    assert found["requires"] == (Symbol("b"), Symbol("a"))
    files = UnitFiles({"s.service": "[Unit]\nOnFailure=f.service\n" + runs, "f.service": runs})
    failed = enable(["s"], files, lambda user, group: Owner(), {}).services["f"]
    assert unit_fields(failed, (), ACCOUNTS)["auto-start"] == (False,)
    assert "auto-start" not in found


def test_a_socket_is_a_listener_and_a_timer_has_moments_or_spans() -> None:
    runs = "[Service]\nExecStart=/bin/x\n"
    texts = {
        "s.service": runs,
        "s.socket": "[Socket]\nListenStream=80\nListenDatagram=/run/s\nSocketMode=0600\n",
        "s.timer": "[Timer]\nOnCalendar=*:5\nOnCalendar=*:1\nOnBootSec=3\n",
        "t.timer": "[Timer]\nUnit=s.service\nOnBootSec=3\nOnUnitActiveSec=9\n",
    }
    names = ["s.socket", "s.timer", "t.timer"]
    found = enable(names, UnitFiles(texts), lambda user, group: Owner(), {}).services
    waiting = unit_fields(found["s"], (), ACCOUNTS)
    assert waiting["lazy"] == (True,)
    assert waiting["listeners"] == (
        (Symbol("stream"), "::", 80, "s.socket", 0o666, "root", "root", 128),
        (Symbol("datagram"), "/run/s", False, "s.socket", 0o600, "root", "root", 128),
    )
    calendar = unit_fields(found["s.timer"], (), ACCOUNTS)
    assert (calendar["kind"], calendar["timer"]) == ((Symbol("timer"),), ((Symbol("minutes"), 1, 5),))
    assert not {"after-start", "every"} & calendar.keys()
    spans = unit_fields(found["t.timer"], (), ACCOUNTS)
    assert (spans["kind"], spans["after-start"], spans["every"]) == ((Symbol("interval"),), (3.0,), (9.0,))
    assert "timer" not in spans


def test_moments_are_joined_where_all_of_them_say_a_field() -> None:
    one, other = Moments((5, 1), (3,), days_of_week=(0,)), Moments((1,), (), (9,), (2,), (6,))
    assert calendar_fields([one]) == (
        (Symbol("minutes"), 1, 5),
        (Symbol("hours"), 3),
        (Symbol("days-of-week"), 0),
    )
    assert calendar_fields([one, other]) == ((Symbol("minutes"), 1, 5), (Symbol("days-of-week"), 0, 6))


def test_a_key_is_made_before_the_first_start_of_what_needs_it() -> None:
    text = "[Service]\nExecStart=/bin/x\n"
    first: Any = unit_fields(unit(text, "postgresql@17-main.service"), (), ACCOUNTS)["first"]
    assert [(absent, flags) for absent, flags, *_ in first] == [
        ("/etc/postgresql/17/main/postgresql.conf", (Symbol("root"),))
    ]
    assert all("%" not in str(word).replace("%%", "") or "%-" in str(word) for word in first[0][2:])
    assert "first" not in unit_fields(unit(text), (), ACCOUNTS)


@pytest.mark.parametrize(
    ("user", "group", "owner"),
    [
        (None, None, Owner("root", 0, "root", 0, "/root", "/bin/bash")),
        ("app", None, Owner("app", 1000, "app", 1000, "/srv/app", "/bin/sh")),
        ("app", "shadow", Owner("app", 1000, "shadow", 42, "/srv/app", "/bin/sh")),
        ("app", "none", Owner("app", 1000, "none", 0, "/srv/app", "/bin/sh")),
        (None, "none", Owner("root", 0, "none", 0, "/root", "/bin/bash")),
        ("none", None, Owner("none", 0, "none", 0, "/nonexistent", "/usr/sbin/nologin")),
        ("none", "own", Owner("none", 0, "own", 0, "/nonexistent", "/usr/sbin/nologin")),
    ],
)
def test_an_account_that_is_not_there_yet_counts_as_named(user: str | None, group: str | None, owner: Owner) -> None:
    assert owner_in(ACCOUNTS, user, group) == owner


def test_programs_are_found_and_those_that_may_be_missing_left_out() -> None:
    lines = [
        f"Exec{key}=-/bin/missing\nExec{key}=-y\n" for key in ("StartPre", "StartPost", "Reload", "Stop", "StopPost")
    ]
    text = f"[Service]\nExecStart=x -a\nExecCondition=-/bin/missing\nExecStartPre=/bin/missing2\n{''.join(lines)}"
    commands = with_found_programs(unit(text), lambda path: path in ("/usr/bin/x", "/usr/sbin/y")).commands
    assert [one.words for one in commands.start] == [("/usr/bin/x", "-a")]
    assert [one.words for one in commands.condition] == [("/bin/missing",)]
    assert [one.words for one in commands.pre] == [("/bin/missing2",), ("/usr/sbin/y",)]
    assert [one.words for one in commands.reload] == [("/bin/missing",), ("/usr/sbin/y",)]
    for kept in (commands.post, commands.stop, commands.stop_post):
        assert [one.words for one in kept] == [("/usr/sbin/y",)]


@pytest.mark.parametrize(
    ("stop", "exists", "number"),
    [
        ("/sbin/start-stop-daemon --stop --retry QUIT/5", False, 3),
        ("/sbin/start-stop-daemon --stop --retry=2/5", False, 2),
        ("/sbin/start-stop-daemon --stop --retry QUIT/5", True, 15),
        ("/sbin/start-stop-daemon --stop", False, 15),
        ("/sbin/other --retry QUIT/5", False, 15),
    ],
)
def test_the_signal_of_a_program_of_dpkg_that_is_not_there_is_the_units(stop: str, exists: bool, number: int) -> None:
    text = f"[Service]\nExecStart=/bin/x\nExecStop={stop}\n"
    found = with_found_programs(unit(text), lambda path: exists or path == "/bin/x")
    assert found.endings.kill_signal == number


@pytest.mark.parametrize(
    ("start", "kind", "is_then"),
    [
        ("/usr/sbin/syslog-ng", "notify", "simple"),
        ("/usr/sbin/syslog-ng", "notify-reload", "simple"),
        ("/usr/sbin/syslog-ng", "forking", "forking"),
        ("/usr/sbin/other", "notify", "notify"),
    ],
)
def test_only_a_program_that_is_known_to_be_silent_is_not_waited_for(start: str, kind: str, is_then: str) -> None:
    found = with_found_programs(unit(f"[Service]\nType={kind}\nExecStart={start}\n"), lambda path: True)
    assert found.type == is_then
