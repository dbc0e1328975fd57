"""The services of enabled units, as data for the Shepherd's programs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.capabilities import NAMES
from sysimage.spec.services import PROGRAM_PATH, Timer
from sysimage_bootstrap.debian.first_starts import FIRST_STARTS
from sysimage_bootstrap.debian.without_systemd import SILENT, without_systemd
from sysimage_bootstrap.system.scheme import Datum, Symbol
from sysimage_bootstrap.units.calendar import Moments
from sysimage_bootstrap.units.commands import Command
from sysimage_bootstrap.units.conditions import Condition
from sysimage_bootstrap.units.service_unit import Execution, ServiceUnit, TimerUnit
from sysimage_bootstrap.units.specifiers import Owner, UnitName, expand
from sysimage_bootstrap.units.values import signal

Fields = dict[str, tuple[Datum, ...]]
"""Name of a field → its values."""

_KINDS = {"forking": "forking", "oneshot": "one-shot"}
_NOTIFYING = ("notify", "notify-reload")
_KILL_MODES = {"control-group": "group", "mixed": "mixed", "process": "process", "none": "none"}
_RETRY = re.compile(r"--retry[ =]([A-Z0-9]+)/")
_LONGEST = 365 * 86400.0
_DBUS_QUESTION = (
    'dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner "string:$1"'
    " | grep -q true"
)


def owner_in(accounts: Accounts, user: str | None, group: str | None) -> Owner:
    """The accounts of a unit's user and group; those that are not there yet count as named."""
    found = accounts.user(user or "root")
    if found is None:
        return Owner(user or "root", 0, group or user or "root", 0, "/nonexistent", "/usr/sbin/nologin")
    own = accounts.group_of(found)
    named = accounts.group(group) if group is not None else own
    return Owner(
        found.name, found.uid, named.name if named else group or own.name, named.gid if named else 0, found.home,
        found.shell,
    )  # fmt: skip


def with_found_programs(unit: ServiceUnit, exists: Callable[[str], bool]) -> ServiceUnit:
    """The unit with whole paths of its programs, and without the commands that may fail and whose program the image
    lacks.

    ``start-stop-daemon`` is one of them, a part of dpkg: the signal that it would send becomes the stop signal of the
    unit.
    """

    def found(command: Command) -> Command:
        program, *arguments = without_systemd(command.words)
        places = [f"{directory}/{program}" for directory in PROGRAM_PATH] if "/" not in program else []
        return replace(command, words=(next(filter(exists, places), program), *arguments))

    def kept(commands: tuple[Command, ...]) -> tuple[Command, ...]:
        return tuple(one for one in map(found, commands) if not one.ignore_failure or exists(one.words[0]))

    commands, endings = unit.commands, unit.endings
    is_silent = any(posixpath.basename(one.words[0]) in SILENT for one in commands.start)
    for one in commands.stop:
        retry = _RETRY.search(" ".join(one.words))
        if one.words[0].endswith("/start-stop-daemon") and retry and not exists(one.words[0]):
            endings = replace(endings, kill_signal=signal(retry[1]))
    commands = replace(
        commands,
        condition=tuple(map(found, commands.condition)),
        pre=kept(commands.pre),
        start=tuple(map(found, commands.start)),
        post=kept(commands.post),
        reload=tuple(map(found, commands.reload)),
        stop=kept(commands.stop),
        stop_post=kept(commands.stop_post),
    )
    kind = "simple" if is_silent and unit.type in _NOTIFYING else unit.type
    return replace(unit, type=kind, commands=commands, endings=endings)


