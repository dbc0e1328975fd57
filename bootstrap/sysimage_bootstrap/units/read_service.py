"""From a service's unit file to a `ServiceUnit`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from sysimage_bootstrap.units import values
from sysimage_bootstrap.units.commands import Command, parse_commands
from sysimage_bootstrap.units.conditions import read_conditions
from sysimage_bootstrap.units.directives import IgnoredDirective, Outcome, not_done
from sysimage_bootstrap.units.quoting import split_words
from sysimage_bootstrap.units.service_unit import (
    TYPES,
    Commands,
    Endings,
    Execution,
    ManagedDirectory,
    Relations,
    ServiceUnit,
)
from sysimage_bootstrap.units.specifiers import Owner, UnitName, expand, is_late
from sysimage_bootstrap.units.unit_file import UnitFile

Value = TypeVar("Value")
Default = TypeVar("Default")
OwnerOf = Callable[[str | None, str | None], Owner]
"""User and group as a unit has them → the accounts that the image has for them."""

_TOPS = {
    "Runtime": "/run",
    "State": "/var/lib",
    "Cache": "/var/cache",
    "Logs": "/var/log",
    "Configuration": "/etc",
}
_LIMITS = (
    *("CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NOFILE", "AS"),
    *("NPROC", "MEMLOCK", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"),
)
"""What follows ``Limit`` in names of directives."""
_STATUSES = {
    "USAGE": 64,
    "DATAERR": 65,
    "NOINPUT": 66,
    "NOUSER": 67,
    "NOHOST": 68,
    "UNAVAILABLE": 69,
    "SOFTWARE": 70,
    "OSERR": 71,
    "OSFILE": 72,
    "CANTCREAT": 73,
    "IOERR": 74,
    "TEMPFAIL": 75,
    "PROTOCOL": 76,
    "NOPERM": 77,
    "CONFIG": 78,
    "SUCCESS": 0,
    "FAILURE": 1,
    "INVALIDARGUMENT": 2,
    "NOTIMPLEMENTED": 3,
    "NOPERMISSION": 4,
    "NOTINSTALLED": 5,
    "NOTCONFIGURED": 6,
    "NOTRUNNING": 7,
}
"""systemd.exec(5), "Process Exit Codes"."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Reader:
    """One unit; what cannot be read of it is a finding, as systemd ignores such a line and warns."""

    def __init__(self, unit: UnitFile, name: UnitName, owner_of: OwnerOf) -> None:
        self.unit, self.name = unit, name
        self.findings: list[IgnoredDirective] = []
        self.owner = Owner()
        user, group = self.expanded("Service", "User"), self.expanded("Service", "Group")
        self.dynamic = self.boolean("DynamicUser")
        if self.dynamic and user is None:
            user = re.sub(r"[^A-Za-z0-9_-]", "-", name.stem)[:31]
        self.user, self.group = user, group
        self.owner = owner_of(user, group)

    def expanded(self, section: str, key: str) -> str | None:
        value = self.unit.value(section, key)
        return None if value is None else self.tried(key, None, self.expand, value)

    def tried(self, key: str, default: Default, read: Callable[..., Value], *arguments: object) -> Value | Default:
        try:
            return read(*arguments)
        except ValueError as error:
            self.findings.append(IgnoredDirective(key, f"cannot be read: {error}"))
            return default

    def expand(self, value: str) -> str:
        return expand(value, self.name, self.owner)

    def expand_late(self, value: str) -> str:
        return expand(value, self.name, self.owner, at_run_time=True)

    def boolean(self, key: str, default: bool = False) -> bool:
        value = self.unit.value("Service", key)
        return default if value is None else self.tried(key, default, values.boolean, value)

    def seconds(self, keys: tuple[str, ...], default: float | None, section: str = "Service") -> float | None:
        for key in keys:
            value = self.unit.value(section, key)
            if value is not None:
                return self.tried(key, default, values.seconds, value)
        return default

    def number(self, key: str) -> int | None:
        value = self.unit.value("Service", key)
        return None if value is None else self.tried(key, None, int, value)

    def commands(self, key: str) -> tuple[Command, ...]:
        return tuple(
            chain.from_iterable(
                self.tried(key, (), parse_commands, value, self.name, self.owner)
                for value in self.unit.values("Service", key)
            )
        )

    def words(self, section: str, key: str) -> tuple[str, ...]:
        return tuple(
            word for value in self.unit.words(section, key) if (word := self.tried(key, "", self.expand, value))
        )


