"""What a name under ``enable`` becomes: the unit, what it takes along, which unit waits for which, what is not done."""

from __future__ import annotations

from collections.abc import Mapping

from sysimage_bootstrap.units.calendar import Moments
from sysimage_bootstrap.units.directives import IgnoredDirective
from sysimage_bootstrap.units.enable import Enabled, enable
from sysimage_bootstrap.units.service_unit import ManagedDirectory, TimerUnit
from sysimage_bootstrap.units.sockets import Listener
from sysimage_bootstrap.units.specifiers import Owner
from sysimage_bootstrap.units.unit_files import UnitFiles

RUNS = "[Service]\nExecStart=/bin/x\n"


def owner(user: str | None, group: str | None) -> Owner:
    return Owner(user or "root", 7, group or user or "root", 8)


def enabled(texts: Mapping[str, str], *names: str, groups: Mapping[str, tuple[str, ...]] | None = None) -> Enabled:
    return enable(names, UnitFiles(texts), owner, groups or {})


def test_everything_that_a_service_says_is_read() -> None:
    text = """[Unit]
Description=A server
StartLimitBurst=3
StartLimitIntervalSec=1min
ConditionPathExists=!/etc/off
[Service]
Type=notify
ExecStartPre=-/bin/pre $A
ExecStart=/bin/x --name ${A}
ExecReload=/bin/kill -HUP $MAINPID
User=app
Group=www
SupplementaryGroups=a b
Environment=A=1 "B=x y"
EnvironmentFile=-/etc/default/x
WorkingDirectory=-/srv
RuntimeDirectory=x
RuntimeDirectoryMode=0750
StateDirectory=x/y
UMask=0027
LimitNOFILE=100:200
Restart=on-failure
RestartSec=2
KillSignal=SIGQUIT
KillMode=mixed
TimeoutStopSec=5min
TimeoutStartSec=infinity
SuccessExitStatus=143 SIGKILL
AmbientCapabilities=CAP_NET_BIND_SERVICE
ProtectSystem=full
"""
    unit = enabled({"x.service": text}, "x").services["x"]
    assert unit.type == "notify"
    assert [command.words for command in unit.commands.pre] == [("/bin/pre", "$A")]
    assert unit.commands.pre[0].ignore_failure
    execution, endings = unit.execution, unit.endings
    assert (execution.user, execution.group, execution.supplementary_groups) == ("app", "www", ("a", "b"))
    assert execution.environment == {"A": "1", "B": "x y"}
    assert execution.environment_files == (("/etc/default/x", True),)
    assert (execution.directory, execution.directory_optional) == ("/srv", True)
    assert execution.directories == (
        ManagedDirectory("/run/x", 0o750, "RUNTIME", removed=True),
        ManagedDirectory("/var/lib/x/y", 0o755, "STATE"),
    )
    assert (execution.umask, execution.limits) == (0o027, {"nofile": (100, 200)})
    assert execution.ambient_capabilities == ("cap_net_bind_service",)
    assert (endings.restart, endings.restart_seconds, endings.start_limit) == ("on-failure", 2, (3, 60))
    assert (endings.kill_signal, endings.kill_mode) == (3, "mixed")
    assert (endings.start_seconds, endings.stop_seconds) == (None, 300)
    assert (endings.success_codes, endings.success_signals) == ((143,), (9,))
    assert [(one.test, one.value, one.negated) for one in unit.conditions] == [("exists", "/etc/off", True)]
    assert unit.undone == ()
    assert [finding.directive for finding in unit.contained] == ["ProtectSystem"]


def test_what_is_not_done_is_named_with_what_it_means() -> None:
    unit = enabled({"x.service": RUNS + "BindPaths=/a\nNonsense=1\nKillSignal=SIGX\n"}, "x").services["x"]
    assert unit.undone == (
        IgnoredDirective("BindPaths", "nothing is mounted: the service sees what is at these paths"),
        IgnoredDirective("KillSignal", "cannot be read: not a signal: 'SIGX'"),
        IgnoredDirective("Nonsense", "is not a key of the section Service that is known here"),
    )


def test_a_unit_takes_along_what_it_requires_and_what_it_wants_if_it_is_there() -> None:
    found = enabled(
        {
            "a.service": "[Unit]\nRequires=b.service\nWants=c.service gone.service\nAfter=b.service network.target\n"
            + RUNS,
            "b.service": RUNS,
            "c.service": "[Unit]\nBefore=a.service\n" + RUNS,
        },
        "a",
    )
    assert found.issues == []
    assert found.requires == {"a": ("b", "c"), "b": (), "c": ()}