def unit_fields(unit: ServiceUnit, requires: Sequence[str], accounts: Accounts) -> Fields:
    """A unit as the Shepherd's programs take it."""
    owner = owner_in(accounts, unit.execution.user, unit.execution.group)
    fields = _always(unit, requires, owner)
    fields |= {name: values for name, values in _lists(unit).items() if values}
    fields |= _account(unit.execution, owner, accounts)
    fields |= {name: (value,) for name, value in _options(unit).items() if value is not None}
    fields |= _capabilities(unit.execution)
    if unit.execution.nice:
        nice = ("/usr/bin/nice", "-n", str(unit.execution.nice))
        fields["start"] = _commands(unit.commands.start, before=nice)
    if unit.type == "dbus" and unit.bus_name:
        words = ("/usr/bin/sh", "-c", _DBUS_QUESTION, "bus", unit.bus_name)
        fields["ready"] = (Symbol("command"), unit.endings.start_seconds or _LONGEST, *words)
    if unit.timer is not None:
        fields |= _timer(unit.timer)
    return fields


def _always(unit: ServiceUnit, requires: Sequence[str], owner: Owner) -> Fields:
    """What every service has."""
    execution, endings = unit.execution, unit.endings
    return {
        "kind": (Symbol(_KINDS.get(unit.type, "daemon")),),
        "description": (unit.description or f"Runs {unit.name.stem}.",),
        "requires": tuple(map(Symbol, requires)),
        "start": _commands(unit.commands.start),
        "respawn": (endings.restart != "no",),
        "restart": (Symbol(endings.restart),),
        "restart-delay": (endings.restart_seconds,),
        "stop-signal": (endings.kill_signal,),
        "stop-timeout": (endings.stop_seconds or _LONGEST,),
        "kill-mode": (Symbol(_KILL_MODES.get(endings.kill_mode, "group")),),
        "log": (execution.output,),
        "directory": (owner.home if execution.directory == "~" else execution.directory,),
        "environment": _environment(unit, owner),
    }


def _lists(unit: ServiceUnit) -> Fields:
    """What a service may have any number of."""
    commands, execution, endings = unit.commands, unit.execution, unit.endings
    return {
        "first": _first(unit.name),
        "conditions": _conditions(unit.conditions),
        "condition": _commands(commands.condition, "quiet"),
        "pre": _commands(commands.pre),
        "post": _commands(commands.post),
        "reload": _commands(commands.reload),
        "stop": _commands(commands.stop, "ending"),
        "stop-post": _commands(commands.stop_post, "ending"),
        "late-environment": tuple(f"{name}={text}" for name, text in sorted(execution.late_environment.items())),
        "environment-files": tuple(execution.environment_files),
        "unset": execution.unset,
        "directories": tuple((one.path, one.mode, one.purpose, one.removed) for one in execution.directories),
        "limits": tuple(
            (Symbol(name), soft if soft is not None else False, hard if hard is not None else False)
            for name, (soft, hard) in sorted(execution.limits.items())
        ),
        "success-codes": endings.success_codes,
        "success-signals": endings.success_signals,
        "final-codes": endings.final_codes,
        "start-limit": endings.start_limit or (),
        "reloads": tuple(map(Symbol, unit.followers.reload)),
        "on-failure": tuple(map(Symbol, unit.followers.on_failure)),
        "on-success": tuple(map(Symbol, unit.followers.on_success)),
        "listeners": tuple(
            (Symbol(one.style), one.address, one.port or False, one.name, one.mode, one.user, one.group, one.backlog)
            for one in unit.listeners
        ),
    }


def _account(execution: Execution, owner: Owner, accounts: Accounts) -> Fields:
    """The user and the groups that a service runs as, if it says so."""
    if execution.user is not None:
        groups = {*accounts.groups_with(owner.name), *execution.supplementary_groups}
        return {
            "user": (owner.name,),
            "group": (owner.group,),
            "supplementary-groups": tuple(sorted(groups)),
        }
    if execution.group is not None or execution.supplementary_groups:
        return {"group": (owner.group,), "supplementary-groups": tuple(sorted(execution.supplementary_groups))}
    return {}


