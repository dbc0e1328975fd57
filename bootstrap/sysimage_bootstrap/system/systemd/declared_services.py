"""The services that a spec declares, as unit files and drop-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sysimage.characters import printable
from sysimage.spec.services import CommandReady, FileReady, Service, TcpReady, Timer
from sysimage_bootstrap.system.service_commands import Exists, with_program_path
from sysimage_bootstrap.system.systemd.enablement import ETC
from sysimage_bootstrap.system.systemd.unit_text import Assignments, command_line, plain, quoted, unit_text
from sysimage_bootstrap.units.specifiers import UnitName

WAIT_UNTIL_READY = "/run/current-system/wait-until-ready"
"""The program that a service's start ends with, if it says when it is ready."""
_SLACK = 30
"""Seconds that a start may take beyond the time until it is ready."""
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_RESTART = (
    ("Restart", "always"),
    ("RestartSec", "500ms"),
    ("RestartSteps", "7"),
    ("RestartMaxDelaySec", "60"),
)
"""The same as with the Shepherd: without a limit, with pauses that grow up to a minute."""
UnitOf = Callable[[str], str]
"""The whole name of the unit that a name under ``requires`` means."""


def service_units(
    name: str, service: Service, unit_of: UnitOf, exists: Exists, *, changes: bool
) -> Iterator[tuple[str, str]]:
    """Path and text of the files of a service: its unit, or a drop-in of the unit that it ``changes``, and a timer."""
    unit = UnitName.of(name)
    origin = f"services.{name}"
    own = _changed(service) if changes else _new(name, service)
    sections = {
        "Unit": [*own["Unit"], *_relations(service, unit_of)],
        "Service": [*own["Service"], *_process(service, exists, all_fields=not changes)],
    }
    if changes:
        yield f"{ETC}/{unit.full}.d/20-services.conf", unit_text(origin, sections)
    else:
        install = [("WantedBy", "multi-user.target")] if service.timer is None else []
        yield f"{ETC}/{unit.full}", unit_text(origin, {**sections, "Install": install})
    if service.timer is not None:
        yield f"{ETC}/{unit.stem}.timer", unit_text(origin, _timer(name, service.timer))


def _new(name: str, service: Service) -> dict[str, list[tuple[str, str]]]:
    ends = service.one_shot or service.timer is not None
    described = service.description or f"Runs {printable(service.command[0])}"
    # Restarts of a service that is always restarted have no limit.
    limits = [] if ends or not service.respawn else [("StartLimitIntervalSec", "0")]
    kept = [("RemainAfterExit", "yes")] if service.one_shot else []
    restart = _RESTART if not ends and service.respawn else ()
    return {
        "Unit": [("Description", plain(described)), *limits],
        "Service": [("Type", "oneshot" if ends else "exec"), *kept, *restart],
    }


def _changed(service: Service) -> dict[str, list[tuple[str, str]]]:
    """The settings of the service, which replace those of the unit."""
    said = service.model_fields_set
    unit: list[tuple[str, str]] = []
    own: list[tuple[str, str]] = []
    if "description" in said:
        unit.append(("Description", plain(service.description)))
    if service.command:
        own += [("Type", "exec"), ("PIDFile", ""), ("BusName", "")]
    if "one_shot" in said or service.timer is not None:
        ends = service.one_shot or service.timer is not None
        own.append(("Type", "oneshot" if ends else "exec"))
        own.append(("RemainAfterExit", "yes" if service.one_shot else "no"))
        own += [("Restart", "no")] if ends else []
    if "respawn" in said:
        own += _RESTART if service.respawn else [("Restart", "no")]
        unit += [("StartLimitIntervalSec", "0")] if service.respawn else []
    return {"Unit": unit, "Service": own}


def _relations(service: Service, unit_of: UnitOf) -> Assignments:
    names = " ".join(unit_of(name) for name in service.requires)
    return [("Requires", names), ("After", names)] if names else []


def _process(service: Service, exists: Exists, *, all_fields: bool) -> Assignments:
    """How the process runs and ends; without ``all_fields``, what the service says of it."""
    said = service.model_fields_set
    own: list[tuple[str, str]] = []
    if service.command:
        own += [] if all_fields else [("ExecStart", "")]
        own.append(("ExecStart", command_line(with_program_path(service.command, service, exists))))
    own += [("User", service.user)] if service.user is not None else []
    own += [("Group", service.group)] if service.group is not None else []
    own += [("Environment", quoted(f"{key}={value}")) for key, value in sorted(service.environment.items())]
    if "working_directory" in said:
        own.append(("WorkingDirectory", plain(service.working_directory)))
    if "log" in said:
        own += [(key, plain(_output(service.log))) for key in ("StandardOutput", "StandardError")]
    if service.ready is not None:
        words, seconds = _ready(service, exists)
        own.append(("ExecStartPost", command_line((WAIT_UNTIL_READY, f"{seconds:g}", *words))))
        own.append(("TimeoutStartSec", f"{seconds + _SLACK:g}"))
    own += [("KillSignal", service.stop_signal)] if all_fields or "stop_signal" in said else []
    own += [("TimeoutStopSec", f"{service.stop_timeout:g}")] if all_fields or "stop_timeout" in said else []
    return own


def _output(log: str) -> str:
    return {"console": "journal", "none": "null"}.get(log, f"append:{log}")


def _ready(service: Service, exists: Exists) -> tuple[Sequence[str], float]:
    match service.ready:
        case TcpReady(tcp=port, address=address, timeout=seconds):
            return ("tcp", address, str(port)), seconds
        case FileReady(file=file, timeout=seconds):
            return ("file", file), seconds
        case CommandReady(command=command, timeout=seconds):
            return ("command", *with_program_path(command, service, exists)), seconds
    raise ValueError("no check")


def _timer(name: str, timer: Timer) -> dict[str, Assignments]:
    return {
        "Unit": [("Description", f"Moments of {plain(name)}")],
        "Timer": [("OnCalendar", calendar(timer)), ("AccuracySec", "1s")],
        "Install": [("WantedBy", "timers.target")],
    }


def calendar(timer: Timer) -> str:
    """The moments in the form of systemd.time(7)."""

    def numbers(values: Sequence[int]) -> str:
        return ",".join(f"{value:02d}" for value in sorted(set(values))) or "*"

    days = ",".join(_DAYS[day] for day in sorted(set(timer.days_of_week)))
    date = f"*-{numbers(timer.months)}-{numbers(timer.days_of_month)}"
    return f"{days} {date} {numbers(timer.hours)}:{numbers(timer.minutes)}:00".strip()
