"""Each directive of a service as a value: what it says, what stands for it where it is absent, what cannot be read."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import pytest

from sysimage_bootstrap.units.commands import Command
from sysimage_bootstrap.units.directives import IgnoredDirective
from sysimage_bootstrap.units.read_service import read_service
from sysimage_bootstrap.units.service_unit import Commands, Endings, Execution, ManagedDirectory, Relations, ServiceUnit
from sysimage_bootstrap.units.specifiers import Owner, UnitName
from sysimage_bootstrap.units.unit_file import UnitFile

NAME = UnitName("web@blue.service")
PLAIN = Execution(
    user=None,
    group=None,
    supplementary_groups=(),
    dynamic_user=False,
    environment={},
    late_environment={},
    environment_files=(),
    unset=(),
    directory="/",
    directory_optional=False,
    directories=(),
    umask=None,
    limits={},
    nice=None,
    oom_score_adjust=None,
    ambient_capabilities=(),
    bounding_capabilities=None,
    no_new_privileges=False,
    output="console",
)
ENDS = Endings(
    restart="no",
    restart_seconds=0.1,
    start_limit=None,
    success_codes=(),
    success_signals=(),
    final_codes=(),
    kill_signal=15,
    kill_mode="control-group",
    send_hangup=False,
    start_seconds=90,
    stop_seconds=90,
    watchdog_seconds=None,
)


def owner(user: str | None, group: str | None) -> Owner:
    return Owner(user or "root", 7, group or "root", 8, f"/home/{user}")


def read(lines: str, above: str = "") -> ServiceUnit:
    return read_service(UnitFile.parse(f"{above}\n[Service]\nExecStart=/bin/x\n{lines}\n"), NAME, owner)


def test_a_service_that_says_nothing_more_is_a_plain_one() -> None:
    unit = read("")
    assert (unit.type, unit.description, unit.execution, unit.endings) == ("simple", "", PLAIN, ENDS)
    assert unit.commands == Commands((Command(("/bin/x",)),), (), (), (), (), (), ())
    assert unit.relations == Relations((), (), (), (), (), (), (), (), (), (), ())
    assert (unit.conditions, unit.pid_file, unit.bus_name, unit.remain_after_exit) == ((), None, None, False)
    assert (unit.undone, unit.contained) == ((), ())
    assert (unit.auto_start, unit.lazy, unit.listeners, unit.timer) == (True, False, (), None), "no other unit is known"


def managed(path: str, purpose: str, mode: int = 0o755, *, removed: bool = False) -> dict[str, object]:
    return {"directories": (ManagedDirectory(path, mode, purpose, removed=removed),)}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("Environment=A=1 B=2\nEnvironment=C=%i", {"environment": {"A": "1", "B": "2", "C": "blue"}}),
        ("Environment=A=1 B=2 A=%H", {"environment": {"B": "2"}, "late_environment": {"A": "${SYSIMAGE_HOSTNAME}"}}),
        ("Environment=A=%H B=2 A=1", {"environment": {"B": "2", "A": "1"}}),
        ("EnvironmentFile=/etc/%i\nEnvironmentFile=-/b", {"environment_files": (("/etc/blue", False), ("/b", True))}),
        ("EnvironmentFile=relative", {}),
        ("UnsetEnvironment=A B", {"unset": ("A", "B")}),
        ("WorkingDirectory=/srv/%i", {"directory": "/srv/blue"}),
        ("WorkingDirectory=-~", {"directory": "~", "directory_optional": True}),
        ("WorkingDirectory=%h\nUser=ann", {"user": "ann", "directory": "/home/ann"}),
        ("DynamicUser=yes", {"dynamic_user": True, "user": "web-blue"}),
        ("DynamicUser=yes\nUser=ann", {"dynamic_user": True, "user": "ann"}),
        ("RuntimeDirectory=a", managed("/run/a", "RUNTIME", removed=True)),
        ("RuntimeDirectory=a\nRuntimeDirectoryPreserve=no", managed("/run/a", "RUNTIME", removed=True)),
        ("RuntimeDirectory=a\nRuntimeDirectoryPreserve=restart", managed("/run/a", "RUNTIME")),
        ("StateDirectory=a/b:c\nStateDirectoryMode=0700", managed("/var/lib/a/b", "STATE", 0o700)),
        ("CacheDirectory=%i", managed("/var/cache/blue", "CACHE")),
        ("LogsDirectory=..a", managed("/var/log/..a", "LOGS")),
        ("ConfigurationDirectory=a", managed("/etc/a", "CONFIGURATION")),
        ("UMask=0077", {"umask": 0o77}),
        ("LimitCORE=0\nLimitCPU=1min", {"limits": {"cpu": (60, 60), "core": (0, 0)}}),
        ("Nice=-5\nOOMScoreAdjust=100", {"nice": -5, "oom_score_adjust": 100}),
        ("AmbientCapabilities=CAP_KILL ~CAP_CHOWN", {"ambient_capabilities": ("cap_kill",)}),
        ("NoNewPrivileges=true", {"no_new_privileges": True}),
        ("StandardOutput=null", {"output": "none"}),
        ("StandardOutput=null\nStandardError=null", {"output": "none"}),
        ("StandardOutput=null\nStandardError=journal", {"output": "console"}),
        ("StandardError=null", {"output": "console"}),
        ("StandardOutput=file:/var/log/%i", {"output": "/var/log/blue"}),
        ("StandardOutput=append:/a", {"output": "/a"}),
        ("StandardOutput=truncate:/a", {"output": "/a"}),
        ("StandardOutput=file:a", {"output": "console"}),
    ],
)  # fmt: skip
def test_what_a_service_runs_in_is_what_its_unit_says(lines: str, said: dict[str, object]) -> None:
    unit = read(lines)
    assert (unit.execution, unit.endings, unit.undone) == (replace(PLAIN, **said), ENDS, ())  # type: ignore[arg-type]


def test_the_name_of_a_dynamic_user_is_short_and_has_no_odd_letters() -> None:
    unit = UnitFile.parse("[Service]\nExecStart=/bin/x\nDynamicUser=yes\n")
    assert read_service(unit, UnitName(f"a.b@{'c' * 40}.service"), owner).execution.user == f"a-b-{'c' * 27}"


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (["CAP_KILL CAP_CHOWN", "CAP_FOWNER CAP_KILL"], ("cap_chown", "cap_fowner", "cap_kill")),
        (["~CAP_KILL", "~CAP_CHOWN CAP_FOWNER"], ("-cap_chown", "-cap_fowner", "-cap_kill")),
        (["CAP_KILL CAP_CHOWN", "~CAP_CHOWN"], ("cap_kill",)),
        (["~CAP_KILL CAP_CHOWN", "CAP_CHOWN"], ("-cap_kill",)),
        (["CAP_KILL", "~CAP_KILL"], ()),
        (["~CAP_KILL", "CAP_KILL"], None),
        (["~G D A F C H B E"], tuple(f"-{letter}" for letter in "abcdefgh")),
        ([""], ()),
        (["CAP_KILL", "", "CAP_CHOWN"], ("cap_chown",)),
        (["~"], None),
        (["CAP_KILL", "~"], None),
        (["CAP_KILL", "~", "CAP_CHOWN"], ("cap_chown",)),
    ],
)
def test_lines_of_capabilities_are_merged_as_systemd_does(values: list[str], kept: tuple[str, ...] | None) -> None:
    lines = "\n".join(f"CapabilityBoundingSet={value}" for value in values)
    assert read(lines, "[X-Other]\nCapabilityBoundingSet=CAP_KILL").execution.bounding_capabilities == kept


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("Restart=always\nRestartSec=100ms", {"restart": "always"}),
        ("RestartSec=0", {"restart_seconds": 0}),
        ("RestartSec=infinity", {"restart_seconds": 0}),
        ("StartLimitBurst=3", {"start_limit": (3, 10)}),
        ("StartLimitInterval=1min", {"start_limit": (5, 60)}),
        ("StartLimitInterval=0\nStartLimitBurst=3", {"start_limit": None}),
        ("StartLimitIntervalSec=infinity", {"start_limit": (5, 86400)}),
        ("StartLimitBurst=some", {"start_limit": None}),
        ("SuccessExitStatus=255 256 1 SIGTERM HUP", {"success_codes": (1, 255), "success_signals": (1, 15)}),
        ("RestartPreventExitStatus=TEMPFAIL 2 SIGKILL", {"final_codes": (2, 75)}),
        ("KillSignal=HUP\nKillMode=process\nSendSIGHUP=yes", {"kill_signal": 1, "kill_mode": "process",
                                                               "send_hangup": True}),
        ("TimeoutSec=5", {"start_seconds": 5, "stop_seconds": 5}),
        ("TimeoutSec=5\nTimeoutStopSec=6\nTimeoutStartSec=7", {"start_seconds": 7, "stop_seconds": 6}),
        ("TimeoutSec=0", {"start_seconds": None, "stop_seconds": None}),
        ("TimeoutStartSec=infinity", {"start_seconds": None}),
        ("Type=oneshot", {"start_seconds": None}),
        ("WatchdogSec=30", {"watchdog_seconds": 30}),
        ("WatchdogSec=0", {"watchdog_seconds": None}),
    ],
)  # fmt: skip
def test_how_a_service_ends_is_what_its_unit_says(lines: str, said: dict[str, object]) -> None:
    unit = read(lines)
    numbers = [finding for finding in unit.undone if "not a signal: '256'" not in finding.meaning]
    assert (unit.endings, unit.execution, numbers) == (replace(ENDS, **said), PLAIN, [])  # type: ignore[arg-type]


def test_a_limit_of_starts_counts_in_the_section_unit_before_the_old_one() -> None:
    above = "[Unit]\nStartLimitBurst=2\nStartLimitIntervalSec=20\n"
    assert read("StartLimitBurst=9\nStartLimitInterval=90", above).endings.start_limit == (2, 20)


def test_exit_statuses_have_the_names_of_sysexits_and_of_init_scripts() -> None:
    sysexits = {name.removeprefix("EX_"): value for name, value in vars(os).items() if name.startswith("EX_")}
    del sysexits["OK"]
    sysexits.pop("NOTFOUND", None)  # not Linux's
    of_scripts = "SUCCESS FAILURE INVALIDARGUMENT NOTIMPLEMENTED NOPERMISSION NOTINSTALLED NOTCONFIGURED NOTRUNNING"
    known = {**sysexits, **{name: number for number, name in enumerate(of_scripts.split())}}
    for name, number in known.items():
        unit = read(f"SuccessExitStatus={name}")
        assert (name, unit.endings.success_codes, unit.undone) == (name, (number,), ())
    assert len(known) == 23


@pytest.mark.parametrize(
    ("lines", "directive", "cause"),
    [
        ("Type=other", "Type", "is not a type that is known here: 'other'"),
        ("Environment=A", "Environment", "cannot be read: not a variable: 'A'"),
        ("Environment=1A=x", "Environment", "cannot be read: not a variable: '1A=x'"),
        ("Environment='A=x", "Environment", 'cannot be read: a quote is not closed: "\'A=x"'),
        ("StateDirectory=/a", "StateDirectory", "cannot be read: not a relative path: '/a'"),
        ("StateDirectory=a/../b", "StateDirectory", "cannot be read: not a relative path: 'a/../b'"),
        ("StateDirectoryMode=9", "StateDirectoryMode", "cannot be read: not an octal mode: '9'"),
        ("UMask=9", "UMask", "cannot be read: not an octal mode: '9'"),
        ("LimitCORE=x", "LimitCORE", "cannot be read: not a limit: 'x'"),
        ("Nice=x", "Nice", "cannot be read: invalid literal for int() with base 10: 'x'"),
        ("DynamicUser=x", "DynamicUser", "cannot be read: neither yes nor no: 'x'"),
        ("KillSignal=x", "KillSignal", "cannot be read: not a signal: 'SIGx'"),
        ("TimeoutStopSec=x", "TimeoutStopSec", None),
        ("SuccessExitStatus=256", "SuccessExitStatus", "cannot be read: not a signal: '256'"),
        ("User=%q", "User", "cannot be read: the specifier %q is not known when an image is built"),
        ("ExecReload=%q", "ExecReload", "cannot be read: the specifier %q is not known when an image is built"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_counts_as_absent(
    lines: str, directive: str, cause: str | None
) -> None:
    unit = read(lines)
    assert (unit.type, unit.execution, unit.endings) == ("simple", PLAIN, ENDS)
    if cause is not None:
        assert unit.undone == (IgnoredDirective(directive, cause),)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ExecStart=/bin/x", "simple"),
        ("ExecStop=/bin/x", "oneshot"),
        ("ExecStart=/bin/x\nBusName=a.b", "dbus"),
        ("ExecStart=/bin/x\nBusName=a.b\nType=forking", "forking"),
    ],
)
def test_the_type_of_a_service_follows_from_its_other_lines(text: str, kind: str) -> None:
    assert read_service(UnitFile.parse(f"[Service]\n{text}\n"), NAME, owner).type == kind


def test_commands_run_around_the_start_in_their_places() -> None:
    lines = [f"Exec{key}=/bin/{key} %i" for key in ("Condition", "StartPre", "StartPost", "Reload", "Stop", "StopPost")]
    one = {key: (Command((f"/bin/{key}", "blue")),) for key in ("Condition", "StartPre", "StartPost")}
    ends = {key: (Command((f"/bin/{key}", "blue")),) for key in ("Reload", "Stop", "StopPost")}
    assert read("\n".join(lines)).commands == Commands((Command(("/bin/x",)),), *one.values(), *ends.values())
    assert {one.privileged for one in read("ExecStop=+/bin/a").commands.stop} == {True}


def test_relations_are_those_of_the_unit_and_of_its_installation() -> None:
    above = """[Unit]
