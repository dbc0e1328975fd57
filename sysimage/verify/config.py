"""What an image's config says, checked on its own: OCI image specification, config.md, and Docker's extensions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sysimage.digest import Digest
from sysimage.verify.documents import field, string_map, strings
from sysimage.verify.faults import Faults, MalformedError, shown

_CREATED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?(:[A-Za-z0-9_][A-Za-z0-9_.-]*\$?)?")
_VARIABLE = re.compile(r"[^=\0]+=[^\0]*", re.DOTALL)
_STOP_SIGNAL = re.compile(r"(SIG[A-Z0-9]+([+-][0-9]+)?|[A-Z0-9]+([+-][0-9]+)?)")
_PORT = re.compile(r"[0-9]{1,5}(-[0-9]{1,5})?(/(tcp|udp|sctp))?")
MOST_ENVIRONMENT = 1 << 20
"""Bytes of all variables: the kernel would not start a program with many more."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of an image's history."""

    created: str
    created_by: str
    comment: str
    empty: bool
    """Whether it made no layer."""


@dataclass(frozen=True, slots=True)
class Config:
    """A config, as far as something here asks for it."""

    os: str
    architecture: str
    created: str | None
    diff_ids: tuple[Digest, ...]
    history: tuple[HistoryEntry, ...]
    environment: tuple[str, ...]
    entry_point: tuple[str, ...]
    command: tuple[str, ...]
    working_directory: str
    user: str
    labels: dict[str, str]
    exposed_ports: tuple[str, ...]
    volumes: tuple[str, ...]
    stop_signal: str | None

    def layer_history(self) -> tuple[HistoryEntry, ...]:
        """The entries that made a layer."""
        return tuple(entry for entry in self.history if not entry.empty)


def parse_config(document: dict[str, Any], where: str, faults: Faults) -> Config:
    """Read a config. MalformedError for what makes the image unreadable; everything else becomes a fault."""
    rootfs = field(document, "rootfs", dict, required=True)
    if field(rootfs, "type", str, required=True) != "layers":
        faults.add("config", where, f"rootfs.type is {shown(rootfs['type'])!r}, not 'layers'")
    diff_ids = []
    for text in strings(rootfs, "diff_ids"):
        try:
            diff_ids.append(Digest.parse(text))
        except ValueError:
            raise MalformedError(f"names a layer {shown(text)!r}, which is not a sha256 digest") from None
    runtime = field(document, "config", dict) or {}
    config = Config(
        os=field(document, "os", str, required=True),
        architecture=field(document, "architecture", str, required=True),
        created=field(document, "created", str),
        diff_ids=tuple(diff_ids),
        history=_history(document),
        environment=strings(runtime, "Env"),
        entry_point=strings(runtime, "Entrypoint"),
        command=strings(runtime, "Cmd"),
        working_directory=field(runtime, "WorkingDir", str) or "",
        user=field(runtime, "User", str) or "",
        labels=string_map(runtime, "Labels"),
        exposed_ports=_keys(runtime, "ExposedPorts"),
        volumes=_keys(runtime, "Volumes"),
        stop_signal=field(runtime, "StopSignal", str),
    )
    _check_values(config, where, faults)
    return config


def _history(document: dict[str, Any]) -> tuple[HistoryEntry, ...]:
    entries = []
    for value in field(document, "history", list) or []:
        if not isinstance(value, dict):
            raise MalformedError("has a history entry that is not an object")
        entries.append(
            HistoryEntry(
                field(value, "created", str) or "",
                field(value, "created_by", str) or "",
                field(value, "comment", str) or "",
                field(value, "empty_layer", bool) or False,
            )
        )
    return tuple(entries)


def _keys(runtime: dict[str, Any], name: str) -> tuple[str, ...]:
    values = field(runtime, name, dict) or {}
    if any(value != {} for value in values.values()):
        raise MalformedError(f"has {name!r} that is not an object of empty objects")
    return tuple(sorted(values))


def _check_values(config: Config, where: str, faults: Faults) -> None:
    def fault(message: str) -> None:
        faults.add("config", where, message)

    if config.created is not None and not _CREATED.fullmatch(config.created):
        fault(f"created is {shown(config.created)!r}, not an RFC 3339 time")
    if not config.os or not config.architecture:
        fault("os and architecture are empty")
    if config.working_directory and not config.working_directory.startswith("/"):
        fault(f"the working directory {shown(config.working_directory)!r} is not absolute")
    if config.user and not _USER.fullmatch(config.user):
        fault(f"the user {shown(config.user)!r} is neither a name nor a number")
    for variable in config.environment:
        if not _VARIABLE.fullmatch(variable):
            fault(f"the environment holds {shown(variable)!r}, which is not NAME=VALUE")
    if sum(len(variable) + 1 for variable in config.environment) > MOST_ENVIRONMENT:
        fault(f"the environment has more than {MOST_ENVIRONMENT} bytes")
    for word in (*config.entry_point, *config.command):
        if "\0" in word:
            fault("the entry point holds a NUL")
    if config.stop_signal is not None and not _STOP_SIGNAL.fullmatch(config.stop_signal):
        fault(f"the stop signal {shown(config.stop_signal)!r} is none")
    for port in config.exposed_ports:
        if not _PORT.fullmatch(port):
            fault(f"the exposed port {shown(port)!r} is none")
    for volume in config.volumes:
        if not volume.startswith("/"):
            fault(f"the volume {shown(volume)!r} is not absolute")
