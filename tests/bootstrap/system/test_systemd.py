"""A system with systemd: which units are enabled, what the spec says of services, what starts it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.errors import SpecError
from sysimage.rootfs.tree import Entry, Kind
from sysimage.spec.model import SystemSpec
from sysimage.spec.services import Timer
from sysimage_bootstrap.store import ItemStore
from sysimage_bootstrap.system.system import build_system
from sysimage_bootstrap.system.systemd.declared_services import calendar
from sysimage_bootstrap.system.systemd.unit_text import command_line, plain, quoted
from sysimage_bootstrap.units.commands import parse_commands
from sysimage_bootstrap.units.quoting import split_words
from sysimage_bootstrap.units.specifiers import Owner, UnitName, expand
from sysimage_bootstrap.units.unit_file import UnitFile
from tests.bootstrap.system.packages import make_packages

ETC = "/etc/systemd/system"
LIB = "/usr/lib/systemd/system"
PLAIN = "[Service]\nExecStart=/usr/sbin/server\n[Install]\nWantedBy=multi-user.target\n"
SERVER = f"[Service]\nUser=serverd\n{PLAIN}Alias=served.service\n"
MORE = {
    "systemd": {
        "lib/systemd/systemd": "#!",
        "lib/systemd/system-preset/90-systemd.preset": "disable quiet.service\n",
        "lib/systemd/system/tmp.mount": "[Mount]\nWhat=tmpfs\nWhere=/tmp\n",
        "etc/systemd/journald.conf": "[Journal]\n",
    },
    "server": {
        "sbin/server": "#!",
        "lib/systemd/system/server.service": SERVER,
        "lib/systemd/system/quiet.service": PLAIN,
        "lib/systemd/system/idle.service": PLAIN,
        "lib/systemd/system/static.timer": "[Timer]\nOnCalendar=daily\n",
        "lib/systemd/system/copy@.service": (
            "[Service]\nExecStart=/usr/sbin/server %i\n[Install]\nWantedBy=%i.target\nAlso=idle.service\n"
        ),
    },
}
POSTINST = "#!/bin/sh\nset -e\ndeb-systemd-helper enable 'server.service'\ndeb-systemd-helper enable 'quiet.service'\n"


def entries(tmp_path: Path, **parts: Any) -> Mapping[str, Entry]:
    """Those of the image, by path."""
    spec = SystemSpec.model_validate({"name": "x", "packages": ["server"], "init": "systemd", **parts})
    store = ItemStore(tmp_path / "store", spec.store.store_dir)
    items, facts = make_packages(store, MORE, {"server": {"postinst": POSTINST}})
    result = build_system(spec, tmp_path, items, facts, store, None)
    return {entry.path: entry for entry in result.entries}


def links(found: Mapping[str, Entry]) -> dict[str, str | None]:
    below = f"{ETC}/"
    return {
        path.removeprefix(below): one.target for path, one in found.items() if path.startswith(below) and one.target
    }


def unit(found: Mapping[str, Entry], name: str) -> UnitFile:
    return UnitFile.parse(found[f"{ETC}/{name}"].read().decode())


def faults(tmp_path: Path, **parts: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        entries(tmp_path, **parts)
    return [str(issue) for issue in caught.value.issues]


def test_packages_enable_their_units_as_in_debian_unless_a_preset_says_no(tmp_path: Path) -> None:
    assert links(entries(tmp_path)) == {
        "multi-user.target.wants/server.service": f"{LIB}/server.service",
        "served.service": f"{LIB}/server.service",
        "tmp.mount": "/dev/null",
    }


def test_what_the_spec_enables_is_enabled_as_its_install_section_says(tmp_path: Path) -> None:
    found = links(entries(tmp_path, enable=["copy@now", "static.timer", "quiet", "tmp.mount"]))
    assert found["now.target.wants/copy@now.service"] == f"{LIB}/copy@.service"
    assert found["multi-user.target.wants/idle.service"] == f"{LIB}/idle.service"
    assert found["multi-user.target.wants/quiet.service"] == f"{LIB}/quiet.service"
    assert found["timers.target.wants/static.timer"] == f"{LIB}/static.timer"
    assert "tmp.mount" not in found


def test_a_preset_and_a_mask_of_the_spec_keep_a_unit_from_starting(tmp_path: Path) -> None:
    preset = {"/etc/systemd/system-preset/10-own.preset": {"text": "disable server.service\n"}}
    assert set(links(entries(tmp_path, files=preset))) == {"tmp.mount"}
    masked = links(entries(tmp_path, symlinks={f"{ETC}/server.service": "/dev/null"}))
    assert masked == {"server.service": "/dev/null", "tmp.mount": "/dev/null"}


def test_a_unit_of_the_specs_own_is_enabled_where_it_is(tmp_path: Path) -> None:
    own = {f"{ETC}/own.service": {"text": "[Service]\nExecStart=/usr/sbin/server\n[Install]\nWantedBy=a.target\n"}}
    found = links(entries(tmp_path, files=own, enable=["own"]))
    assert found["a.target.wants/own.service"] == f"{ETC}/own.service"


def test_accounts_of_units_are_made(tmp_path: Path) -> None:
    spec = SystemSpec.model_validate({"name": "x", "packages": ["server"], "init": "systemd"})
    store = ItemStore(tmp_path / "store", spec.store.store_dir)
    items, facts = make_packages(store, MORE, {"server": {"postinst": POSTINST}})
    accounts = build_system(spec, tmp_path, items, facts, store, None).accounts
    assert accounts is not None
    assert accounts.user("serverd") is not None


def test_a_declared_service_becomes_a_unit(tmp_path: Path) -> None:
    services = {
        "web": {
            "command": ["server", "--name", "a b", "$HOME", "100%"],
            "user": "www-data",
            "requires": ["server", "tables"],
            "environment": {"A": 'x "y"'},
            "working-directory": "/srv",
            "log": "/var/log/web.log",
            "ready": {"tcp": 80, "timeout": 5},
            "stop-signal": "SIGQUIT",
            "stop-timeout": 20,
        },
        "tables": {"command": ["/usr/sbin/server"], "one-shot": True, "log": "none"},
        "sweep": {"command": ["server"], "timer": {"hours": [3], "minutes": [30]}},
        "hand": {"command": ["server"], "auto-start": False, "respawn": False},
    }
    found = entries(tmp_path, services=services)
    web = unit(found, "web.service")
    (start,) = web.values("Service", "ExecStart")
    (command,) = parse_commands(start, UnitName("web.service"), Owner())
    assert command.words == ("/usr/sbin/server", "--name", "a b", "$HOME", "100%")
    assert not command.variables
    assert web.values("Unit", "Requires") == web.values("Unit", "After") == ("server.service tables.service",)
    assert web.value("Service", "User") == "www-data"
    assert [expand(one, UnitName("x")) for one in split_words(web.value("Service", "Environment") or "")] == ['A=x "y"']
    assert web.value("Service", "StandardError") == "append:/var/log/web.log"
    assert web.value("Service", "ExecStartPost") == ":/run/current-system/wait-until-ready 5 tcp 127.0.0.1 80"
    assert (web.value("Service", "KillSignal"), web.value("Service", "TimeoutStopSec")) == ("SIGQUIT", "20")
    assert (web.value("Service", "Restart"), web.value("Unit", "StartLimitIntervalSec")) == ("always", "0")
    tables = unit(found, "tables.service")
    assert (tables.value("Service", "Type"), tables.value("Service", "RemainAfterExit")) == ("oneshot", "yes")
    assert tables.value("Service", "Restart") is None
    assert unit(found, "sweep.timer").value("Timer", "OnCalendar") == "*-*-* 03:30:00"
    assert unit(found, "hand.service").value("Service", "Restart") is None
    enabled = links(found)
    assert enabled["multi-user.target.wants/web.service"] == f"{ETC}/web.service"
    assert enabled["timers.target.wants/sweep.timer"] == f"{ETC}/sweep.timer"
    assert not any(name.endswith(("/hand.service", "/sweep.service")) for name in enabled)


def test_services_beside_a_unit_and_units_are_drop_ins(tmp_path: Path) -> None:
    found = entries(
        tmp_path,
        enable=["server"],
        services={
            "server": {"command": ["/usr/sbin/server", "-f"], "environment": {"A": "b"}},
            "idle": {"log": "none"},
        },
        units={"server": {"Service": {"LimitNOFILE": 9, "PrivateTmp": True, "ExecStartPre": ["", "/bin/true"]}}},
    )
    changed = unit(found, "server.service.d/20-services.conf")
    assert changed.values("Service", "ExecStart") == (":/usr/sbin/server -f",)
    assert found[f"{ETC}/server.service.d/20-services.conf"].read().count(b"ExecStart=\n") == 1
    assert changed.value("Service", "KillSignal") is None
    assert unit(found, "idle.service.d/20-services.conf").value("Service", "StandardOutput") == "null"
    assert (
        found[f"{ETC}/server.service.d/30-units.conf"]
        .read()
        .decode()
        .endswith("[Service]\nLimitNOFILE=9\nPrivateTmp=yes\nExecStartPre=\nExecStartPre=/bin/true\n")
    )


def test_a_service_of_a_packages_name_takes_the_place_of_its_unit(tmp_path: Path) -> None:
    found = entries(tmp_path, services={"server": {"command": ["/usr/sbin/server", "-f"]}})
    assert found[f"{ETC}/server.service"].kind is Kind.FILE
    assert links(found)["multi-user.target.wants/server.service"] == f"{ETC}/server.service"


def test_every_fault_of_units_is_at_its_place(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        enable=["serve", "copy@"],
        services={"none": {"user": "nobody"}, "web": {"command": ["server"], "requires": ["nothing"]}},
        units={"copi@x": {"Service": {"A": "b"}}},
    )
    assert [line.partition(":")[0] for line in found] == [
        "/enable/0",
        "/enable/1",
        "/services/none",
        "/services/web/requires/0",
        "/units/copi@x",
    ]


def test_what_has_to_be_made_at_the_first_start_is_made_before_the_unit(tmp_path: Path) -> None:
    own = {f"{ETC}/postgresql@.service": {"text": "[Service]\nExecStart=/usr/sbin/server\n"}}
    found = entries(tmp_path, files=own, enable=["postgresql@17-main"])
    first = unit(found, "postgresql-first-start@.service")
    assert first.value("Unit", "ConditionPathExists") == "!/etc/postgresql/%I/postgresql.conf"
    assert "%%%%-*" in (first.value("Service", "ExecStart") or "")
    drop_in = unit(found, "postgresql@.service.d/10-first-start.conf")
    assert drop_in.value("Unit", "Requires") == drop_in.value("Unit", "After") == "postgresql-first-start@%i.service"


def test_a_unit_that_stops_with_a_program_of_dpkg_gets_its_signal_from_systemd(tmp_path: Path) -> None:
    stop = "ExecStop=-/sbin/start-stop-daemon --quiet --stop --retry QUIT/5 --pidfile /run/x.pid\n"
    own = {f"{ETC}/own.service": {"text": f"[Service]\nExecStart=/usr/sbin/server\n{stop}"}}
    drop_in = entries(tmp_path, files=own, enable=["own"])[f"{ETC}/own.service.d/10-kill-signal.conf"]
    assert drop_in.read().decode().endswith("[Service]\nExecStop=\nKillSignal=SIGQUIT\n")


def test_a_unit_whose_program_is_not_in_the_image_is_named(tmp_path: Path) -> None:
    own = {f"{ETC}/own.service": {"text": "[Service]\nExecStartPre=-/bin/none\nExecStart=/usr/bin/nothing -x\n"}}
    spec = SystemSpec.model_validate(
        {"name": "x", "packages": ["server"], "init": "systemd", "files": own, "enable": ["own"]}
    )
    store = ItemStore(tmp_path / "store", spec.store.store_dir)
    items, facts = make_packages(store, MORE)
    (notice,) = build_system(spec, tmp_path, items, facts, store, None).notices
    assert notice == "own.service: no package of the image has /usr/bin/nothing, so the unit will fail when it starts"


def test_the_image_starts_with_a_program_that_podman_takes_for_systemd(tmp_path: Path) -> None:
    spec = SystemSpec.model_validate({"name": "x", "packages": ["server"], "init": "systemd"})
    store = ItemStore(tmp_path / "store", spec.store.store_dir)
    items, facts = make_packages(store, MORE)
    result = build_system(spec, tmp_path, items, facts, store, None)
    assert result.image_defaults.entry_point == (f"{result.system}/systemd",)
    assert (result.image_defaults.stop_signal, result.boot_program) == ("SIGRTMIN+3", None)
    assert result.image_defaults.environment["container"] == "oci"
    there = {entry.path: entry for entry in result.entries}
    assert there["/etc/machine-id"].content == b""
    assert "/etc/systemd/journald.conf" in there
    program = store.location(result.system) / "systemd"
    assert program.stat().st_mode & 0o100
    assert f'system="{result.system}"' in program.read_text()


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_a_command_is_read_as_it_was_written(words: list[str]) -> None:
    line = command_line(["/bin/x", *words])
    assert "\n" not in line
    found = [expand(word, UnitName("x.service")) for word in split_words(line.removeprefix(":"))]
    assert found == ["/bin/x", *words]


@given(st.text(st.characters(exclude_characters="\0\n\r", exclude_categories=["Cs"])))
def test_a_plain_value_keeps_to_its_line(text: str) -> None:
    read = UnitFile.parse(f"[Unit]\nDescription={plain(text)}\nAfter=x\n")
    assert read.values("Unit", "After") == ("x",)
    assert expand(read.value("Unit", "Description") or "", UnitName("x")) == text.rstrip("\\ \t").strip(" \t\r\f\v")


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_quoted_word_is_one_word(text: str) -> None:
    assert len(split_words(quoted(text))) == 1


@pytest.mark.parametrize(
    ("timer", "said"),
    [
        ({}, "*-*-* *:*:00"),
        ({"minutes": [30, 0], "hours": [3]}, "*-*-* 03:00,30:00"),
        ({"days-of-week": [0, 6], "months": [1], "days-of-month": [1, 15]}, "Sun,Sat *-01-01,15 *:*:00"),
    ],
)
def test_moments_are_systemds(timer: dict[str, Any], said: str) -> None:
    assert calendar(Timer.model_validate(timer)) == said