def test_what_a_failure_starts_waits_for_it_and_may_be_another_of_its_kind() -> None:
    found = enabled(
        {
            "a.service": "[Unit]\nOnFailure=alert@%N.service gone.service\nOnSuccess=b.service\n" + RUNS,
            "b.service": "[Unit]\nConflicts=a.service\nRequires=c.service\n" + RUNS,
            "c.service": RUNS,
            "alert@.service": RUNS,
        },
        "a",
        "c",
    )
    assert found.issues == []
    assert {name: unit.auto_start for name, unit in found.services.items()} == {
        "a": True,
        "alert@a": False,
        "b": False,
        "c": True,
    }
    followers = found.services["a"].followers
    assert (followers.on_failure, followers.on_success) == (("alert@a", "gone"), ("b",))


def test_a_reload_is_passed_on_to_those_that_either_side_names() -> None:
    found = enabled(
        {
            "a.service": "[Unit]\nPropagatesReloadTo=b.service gone.service\n" + RUNS,
            "b.service": RUNS,
            "c@.service": "[Unit]\nReloadPropagatedFrom=a.service\n" + RUNS,
        },
        *("a", "b", "c@x", "c@y"),
    )
    assert found.services["a"].followers.reload == ("b", "c@x", "c@y")
    assert found.services["b"].followers.reload == ()


def test_a_variable_with_what_only_the_running_system_knows_is_completed_there() -> None:
    unit = enabled({"x.service": RUNS + "Environment=A=1 'B=$C of %H' A=%b\n"}, "x").services["x"]
    assert unit.execution.environment == {}
    assert unit.execution.late_environment == {"A": "${SYSIMAGE_BOOT_ID}", "B": "$$C of ${SYSIMAGE_HOSTNAME}"}
    assert unit.undone == ()


def test_an_order_that_makes_a_circle_gives_way() -> None:
    units = {"a.service": "[Unit]\nAfter=b.service\n" + RUNS, "b.service": "[Unit]\nAfter=a.service\n" + RUNS}
    for names in (("a", "b"), ("b", "a")):
        assert enabled(units, *names).requires == {"a": ("b",), "b": ()}


def test_every_name_that_leads_nowhere_is_an_issue_with_what_was_meant() -> None:
    found = enabled({"nginx.service": "[Unit]\nRequires=lost.service\n" + RUNS}, "ngnix", "nginx", "x@")
    assert [str(issue) for issue in found.issues] == [
        "/enable/0: no package of the image has a unit ngnix.service (did you mean 'nginx'?)",
        "/enable/2: no package of the image has a unit x@.service",
        "/enable/1: no package of the image has a unit lost.service",
    ]


def test_a_unit_that_runs_nothing_is_refused_as_systemd_does() -> None:
    units = {
        "a.service": "[Service\nExecStart=/bin/a\n",
        "b.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\n",
        "c.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStop=/bin/c\n",
    }
    assert [str(issue) for issue in enabled(units, "a", "b", "c").issues] == [
        "/enable/0: a.service cannot start: it has no ExecStart",
        "/enable/1: b.service cannot start: it has no ExecStart",
    ]


def test_a_kind_of_unit_that_cannot_be_enabled_is_refused_whether_it_is_there_or_not() -> None:
    found = enabled(
        {"x.path": "[Path]\nPathExists=/x\n", "a.service": "[Unit]\nRequires=b.mount\n" + RUNS},
        "x.path",
        "gone.mount",
        "a",
        "multi-user.target",
    )
    assert [str(issue) for issue in found.issues] == [
        "/enable/0: x.path cannot be enabled: only services, sockets, timers and targets can",
        "/enable/1: gone.mount cannot be enabled: only services, sockets, timers and targets can",
    ]


def test_units_that_exclude_each_other_are_refused_together() -> None:
    texts = {
        "a.service": "[Unit]\nConflicts=a.service b2.service gone.service c.service\n" + RUNS,
        "b.service": RUNS + "[Install]\nAlias=b2.service\n",
        "c.service": "[Unit]\nConflicts=b.service\n" + RUNS,
    }
    assert [str(issue) for issue in enabled(texts, "c", "b", "a").issues] == [
        "/enable: a and b cannot both be enabled",
        "/enable: a and c cannot both be enabled",
        "/enable: c and b cannot both be enabled",
    ]
    assert enabled(texts, "a").issues == []


def test_a_socket_alone_makes_its_service_wait_for_a_connection() -> None:
    units = {"d.socket": "[Socket]\nListenStream=8000\nListenDatagram=/run/d\nSocketMode=0600\n", "d.service": RUNS}
    alone = enabled(units, "d.socket").services["d"]
    assert alone.lazy
    assert alone.listeners == (
        Listener("stream", "::", 8000, "d.socket", 0o666, "root", "root", 128),
        Listener("datagram", "/run/d", None, "d.socket", 0o600, "root", "root", 128),
    )
    for names in (("d", "d.socket"), ("d.socket", "d")):
        assert not enabled(units, *names).services["d"].lazy
    assert alone.undone == ()
    more = {**units, "d.socket": f"{units['d.socket']}ListenNetlink=x\n"}
    assert enabled(more, "d.socket").services["d"].undone == (
        IgnoredDirective("ListenNetlink", "such a socket is not opened for the service"),
    )
    assert [str(issue) for issue in enabled({"d.socket": units["d.socket"]}, "d.socket").issues] == [
        "/enable/0: no package of the image has a unit d.service"
    ]