def read_service(unit: UnitFile, name: UnitName, owner_of: OwnerOf) -> ServiceUnit:
    """Everything that the unit says of a service."""
    reader = _Reader(unit, name, owner_of)
    kind = unit.value("Service", "Type") or ("simple" if unit.values("Service", "ExecStart") else "oneshot")
    if unit.value("Service", "BusName") and unit.value("Service", "Type") is None:
        kind = "dbus"
    if kind not in TYPES:
        reader.findings.append(IgnoredDirective("Type", f"is not a type that is known here: {kind!r}"))
        kind = "simple"
    result = ServiceUnit(
        name,
        reader.expanded("Unit", "Description") or "",
        kind,
        _commands(reader),
        _execution(reader),
        _endings(reader, kind),
        _relations(reader, kind),
        conditions=reader.tried("Condition", (), read_conditions, unit, name),
        pid_file=_absolute(reader.expanded("Service", "PIDFile"), "/run"),
        bus_name=unit.value("Service", "BusName"),
        remain_after_exit=reader.boolean("RemainAfterExit"),
    )
    keys = unit.keys()
    undone = {*not_done(keys, Outcome.UNDONE), *reader.findings}
    return replace(result, undone=tuple(sorted(undone)), contained=not_done(keys, Outcome.CONTAINED))


def _commands(reader: _Reader) -> Commands:
    everything = reader.boolean("PermissionsStartOnly")  # the name of "+" before there was one

    def around(key: str) -> tuple[Command, ...]:
        return tuple(replace(one, privileged=one.privileged or everything) for one in reader.commands(key))

    return Commands(
        start=reader.commands("ExecStart"),
        condition=around("ExecCondition"),
        pre=around("ExecStartPre"),
        post=around("ExecStartPost"),
        reload=around("ExecReload"),
        stop=around("ExecStop"),
        stop_post=around("ExecStopPost"),
    )


def _execution(reader: _Reader) -> Execution:
    unit = reader.unit
    directory = reader.expanded("Service", "WorkingDirectory") or "/"
    umask = unit.value("Service", "UMask")
    ambient = reader.words("Service", "AmbientCapabilities")
    environment, late = _environment(reader)
    return Execution(
        user=reader.user,
        group=reader.group,
        supplementary_groups=reader.words("Service", "SupplementaryGroups"),
        dynamic_user=reader.dynamic,
        environment=environment,
        late_environment=late,
        environment_files=_environment_files(reader),
        unset=reader.words("Service", "UnsetEnvironment"),
        directory=directory.removeprefix("-"),
        directory_optional=directory.startswith("-"),
        directories=tuple(_directories(reader)),
        umask=None if umask is None else reader.tried("UMask", None, values.mode, umask),
        limits=_limits(reader),
        nice=reader.number("Nice"),
        oom_score_adjust=reader.number("OOMScoreAdjust"),
        ambient_capabilities=tuple(word.lower() for word in ambient if not word.startswith("~")),
        bounding_capabilities=_bounding(unit),
        no_new_privileges=reader.boolean("NoNewPrivileges"),
        output=_output(reader),
    )


def _limits(reader: _Reader) -> Mapping[str, tuple[int | None, int | None]]:
    """Name, as the shell has it → soft and hard limit."""
    limits = {}
    for name in _LIMITS:
        key = f"Limit{name}"
        value = reader.unit.value("Service", key)
        found = None if value is None else reader.tried(key, None, values.limit, key, value)
        if found is not None:
            limits[name.lower()] = found
    return limits


