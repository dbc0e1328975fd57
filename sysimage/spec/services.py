"""The part of the model that says what the init starts, when, and how it knows that it runs."""

# ruff: noqa: RUF012 - pydantic copies defaults
from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from sysimage.spec.field_metadata import WHOLE
from sysimage.spec.spec_object import SpecObject
from sysimage.spec.value_types import (
    AccountName,
    Address,
    Argv,
    EnvironmentName,
    ImagePath,
    Line,
    LogDestination,
    Seconds,
    ServiceName,
    Signal,
    UnitKey,
    Word,
)

PROGRAM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin")
"""Where the programs of services are looked up that are named without a slash."""


class Init(enum.StrEnum):
    """The first process of an image, which starts, watches and stops services."""

    SHEPHERD = "shepherd"
    SYSTEMD = "systemd"


class TcpReady(SpecObject):
    """Ready when a TCP connection is accepted."""

    tcp: Annotated[int, Field(ge=1, le=65535)]
    """The port."""
    address: Address = "127.0.0.1"
    """The host to connect to."""
    timeout: Seconds = 60
    """Seconds after which the service counts as failed."""


class FileReady(SpecObject):
    """Ready when a file (or socket) exists."""

    file: ImagePath
    """The path that appears."""
    timeout: Seconds = 60
    """Seconds after which the service counts as failed."""


class CommandReady(SpecObject):
    """Ready when a command succeeds."""

    command: Argv
    """Program and arguments, tried again until it exits with 0; no shell."""
    timeout: Seconds = 60
    """Seconds after which the service counts as failed."""


def _ready_kind(value: Any) -> str | None:
    """Selects one of the ready checks. The brackets cannot be a key of the file."""
    keys = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
    return next((f"<{kind}>" for kind in ("tcp", "file", "command") if kind in keys), None)


Ready = Annotated[
    Annotated[TcpReady, Tag("<tcp>")] | Annotated[FileReady, Tag("<file>")] | Annotated[CommandReady, Tag("<command>")],
    Discriminator(
        _ready_kind,
        custom_error_type="ready_kind",
        custom_error_message='must have one of "tcp", "file" and "command"',
    ),
]


class Timer(SpecObject):
    """When a timed service runs: at each moment whose fields are all listed; an absent field matches always."""

    minutes: Annotated[tuple[Annotated[int, Field(ge=0, le=59)], ...], WHOLE] = ()
    """Of the hour, 0 to 59."""
    hours: Annotated[tuple[Annotated[int, Field(ge=0, le=23)], ...], WHOLE] = ()
    """Of the day, 0 to 23."""
    days_of_month: Annotated[tuple[Annotated[int, Field(ge=1, le=31)], ...], WHOLE] = ()
    """1 to 31."""
    months: Annotated[tuple[Annotated[int, Field(ge=1, le=12)], ...], WHOLE] = ()
    """1 is January."""
    days_of_week: Annotated[tuple[Annotated[int, Field(ge=0, le=6)], ...], WHOLE] = ()
    """0 is Sunday."""


UnitValue = bool | int | float | Line
"""What a directive of a unit may be: JSON's ``true`` is ``yes``."""
UnitSections = dict[UnitKey, dict[UnitKey, UnitValue | tuple[UnitValue, ...]]]
"""Section → directive → value, or several, of which an empty one takes back those before it."""


class Service(SpecObject):
    """A program that the init starts, watches and stops; besides ``enable``, what changes of a unit's service."""

    command: Argv = ()
    """Program and arguments; one without a slash is looked up in the ``PATH`` that ``environment`` says, then in
    ``/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin`` of the image. No shell. Only a service of ``enable`` has one
    without it."""
    description: Line = ""
    """One line for people, shown by ``herd status`` and ``systemctl status``."""
    requires: tuple[ServiceName, ...] = ()
    """Services that are started, and ready, before this one."""
    user: AccountName | None = None
    """The user of the program; root by default."""
    group: AccountName | None = None
    """Its primary group by default."""
    environment: dict[EnvironmentName, Word] = {}
    """Added to the system's environment."""
    working_directory: ImagePath = "/"
    """Where the program starts."""
    one_shot: bool = False
    """Runs once at start; its success is what others wait for."""
    timer: Timer | None = None
    """Runs at these times instead of all the time."""
    respawn: bool = True
    """Started again when it ends by itself."""
    log: LogDestination = "console"
    """Where output goes: ``console`` is what ``docker logs`` shows; a path is a file that grows; ``none`` drops it."""
    ready: Ready | None = None
    """When the service counts as started; without it, as soon as its process runs."""
    stop_signal: Signal = "SIGTERM"
    """What asks the program to end."""
    stop_timeout: Seconds = 5
    """Seconds from the stop signal to SIGKILL."""
    auto_start: bool = True
    """Whether it starts with the system; otherwise only when another service requires it, or ``herd start``
    or ``systemctl start`` asks."""

    @property
    def program_path(self) -> tuple[str, ...]:
        """The directories in which a program without a slash is looked up."""
        said = [one for one in self.environment.get("PATH", "").split(":") if one.startswith("/")]
        return (*said, *(one for one in PROGRAM_PATH if one not in said))
