"""What a unit says of a service, as values: the Shepherd's side of it is in ``system``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sysimage_bootstrap.units.calendar import Moments
from sysimage_bootstrap.units.commands import Command
from sysimage_bootstrap.units.conditions import Condition
from sysimage_bootstrap.units.directives import IgnoredDirective
from sysimage_bootstrap.units.sockets import Listener
from sysimage_bootstrap.units.specifiers import UnitName

TYPES = ("simple", "exec", "forking", "oneshot", "notify", "notify-reload", "dbus", "idle")


@dataclass(frozen=True, slots=True)
class ManagedDirectory:
    """A directory that is made, and given to the service's user, before it starts."""

    path: str
    mode: int
    purpose: str
    """``RUNTIME``, ``STATE``, ``CACHE``, ``LOGS`` or ``CONFIGURATION``: the variable with its path begins so."""
    removed: bool = False
    """Whether it goes when the service stops."""


@dataclass(frozen=True, slots=True)
class TimerUnit:
    """When a timer starts its service."""

    moments: tuple[Moments, ...] = ()
    after_start: tuple[float, ...] = ()
    """Seconds after the system's or the timer's start."""
    again: tuple[float, ...] = ()
    """Seconds after the service's last start, or end."""


@dataclass(frozen=True, slots=True)
class Commands:
    """What a service runs, and when."""

    start: tuple[Command, ...]
    condition: tuple[Command, ...]
    pre: tuple[Command, ...]
    post: tuple[Command, ...]
    reload: tuple[Command, ...]
    stop: tuple[Command, ...]
    stop_post: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Execution:
    """The user, place and environment of the commands."""

    user: str | None
    group: str | None
    supplementary_groups: tuple[str, ...]
    dynamic_user: bool
    environment: Mapping[str, str]
    late_environment: Mapping[str, str]
    """Variables whose values have ``${SYSIMAGE_…}`` in them, which only the running system knows, and ``$$`` for a
    dollar."""
    environment_files: tuple[tuple[str, bool], ...]
    """Path, and whether it may be absent."""
    unset: tuple[str, ...]
    directory: str
    """``~`` is the user's home."""
    directory_optional: bool
    directories: tuple[ManagedDirectory, ...]
    umask: int | None
    limits: Mapping[str, tuple[int | None, int | None]]
    """By the kernel's name in lower case, such as ``nofile``: soft and hard; None means unlimited."""
    nice: int | None
    oom_score_adjust: int | None
    ambient_capabilities: tuple[str, ...]
    bounding_capabilities: tuple[str, ...] | None
    """Those that are kept; None keeps what the container has."""
    no_new_privileges: bool
    output: str
    """``console``, ``none`` or a path."""


@dataclass(frozen=True, slots=True)
class Endings:
    """How a service is asked to end, and what follows when it ends by itself."""

    restart: str
    """systemd's word: ``no``, ``always``, ``on-failure``, …"""
    restart_seconds: float
    start_limit: tuple[int, float] | None
    """The number of starts in so many seconds after which the service is not started again; with None, only the growing
    delay between starts applies."""
    success_codes: tuple[int, ...]
    success_signals: tuple[int, ...]
    final_codes: tuple[int, ...]
    """Exit statuses after which it is not started again."""
    kill_signal: int
    kill_mode: str
    send_hangup: bool
    start_seconds: float | None
    """None waits for ever."""
    stop_seconds: float | None
    watchdog_seconds: float | None


@dataclass(frozen=True, slots=True)
class Relations:
    """Names of other units, with their kinds."""

    requires: tuple[str, ...]
    wants: tuple[str, ...]
    after: tuple[str, ...]
    before: tuple[str, ...]
    conflicts: tuple[str, ...]
    also: tuple[str, ...]
    sockets: tuple[str, ...]
    reload_from: tuple[str, ...]
    reload_to: tuple[str, ...]
    on_failure: tuple[str, ...]
    on_success: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Followers:
    """Names of services that something happens to when it happens to this one."""

    reload: tuple[str, ...] = ()
    on_failure: tuple[str, ...] = ()
    """Those that are started when it has failed and is not started again."""
    on_success: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceUnit:
    """A service as its unit has it."""

    name: UnitName
    description: str
    type: str
    commands: Commands
    execution: Execution
    endings: Endings
    relations: Relations
    conditions: tuple[Condition, ...]
    pid_file: str | None
    bus_name: str | None
    remain_after_exit: bool
    listeners: tuple[Listener, ...] = ()
    lazy: bool = False
    """Whether it waits for a first connection to its sockets."""
    timer: TimerUnit | None = None
    auto_start: bool = True
    """Whether the system starts it, and not only another service by its end."""
    followers: Followers = Followers()
    undone: tuple[IgnoredDirective, ...] = ()
    """What the unit says and does not get."""
    contained: tuple[IgnoredDirective, ...] = ()
    """What the unit says and the container does in its way."""