def test_a_socket_that_cannot_be_had_is_refused_or_named_as_it_was_asked_for() -> None:
    five = "".join(f"ListenStream={port}\n" for port in range(1, 6))
    for lines, why in (
        ("ListenStream=80\nAccept=yes\n", "it wants a process for each connection"),
        ("ListenStream=80\nListenFIFO=/run/f\n", "it wants a named pipe"),
        (f"{five}ListenStream=6\n", "it wants more than 5 sockets"),
        ("ListenStream=x\n", "not the address of a socket: 'x'"),
    ):
        units = {"d.socket": f"[Socket]\n{lines}", "d.service": RUNS + "[Install]\nAlso=d.socket\n"}
        refused = enabled(units, "d.socket")
        assert [str(issue) for issue in refused.issues] == [f"/enable/0: d.socket cannot be enabled: {why}"]
        assert refused.services == {}
        assert enabled(units, "d").services["d"].undone == (IgnoredDirective("d.socket", f"is not opened: {why}"),)
    most = {"d.socket": f"[Socket]\n{five}Accept=no\n", "d.service": RUNS}
    assert [one.port for one in enabled(most, "d.socket").services["d"].listeners] == [1, 2, 3, 4, 5]


def test_several_sockets_of_a_service_come_in_the_order_in_which_they_are_asked_for() -> None:
    units = {f"{name}.socket": f"[Socket]\nListenStream=/run/{name}\nService=d.service\n" for name in ("b", "a")}
    found = enabled({**units, "d.service": RUNS}, "b.socket", "a.socket").services["d"]
    assert [one.name for one in found.listeners] == ["b.socket", "a.socket"]


def test_a_timer_runs_its_service_at_its_moments() -> None:
    text = "OnCalendar=daily\nOnBootSec=5min\nOnActiveSec=2\nOnStartupSec=3\nOnUnitInactiveSec=9\nOnUnitActiveSec=10\n"
    units = {"r.timer": f"[Timer]\n{text}OnBootSec=infinity\nZeta=1\n", "r.service": RUNS + "Alpha=1\nNice=x\n"}
    found = enabled(units, "r.timer")
    (unit,) = found.services.values()
    assert unit.timer == TimerUnit((Moments((0,), (0,)),), (2, 3, 300), (9, 10))
    assert (list(found.services), unit.auto_start, found.issues) == (["r.timer"], True, [])
    assert [one.directive for one in unit.undone] == ["Alpha", "Nice", "Zeta"]
    named = enabled({"r.timer": "[Timer]\nUnit=job@%p.service\nOnBootSec=1\n", "job@.service": RUNS}, "r.timer")
    assert named.services["r.timer"].name.full == "job@r.service"


def test_a_timer_that_can_run_nothing_is_refused() -> None:
    units = {"a.timer": "[Timer]\nOnCalendar=daily\n", "b.timer": "[Timer]\nOnCalendar=soon\n", "b.service": RUNS}
    found = enabled(units, "a.timer", "b.timer")
    assert [str(issue) for issue in found.issues] == [
        "/enable/0: no package of the image has a unit a.service",
        "/enable/1: b.timer cannot be enabled: not a day of the week: 'soon'",
    ]
    assert found.services == {}


def test_a_template_needs_an_instance_unless_it_has_one_of_its_own() -> None:
    units = {"a@.service": f"{RUNS}[Install]\nDefaultInstance=one\n", "b@.service": RUNS}
    found = enabled(units, "a@", "b@", "b@two")
    assert list(found.services) == ["a@one", "b@two"]
    assert [str(issue) for issue in found.issues] == ["/enable/1: b@ needs an instance, such as b@NAME"]


def test_what_a_container_has_anyway_or_cannot_have_is_not_a_need() -> None:
    requires = "systemd-udevd.service dev-sda.device -.mount x.mount sysinit.target syslog.socket dbus-org.a.service"
    texts = {
        "a.service": f"[Unit]\nRequires={requires}\n{RUNS}",
        "syslog.socket": "[Socket]\nListenDatagram=/run/systemd/journal/syslog\nService=b.service\n",
        "b.service": RUNS,
    }
    found = enabled(texts, "a")
    assert (list(found.services), found.issues) == (["a"], [])