def _environment(reader: _Reader) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The variables that are known now, and those that are known where the service runs."""
    found: dict[str, str] = {}
    late: dict[str, str] = {}
    for value in reader.unit.values("Service", "Environment"):
        for word in reader.tried("Environment", (), split_words, value):
            name, equals, text = word.partition("=")
            if not equals or not _VARIABLE.fullmatch(name):
                reader.findings.append(
                    IgnoredDirective("Environment", f"cannot be read: not a variable: {word[:80]!r}")
                )
                continue
            found.pop(name, None)
            late.pop(name, None)
            if is_late(text):
                late[name] = reader.tried("Environment", text, reader.expand_late, text.replace("$", "$$"))
            else:
                found[name] = reader.tried("Environment", text, reader.expand, text)
    return found, late


def _environment_files(reader: _Reader) -> tuple[tuple[str, bool], ...]:
    found = []
    for value in reader.unit.values("Service", "EnvironmentFile"):
        path = reader.tried("EnvironmentFile", "", reader.expand, value)
        if path.removeprefix("-").startswith("/"):
            found.append((path.removeprefix("-"), path.startswith("-")))
    return tuple(found)


def _directories(reader: _Reader) -> list[ManagedDirectory]:
    found = []
    for kind, top in _TOPS.items():
        mode = _mode(reader, f"{kind}DirectoryMode")
        for word in reader.words("Service", f"{kind}Directory"):
            path = word.partition(":")[0]
            if path.startswith("/") or ".." in path.split("/"):
                reader.findings.append(
                    IgnoredDirective(f"{kind}Directory", f"cannot be read: not a relative path: {word!r}")
                )
                continue
            kept = (reader.unit.value("Service", "RuntimeDirectoryPreserve") or "no") != "no"
            found.append(ManagedDirectory(f"{top}/{path}", mode, kind.upper(), removed=kind == "Runtime" and not kept))
    return found


def _mode(reader: _Reader, key: str) -> int:
    value = reader.unit.value("Service", key)
    return 0o755 if value is None else reader.tried(key, 0o755, values.mode, value)


def _bounding(unit: UnitFile) -> tuple[str, ...] | None:
    """As systemd.exec(5) merges lines: names after ``~`` are dropped, others added; a line without any starts again."""
    all_but, names = True, set[str]()
    for one in unit.assignments:
        if (one.section, one.key) != ("Service", "CapabilityBoundingSet"):
            continue
        dropped, words = one.value.startswith("~"), set(one.value.removeprefix("~").lower().split())
        if not words or (all_but and not names):
            all_but, names = dropped, words
        else:
            names = names | words if dropped == all_but else names - words
    if not all_but:
        return tuple(sorted(names))
    return tuple(f"-{name}" for name in sorted(names)) or None


def _output(reader: _Reader) -> str:
    value = reader.expanded("Service", "StandardOutput") or "journal"
    if value == "null":
        errors = reader.expanded("Service", "StandardError") or "inherit"
        return "none" if errors in ("null", "inherit") else "console"
    for start in ("file:", "append:", "truncate:"):
        if value.startswith(f"{start}/"):
            return value.removeprefix(start)
    return "console"


def _endings(reader: _Reader, kind: str) -> Endings:
    unit = reader.unit
    codes, signals = _statuses(reader, "SuccessExitStatus")
    final, _ = _statuses(reader, "RestartPreventExitStatus")
    kill = unit.value("Service", "KillSignal")
    return Endings(
        restart=unit.value("Service", "Restart") or "no",
        restart_seconds=reader.seconds(("RestartSec",), 0.1) or 0.0,
        start_limit=_start_limit(reader),
        success_codes=codes,
        success_signals=signals,
        final_codes=final,
        kill_signal=15 if kill is None else reader.tried("KillSignal", 15, values.signal, kill),
        kill_mode=unit.value("Service", "KillMode") or "control-group",
        send_hangup=reader.boolean("SendSIGHUP"),
        start_seconds=_timeout(reader, "TimeoutStartSec", None if kind == "oneshot" else 90.0),
        stop_seconds=_timeout(reader, "TimeoutStopSec", 90.0),
        watchdog_seconds=reader.seconds(("WatchdogSec",), None) or None,
    )


def _timeout(reader: _Reader, key: str, default: float | None) -> float | None:
    """systemd takes 0 for no limit."""
    return reader.seconds((key, "TimeoutSec"), default) or None


def _start_limit(reader: _Reader) -> tuple[int, float] | None:
    burst = reader.unit.value("Unit", "StartLimitBurst") or reader.unit.value("Service", "StartLimitBurst")
    keys = ("StartLimitIntervalSec", "StartLimitInterval")
    section = next((s for s in ("Unit", "Service") for key in keys if reader.unit.value(s, key) is not None), None)
    interval = None if section is None else reader.seconds(keys, 10.0, section)
    if burst is None and section is None:
        return None
    if interval == 0 or (burst is not None and not burst.isdecimal()):
        return None
    return (int(burst) if burst is not None else 5, 10.0 if section is None else (interval or 86400.0))


def _statuses(reader: _Reader, key: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    codes, signals = set(), set()
    for word in reader.words("Service", key):
        if word.isdecimal() and int(word) < 256:
            codes.add(int(word))
        elif word in _STATUSES:
            codes.add(_STATUSES[word])
        else:
            number = reader.tried(key, 0, values.signal, word)
            if number:
                signals.add(number)
    return tuple(sorted(codes)), tuple(sorted(signals))


def _relations(reader: _Reader, kind: str) -> Relations:
    bus = ("dbus.socket",) if kind == "dbus" else ()  # systemd implies the socket

    def names(*keys: str, section: str = "Unit") -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for key in keys for name in reader.words(section, key)))

    return Relations(
        requires=names("Requires", "Requisite", "BindsTo"),
        wants=(*names("Wants", "Upholds"), *bus),
        after=(*names("After"), *bus),
        before=names("Before"),
        conflicts=names("Conflicts"),
        also=names("Also", section="Install"),
        sockets=names("Sockets", section="Service"),
        reload_from=names("ReloadPropagatedFrom", "PropagateReloadFrom"),
        reload_to=names("PropagatesReloadTo", "PropagateReloadTo"),
        on_failure=names("OnFailure"),
        on_success=names("OnSuccess"),
    )


def _absolute(path: str | None, top: str) -> str | None:
    return path if path is None or path.startswith("/") else f"{top}/{path}"