Description=Shop %i
Requires=a.service a.service
Requisite=b.service
BindsTo=c.service
Wants=d.service
Upholds=e.service
After=f.service
Before=g.service
Conflicts=h.service
ReloadPropagatedFrom=i.service
PropagateReloadFrom=j.service
PropagatesReloadTo=k.service
PropagateReloadTo=l.service
OnFailure=m@%i.service
OnSuccess=n.service
[Install]
Also=o.socket
"""
    unit = read("Sockets=p.socket\nType=dbus\nBusName=x.y\nPIDFile=a.pid\nRemainAfterExit=yes", above)
    assert unit.relations == Relations(
        requires=("a.service", "b.service", "c.service"),
        wants=("d.service", "e.service", "dbus.socket"),
        after=("f.service", "dbus.socket"),
        before=("g.service",),
        conflicts=("h.service",),
        also=("o.socket",),
        sockets=("p.socket",),
        reload_from=("i.service", "j.service"),
        reload_to=("k.service", "l.service"),
        on_failure=("m@blue.service",),
        on_success=("n.service",),
    )
    assert (unit.name, unit.description, unit.bus_name) == (NAME, "Shop blue", "x.y")
    assert (unit.pid_file, unit.remain_after_exit) == ("/run/a.pid", True)
    assert read("PIDFile=/var/a.pid").pid_file == "/var/a.pid"


def test_signals_have_linuxs_numbers_whatever_they_are_called() -> None:
    for one in (signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH):
        for text in (one.name, one.name.removeprefix("SIG"), str(one.value)):
            assert read(f"KillSignal={text}").endings.kill_signal == one.value