def test_a_target_stands_for_what_it_wants_and_has() -> None:
    texts = {"web.target": "[Unit]\nWants=a.service gone.service\nRequires=b.service\n", "a.service": RUNS}
    found = enabled({**texts, "b.service": RUNS}, "web.target", "gone.target")
    assert (list(found.services), found.issues) == (["a"], [])


def test_an_instance_has_the_text_of_its_template_and_a_group_stands_for_its_members() -> None:
    units = {"db@.service": RUNS + "PIDFile=%i.pid\n", "db.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n"}
    found = enabled(units, "db", groups={"db": ("db@1-main", "db@2-main")})
    assert sorted(found.services) == ["db@1-main", "db@2-main"]
    assert found.services["db@1-main"].pid_file == "/run/1-main.pid"
    assert [str(issue) for issue in enabled(units, "db", groups={"db": ()}).issues] == [
        "/enable/0: no package of the image has what db starts"
    ]
    shop = {**units, "shop.service": f"[Unit]\nAfter=db.service\n{RUNS}"}
    assert enabled(shop, "db", "shop", groups={"db": ("db@2-main", "db@1-main")}).requires["shop"] == (
        *("db@1-main", "db@2-main"),
    )


def test_a_service_without_a_command_cannot_start() -> None:
    found = enabled({"x.service": "[Service]\nType=simple\n", "y.service": "[Service]\nExecStart='a\n"}, "x", "y")
    assert [issue.message for issue in found.issues] == [
        "x.service cannot start: it has no ExecStart",
        'y.service cannot start: cannot be read: a quote is not closed: "\'a"',
    ]


def test_a_name_that_only_a_script_for_another_init_has_is_named_as_one() -> None:
    files = UnitFiles({"dhcpd.service": RUNS}, init_scripts=frozenset({"isc-dhcp-server"}))
    assert [str(issue) for issue in enable(["isc-dhcp-server", "isc-dhcp-server.socket"], files, owner, {}).issues] == [
        "/enable/0: no package of the image has a unit isc-dhcp-server.service, only a script for another init, "
        '/etc/init.d/isc-dhcp-server: say what it starts under the key "services"',
        "/enable/1: no package of the image has a unit isc-dhcp-server.socket",
    ]


def test_a_service_that_starts_nothing_takes_along_those_that_are_part_of_it() -> None:
    part = "[Unit]\nPartOf=tor.service\n" + RUNS
    texts = {
        "tor.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
        "[Install]\nWantedBy=multi-user.target\n",
        "tor@.service": part,
        "tor@default.service": part,
        "x.service": RUNS,
        "y.service": "[Unit]\nPartOf=x.service\n" + RUNS,
    }
    assert sorted(enabled(texts, "tor", "x").services) == ["tor", "tor@default", "x"]


def test_permissions_of_the_start_alone_leave_the_commands_around_it_to_root() -> None:
    text = f"{RUNS}ExecStartPre=/bin/mkdir /run/x\nUser=app\n"
    with_it = enabled({"x.service": f"{text}PermissionsStartOnly=yes\n"}, "x").services["x"]
    without = enabled({"x.service": text}, "x").services["x"]
    assert [one.privileged for one in (*with_it.commands.pre, *with_it.commands.start)] == [True, False]
    assert [one.privileged for one in without.commands.pre] == [False]
    assert (with_it.undone, with_it.contained) == ((), ())


def test_a_service_on_the_bus_takes_the_bus_along_and_starts_after_it() -> None:
    texts = {
        "avahi.service": f"{RUNS}Type=dbus\nBusName=org.freedesktop.Avahi\n",
        "dbus.socket": "[Socket]\nListenStream=/run/dbus/system_bus_socket\n",
        "dbus.service": f"[Unit]\nRequires=dbus.socket\n{RUNS}",
    }
    found = enabled(texts, "avahi")
    assert found.requires == {"avahi": ("dbus",), "dbus": ()}
    assert found.services["dbus"].lazy
    assert not enabled(texts, "avahi", "dbus").services["dbus"].lazy
    assert enabled({"avahi.service": texts["avahi.service"]}, "avahi").issues == []


def test_sockets_for_each_family_of_addresses_are_opened_for_one() -> None:
    text = "[Socket]\nBindIPv6Only=ipv6-only\nListenStream=/run/r\nListenStream=0.0.0.0:111\nListenStream=[::]:111\n"
    unit = enabled({"r.service": RUNS, "r.socket": text}, "r", "r.socket").services["r"]
    assert [one.address for one in unit.listeners] == ["/run/r", "0.0.0.0"]
    assert unit.undone == (IgnoredDirective("r.socket", "is opened for IPv4 alone"),)
    alone = text.replace("ListenStream=0.0.0.0:111\n", "")
    assert enabled({"r.service": RUNS, "r.socket": alone}, "r", "r.socket").services["r"].undone == ()
