"""The parts of a system with systemd: units of services, what enables units, what starts first, what programs lack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.rootfs.accounts import WantedGroup, WantedUser, parse_accounts
from sysimage.rootfs.tree import Entry
from sysimage.spec.model import SystemSpec
from sysimage.spec.services import Service
from sysimage_bootstrap.scripts.declarations import FirstStartProgram
from sysimage_bootstrap.system.systemd.boot import systemd_environment, systemd_files
from sysimage_bootstrap.system.systemd.declared_services import service_units
from sysimage_bootstrap.system.systemd.enablement import ETC, EnabledUnits, enable_units
from sysimage_bootstrap.system.systemd.first_starts import script_first_starts, unit_first_starts
from sysimage_bootstrap.system.systemd.programs import missing_programs, signals_instead
from sysimage_bootstrap.system.systemd.unit_text import plain, quoted, unit_text
from sysimage_bootstrap.system.systemd.units import SystemdUnits
from sysimage_bootstrap.units.presets import Presets
from sysimage_bootstrap.units.unit_file import UnitFile
from sysimage_bootstrap.units.unit_files import UnitFiles
from tests.bootstrap.system.packages import GROUP, PASSWD, installed

ACCOUNTS = parse_accounts(PASSWD, GROUP)
SHIPPED = "/usr/lib/systemd/system"
RUNS = "[Service]\nExecStart=/bin/x\n"


def made(name: str, *, changes: bool = False, **said: Any) -> dict[str, list[str]]:
    """The lines of each unit, without those of its origin and without the directory."""
    service = Service.model_validate({key.replace("_", "-"): value for key, value in said.items()})
    found = service_units(name, service, lambda other: f"{other}.service", lambda path: True, changes=changes)
    return {
        path.removeprefix(f"{ETC}/"): [line for line in text.splitlines() if line and line[0] != "#"]
        for path, text in found
    }


RESTART = ["Restart=always", "RestartSec=500ms", "RestartSteps=7", "RestartMaxDelaySec=60"]
STOP = ["KillSignal=SIGTERM", "TimeoutStopSec=5"]
WANTED = ["[Install]", "WantedBy=multi-user.target"]


def whole(unit: list[str], service: list[str], stop: list[str] | None = None) -> list[str]:
    return ["[Unit]", "Description=Runs /bin/x", *unit, "[Service]", *service, *(stop or STOP), *WANTED]


LIMITS = ["StartLimitIntervalSec=0"]
EXEC = ["Type=exec", *RESTART, "ExecStart=:/bin/x"]


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        ({}, whole(LIMITS, EXEC)),
        ({"respawn": False}, whole([], ["Type=exec", "ExecStart=:/bin/x"])),
        ({"one_shot": True}, whole([], ["Type=oneshot", "RemainAfterExit=yes", "ExecStart=:/bin/x"])),
        ({"requires": ["a", "b"]}, whole([*LIMITS, "Requires=a.service b.service", "After=a.service b.service"], EXEC)),
        ({"user": "ann", "group": "web"}, whole(LIMITS, [*EXEC, "User=ann", "Group=web"])),
        ({"environment": {"B": "1", "A": "x y"}}, whole(LIMITS, [*EXEC, 'Environment="A=x y"', "Environment=B=1"])),
        ({"working_directory": "/srv"}, whole(LIMITS, [*EXEC, "WorkingDirectory=/srv"])),
        ({"log": "console"}, whole(LIMITS, [*EXEC, "StandardOutput=journal", "StandardError=journal"])),
        ({"log": "none"}, whole(LIMITS, [*EXEC, "StandardOutput=null", "StandardError=null"])),
        ({"log": "/l"}, whole(LIMITS, [*EXEC, "StandardOutput=append:/l", "StandardError=append:/l"])),
        (
            {"ready": {"tcp": 80, "timeout": 5}},
            whole(
                LIMITS,
                [
                    *EXEC,
                    "ExecStartPost=:/run/current-system/wait-until-ready 5 tcp 127.0.0.1 80",
                    "TimeoutStartSec=35",
                ],
            ),
        ),
        (
            {"ready": {"file": "/run/x", "timeout": 0.5}},
            whole(
                LIMITS,
                [*EXEC, "ExecStartPost=:/run/current-system/wait-until-ready 0.5 file /run/x", "TimeoutStartSec=30.5"],
            ),
        ),
        (
            {"ready": {"command": ["probe", "-x"], "timeout": 5}},
            whole(
                LIMITS,
                [
                    *EXEC,
                    "ExecStartPost=:/run/current-system/wait-until-ready 5 command /usr/local/sbin/probe -x",
                    "TimeoutStartSec=35",
                ],
            ),
        ),
        (
            {"stop_signal": "SIGQUIT", "stop_timeout": 2.5},
            whole(LIMITS, EXEC, ["KillSignal=SIGQUIT", "TimeoutStopSec=2.5"]),
        ),
    ],
)
def test_a_service_is_a_unit_with_all_that_it_says(said: dict[str, Any], lines: list[str]) -> None:
    assert made("x", command=["/bin/x"], **said) == {"x.service": lines}


def test_a_timer_starts_a_unit_that_nothing_else_wants() -> None:
    assert made("x", command=["/bin/x"], timer={"hours": [3, 1, 3]}, description="Sweep 100%") == {
        "x.service": ["[Unit]", "Description=Sweep 100%%", "[Service]", "Type=oneshot", "ExecStart=:/bin/x", *STOP],
        "x.timer": [
            *("[Unit]", "Description=Moments of x", "[Timer]", "OnCalendar=*-*-* 01,03:*:00", "AccuracySec=1s"),
            *("[Install]", "WantedBy=timers.target"),
        ],
    }


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        ({"description": "A"}, ["[Unit]", "Description=A"]),
        (
            {"command": ["/bin/y"]},
            ["[Service]", "Type=exec", "PIDFile=", "BusName=", "ExecStart=", "ExecStart=:/bin/y"],
        ),
        ({"one_shot": True}, ["[Service]", "Type=oneshot", "RemainAfterExit=yes", "Restart=no"]),
        ({"one_shot": False}, ["[Service]", "Type=exec", "RemainAfterExit=no"]),
        ({"respawn": True}, ["[Unit]", *LIMITS, "[Service]", *RESTART]),
        ({"respawn": False}, ["[Service]", "Restart=no"]),
        ({"user": "ann"}, ["[Service]", "User=ann"]),
        ({"stop_signal": "SIGINT"}, ["[Service]", "KillSignal=SIGINT"]),
        ({"stop_timeout": 3}, ["[Service]", "TimeoutStopSec=3"]),
    ],
)
def test_a_service_beside_a_unit_is_a_drop_in_of_what_it_says(said: dict[str, Any], lines: list[str]) -> None:
    assert made("x", changes=True, **said) == {"x.service.d/20-services.conf": lines}


def test_a_timer_beside_a_unit_makes_it_one_that_ends() -> None:
    found = made("x", changes=True, timer={"minutes": [5]})
    assert found["x.service.d/20-services.conf"] == [
        *("[Service]", "Type=oneshot", "RemainAfterExit=no", "Restart=no"),
    ]
    assert "OnCalendar=*-*-* *:05:00" in found["x.timer"]


def test_texts_of_units_are_quoted_where_they_must_be() -> None:
    assert [quoted(word) for word in ("a-b@c%", "", "a b", 'a"\\', "a\x1fb\x7fc\x20\n\té", "a;b")] == [
        *("a-b@c%%", '""', '"a b"', '"a\\"\\\\"', '"a\\x1fb\\x7fc \\n\\té"', '"a;b"'),
    ]
    assert [plain(text) for text in ("50%", "a \\ ", "a\\b")] == ["50%%", "a", "a\\b"]
    assert unit_text("here", {"A": [("x", "1"), ("y", "")], "B": [], "C": [("z", "2")]}) == (
        "# Made when the image was built: here\n\n[A]\nx=1\ny=\n\n[C]\nz=2\n"
    )


def install(lines: str, start: str = RUNS) -> str:
    return f"{start}[Install]\n{lines}\n"


TEXTS = {
    "a.service": install("WantedBy=m.target n.target\nRequiredBy=r.target\nUpheldBy=u.target\nAlias=z.service\nAlso=b"),
    "b.service": install("WantedBy=m.target"),
    "plain.service": RUNS,
    "s.socket": "[Socket]\nListenStream=80\n",
    "t.timer": "[Timer]\nOnBootSec=1\n",
    "p.path": "[Path]\nPathExists=/x\n",
    "i@.service": install("WantedBy=%i.target\nDefaultInstance=one"),
    "j@.service": install("WantedBy=m.target"),
    "own.service": install("WantedBy=m.target"),
}


def enabled(
    asked: tuple[str, ...] = (),
    by_packages: tuple[str, ...] = (),
    not_started: tuple[str, ...] = (),
    groups: Mapping[str, tuple[str, ...]] | None = None,
) -> EnabledUnits:
    files = UnitFiles(TEXTS, in_etc=frozenset({"own.service"}))
    presets = Presets((("quiet.service", False), ("plain.service", False)))
    return enable_units(asked, by_packages, not_started, files, presets, groups or {})


def test_a_unit_is_enabled_by_the_links_that_it_says_and_what_comes_along() -> None:
    found = enabled(("a",))
    assert (list(found.units), found.issues) == (["a.service", "b.service"], [])
    assert found.links == {
        f"{ETC}/m.target.wants/a.service": f"{SHIPPED}/a.service",
        f"{ETC}/n.target.wants/a.service": f"{SHIPPED}/a.service",
        f"{ETC}/r.target.requires/a.service": f"{SHIPPED}/a.service",
        f"{ETC}/u.target.upholds/a.service": f"{SHIPPED}/a.service",
        f"{ETC}/z.service": f"{SHIPPED}/a.service",
        f"{ETC}/m.target.wants/b.service": f"{SHIPPED}/b.service",
    }


@pytest.mark.parametrize(
    ("name", "link", "target"),
    [
        ("plain", "multi-user.target.wants/plain.service", f"{SHIPPED}/plain.service"),
        ("s.socket", "sockets.target.wants/s.socket", f"{SHIPPED}/s.socket"),
        ("t.timer", "timers.target.wants/t.timer", f"{SHIPPED}/t.timer"),
        ("p.path", "paths.target.wants/p.path", f"{SHIPPED}/p.path"),
        ("i@", "one.target.wants/i@one.service", f"{SHIPPED}/i@.service"),
        ("i@two", "two.target.wants/i@two.service", f"{SHIPPED}/i@.service"),
        ("own", "m.target.wants/own.service", f"{ETC}/own.service"),
    ],
)
def test_what_is_asked_for_starts_with_the_target_of_its_kind_or_its_own(name: str, link: str, target: str) -> None:
    found = enabled((name,))
    assert (found.links, found.issues) == ({f"{ETC}/{link}": target}, [])


def test_only_what_is_asked_for_must_be_there_and_start() -> None:
    found = enabled(("none", "j@"), ("none2.service", "j@.service", "plain.service", "s.socket", "b.service"))
    assert [str(issue) for issue in found.issues] == [
        "/enable/0: no package of the image has a unit none.service",
        "/enable/1: j@ needs an instance, such as j@NAME",
    ]
    assert list(found.units) == ["b.service", "s.socket"], "a preset says no to plain.service"
    assert found.links == {f"{ETC}/m.target.wants/b.service": f"{SHIPPED}/b.service"}
    idle = enabled(("b",), (), ("b.service",))
    assert (list(idle.units), idle.links) == (["b.service"], {})
    grouped = enabled(("plain",), groups={"plain": ("j@x", "none")})
    assert list(grouped.units) == ["plain.service", "j@x.service"]
    assert [issue.where for issue in grouped.issues] == ["/enable/0"]


def test_a_start_that_stops_with_a_program_of_dpkg_gets_the_signal_of_it() -> None:
    stop = "ExecStop=/sbin/start-stop-daemon --stop --retry {}/5\n"
    units = {
        "a.service": f"{RUNS}ExecStop=/bin/first\n{stop.format('QUIT')}",
        "b@x.service": RUNS + stop.format("SIGINT"),
        "c.service": RUNS + stop.format("9"),
        "d.service": f"{RUNS}ExecStop=/sbin/start-stop-daemon --stop\n",
        "e.service": f"{RUNS}ExecStop=/bin/other --retry QUIT/5\n",
        "f.service": f"{RUNS}ExecStop='odd --retry QUIT/5\n",
    }
    files = {name: UnitFile.parse(text) for name, text in units.items()}
    found = dict(signals_instead(files, lambda path: False))
    assert {path.removeprefix(f"{ETC}/"): text.split("[Service]\n")[1] for path, text in found.items()} == {
        "a.service.d/10-kill-signal.conf": "ExecStop=\nExecStop=/bin/first\nKillSignal=SIGQUIT\n",
        "b@.service.d/10-kill-signal.conf": "ExecStop=\nKillSignal=SIGINT\n",
        "c.service.d/10-kill-signal.conf": "ExecStop=\nKillSignal=9\n",
    }
    assert dict(signals_instead(files, lambda path: True)) == {}


def test_programs_that_a_start_would_fail_at_are_named() -> None:
    lines = "ExecCondition=/bin/c\nExecStartPre=/bin/p\nExecStartPre=-/bin/q\nExecStartPost=/bin/s\nExecStop=/bin/t\n"
    files = {"a.service": UnitFile.parse(f"{RUNS}{lines}ExecStart=named\nExecStart='odd\n")}
    found = [program for unit, program in missing_programs(files, lambda path: path == "/bin/p")]
    assert found == ["/bin/c", "/bin/x", "/bin/s"]


def test_what_a_unit_needs_is_made_before_its_first_start() -> None:
    found = dict(unit_first_starts(["ssh.service", "dbus.service", "other.service"]))
    assert sorted(found) == [f"{ETC}/ssh-first-start.service", f"{ETC}/ssh.service.d/10-first-start.conf"]
    assert (
        "Requires=ssh-first-start.service\nAfter=ssh-first-start.service\n"
        in (found[f"{ETC}/ssh.service.d/10-first-start.conf"])
    )
    starts = [
        FirstStartProgram("p", ("/bin/make", "a"), "/etc/a"),
        FirstStartProgram("p", ("/bin/make", "b"), "/etc/b"),
    ]
    scripts = [(path, UnitFile.parse(text)) for path, text in script_first_starts([*starts, *starts[:1]])]
    assert [path.removeprefix(f"{ETC}/") for path, _ in scripts] == [
        *("p-configure.service", "p-configure-2.service", "p-configure-3.service"),
    ]
    assert scripts[1][1].value("Unit", "ConditionPathExists") == "!/etc/b"
    assert scripts[1][1].values("Service", "ExecStart") == (":/bin/make b",)
    assert [text.value("Unit", "After") for _, text in scripts] == [
        "sysinit.target",
        "sysinit.target p-configure.service",
        "sysinit.target p-configure-2.service",
    ]


def units_of(texts: Mapping[str, str], *by_packages: str, **parts: Any) -> SystemdUnits:
    spec = SystemSpec.model_validate({"name": "x", "packages": [], "init": "systemd", **parts})
    overrides = {f"{name}.service": UnitFile.of({"Unit": {"A": ["b"]}}) for name in spec.units}
    return SystemdUnits.of(spec, UnitFiles(texts, overrides=overrides), by_packages, Presets(), {})


def test_accounts_of_units_are_those_that_a_start_needs() -> None:
    texts = {
        "a.service": f"{RUNS}User=app\nGroup=web\nSupplementaryGroups=x 5 root\n",
        "b.service": f"{RUNS}User=own\nGroup=own\n",
        "c.service": f"{RUNS}User=dyn\nDynamicUser=yes\n",
        "d.service": f"{RUNS}User=%q\nGroup=7\n",
        "e@.service": f"{RUNS}User=%i\n",
    }
    units = units_of(texts, enable=["a", "b", "c", "d", "e@ann"])
    assert units.accounts() == (
        [
            WantedUser("app", group="web", system=True, make_home=False, origin="/enable (a.service)"),
            WantedUser("own", group=None, system=True, make_home=False, origin="/enable (b.service)"),
            WantedUser("ann", group=None, system=True, make_home=False, origin="/enable (e@ann.service)"),
        ],
        [
            WantedGroup("web", system=True, origin="/enable (a.service)"),
            WantedGroup("x", system=True, origin="/enable (a.service)"),
        ],
    )
    assert units.notices(lambda path: False) == tuple(
        f"{name}.service: no package of the image has /bin/x, so the unit will fail when it starts"
        for name in ("a", "b", "c", "d", "e@ann")
    )


def test_directories_that_a_container_may_have_covered_are_made_again() -> None:
    directories = [
        Entry.directory("/var/lib/app", 0o750, 5, 6),
        Entry.directory("/run/x"),
        Entry.directory("/srv/x"),
        Entry.directory("/var/known"),
        Entry.file("/var/file", b""),
    ]
    services = {name: {"command": ["x"], "log": log} for name, log in (("a", "/var/log/a/l"), ("b", "/var/lib/app/l"))}
    services["c"] = {"command": ["x"], "log": "/var/log/l"}
    units = units_of({}, services=services)
    entries = {one.path: one for one in units.settled(ACCOUNTS, lambda path: True, [], directories, {"/var/known"})}
    assert entries["/etc/tmpfiles.d/sysimage.conf"].read().decode().splitlines()[1:] == [
        "d /var/log/a :0755 :root :root -",
        "d /var/lib/app :0750 :5 :6 -",
        "d /run/x :0755 :0 :0 -",
    ]
    assert list(entries) == sorted(entries)
    assert entries["/etc/machine-id"].mode == 0o444
    assert entries["/etc/systemd/journald.conf.d/10-container.conf"].read().endswith(b"[Journal]\nStorage=volatile\n")
    plain_system = units_of({}).settled(ACCOUNTS, lambda path: True, [], directories[2:], {"/var/known"})
    assert [entry.path for entry in plain_system] == [
        *("/etc/machine-id", "/etc/systemd/journald.conf.d/10-container.conf"),
    ]


def test_services_are_enabled_where_they_are_units_of_their_own_or_timers() -> None:
    texts = {
        "a.service": install("WantedBy=m.target\nAlias=c.service"),
        "tmp.mount": "[Mount]\nWhere=/tmp\n",
        "b.service": RUNS,
    }
    services = {
        "a": {"command": ["x"], "requires": ["new", "tick", "b"]},
        "b": {"log": "none"},
        "new": {"command": ["x"]},
        "tick": {"command": ["x"], "timer": {}},
        "hand": {"command": ["x"], "auto-start": False},
    }
    first = [FirstStartProgram("p", ("/bin/make",), "/etc/a")]
    units = units_of(texts, "a.service", "b.service", services=services, units={"a": {"Unit": {"A": "b"}}})
    entries = {
        one.path.removeprefix(f"{ETC}/"): one for one in units.settled(ACCOUNTS, lambda path: True, first, [], ())
    }
    assert {path: one.target for path, one in entries.items() if one.target} == {
        "basic.target.wants/p-configure.service": f"{ETC}/p-configure.service",
        "multi-user.target.wants/a.service": f"{ETC}/a.service",
        "multi-user.target.wants/new.service": f"{ETC}/new.service",
        "timers.target.wants/tick.timer": f"{ETC}/tick.timer",
        "tmp.mount": "/dev/null",
    }
    assert b"Requires=new.service tick.timer b.service\n" in entries["a.service"].read()
    assert {path for path in entries if ".d/" in path and path[0] != "/"} == {
        *("a.service.d/30-units.conf", "b.service.d/20-services.conf"),
    }


def test_every_fault_of_services_and_units_is_named() -> None:
    services = {
        "nginy": {"log": "none"},
        "web": {"command": ["x"], "requires": ["none", "web2"], "user": "ghost", "group": "ghosts"},
        "web2": {"command": ["x"]},
    }
    units = units_of({"nginx.service": RUNS}, enable=["gone"], services=services, units={"nginz": {"Unit": {"A": "b"}}})
    with pytest.raises(SpecError) as caught:
        units.settled(ACCOUNTS, lambda path: True, [], [], ())
    assert str(caught.value).startswith("cannot make units of the declarations")
    assert [str(issue) for issue in caught.value.issues] == [
        "/enable/0: no package of the image has a unit gone.service",
        '/services/nginy: needs the key "command": no package of the image has a unit of this name'
        " (did you mean 'nginx'?)",
        "/services/web/user: there is no user 'ghost'",
        "/services/web/group: there is no group 'ghosts'",
        '/services/web/requires/0: neither a service nor a unit of the packages is called "none"',
        "/units/nginz: no package of the image has a unit nginz.service (did you mean 'nginx'?)",
    ]


def test_what_starts_systemd_needs_its_programs_and_says_where_it_is(tmp_path: Path) -> None:
    files = {"bash": {"bin/bash": "#!"}, "coreutils": {"bin/env": "#!"}, "systemd": {"lib/systemd/systemd": "#!"}}
    packages = {name: installed(tmp_path, name, content) for name, content in files.items()}
    found, items = systemd_files(packages.values())
    assert {name: file.mode for name, file in found.items()} == {"systemd": 0o755, "wait-until-ready": 0o755}
    assert items == tuple(one.path for one in packages.values())
    for name in packages:
        with pytest.raises(SpecError) as caught:
            systemd_files(one for one in packages.values() if one.name != name)
        assert caught.value.hint == f"do not leave {name} out of the packages"
    assert systemd_environment({"A": "1"}) == {"A": "1", "container": "oci"}
    assert systemd_environment({"container": "mine"}) == {"container": "mine"}