def _options(unit: ServiceUnit) -> Mapping[str, Datum | None]:
    """The options that a service can have once; None for each that the unit does not set."""
    execution, endings = unit.execution, unit.endings
    return {
        "pid-file": unit.pid_file,
        "directory-optional": execution.directory_optional or None,
        "umask": execution.umask,
        "oom-score-adjust": execution.oom_score_adjust,
        "send-hangup": endings.send_hangup or None,
        "start-timeout": endings.start_seconds,
        "watchdog": endings.watchdog_seconds,
        "remain": (unit.type == "oneshot" and unit.remain_after_exit) or None,
        "notify": unit.type in _NOTIFYING or None,
        "no-new-privileges": execution.no_new_privileges or None,
        "lazy": unit.lazy or None,
        "auto-start": None if unit.auto_start else False,
    }


def _capabilities(execution: Execution) -> Fields:
    """The rights that a service adds, and those that it keeps."""
    found = {
        "ambient": _numbers(execution.ambient_capabilities),
        "bounding": _bounding(execution.bounding_capabilities),
    }
    return {name: numbers for name, numbers in found.items() if numbers is not None}


def _commands(commands: Iterable[Command], *flags: str, before: tuple[str, ...] = ()) -> tuple[Datum, ...]:
    found: list[Datum] = []
    for command in commands:
        marks = {
            *flags,
            *(["may-fail"] if command.ignore_failure else []),
            *(["root"] if command.privileged else []),
            *(["variables"] if command.variables else []),
        }
        found.append((tuple(map(Symbol, sorted(marks))), *before, *command.words))
    return tuple(found)


def _environment(unit: ServiceUnit, owner: Owner) -> tuple[str, ...]:
    own = {}
    if unit.execution.user is not None:
        own = {"HOME": owner.home, "USER": owner.name, "LOGNAME": owner.name, "SHELL": owner.shell}
    return tuple(f"{name}={value}" for name, value in sorted((own | dict(unit.execution.environment)).items()))


def _conditions(conditions: Iterable[Condition]) -> tuple[Datum, ...]:
    found: list[Datum] = []
    for one in conditions:
        value = one.value
        if one.test == "capability":
            number = _number(value.lower())
            value = "63" if number is None else str(number)
        found.append((one.name, Symbol(one.test), value, one.negated, one.alternative, one.required))
    return tuple(found)


def _first(name: UnitName) -> tuple[Datum, ...]:
    found: list[Datum] = []
    for one in FIRST_STARTS:
        if one.unit in (name.full, name.template):
            words = [expand(word, name) for word in one.command]
            found.append((expand(one.absent, name), (Symbol("root"),), *words))
    return tuple(found)


def _number(word: str) -> int | None:
    name = word.removeprefix("cap_")
    return NAMES.index(name) if name in NAMES else None


def _numbers(words: Sequence[str]) -> tuple[int, ...] | None:
    found = sorted({number for word in words if (number := _number(word)) is not None})
    return tuple(found) or None


def _bounding(words: Sequence[str] | None) -> tuple[int, ...] | None:
    if words is None:
        return None
    dropped = {_number(word[1:]) for word in words if word.startswith("-")}
    if dropped:
        return tuple(number for number in range(len(NAMES)) if number not in dropped)
    return tuple(sorted(number for word in words if (number := _number(word)) is not None))


def _timer(timer: TimerUnit) -> Fields:
    if timer.moments:
        return {"kind": (Symbol("timer"),), "timer": calendar_fields(timer.moments)}
    return {"kind": (Symbol("interval"),), "after-start": timer.after_start, "every": timer.again}


def calendar_fields(moments: Sequence[Moments | Timer]) -> tuple[Datum, ...]:
    """The moments of a timer. The Shepherd's calendar has one set of fields: several expressions are taken where their
    union is one."""
    fields = ("minutes", "hours", "days_of_month", "months", "days_of_week")
    merged = {
        name: sorted({number for one in moments for number in getattr(one, name)})
        if all(getattr(one, name) for one in moments)
        else []
        for name in fields
    }
    return tuple((Symbol(name.replace("_", "-")), *numbers) for name, numbers in merged.items() if numbers)
