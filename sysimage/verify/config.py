"""What an image's config says, checked on its own: OCI image specification, config.md, and Docker's extensions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sysimage.digest import Digest
from sysimage.rules.runtime import Runtime, check_runtime
from sysimage.verify.documents import field, string_map, strings
from sysimage.verify.issue_collector import IssueCollector, MalformedError, escaped

_CREATED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


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
    variant: str
    """Of the architecture; empty where it has none."""
    created: str | None
    diff_ids: tuple[Digest, ...]
    history: tuple[HistoryEntry, ...]
    runtime: Runtime
    labels: dict[str, str]

    @property
    def platform(self) -> str:
        """``linux/amd64``, ``linux/arm/v7``; ``unknown`` where the config says nothing."""
        return "/".join(filter(None, (self.os, self.architecture, self.variant))) or "unknown"

    def is_for(self, platform: str) -> bool:
        """Whether nothing in the config is against ``platform`` (``os/architecture``, perhaps with more)."""
        system, architecture = platform.split("/")[:2]
        return self.os in ("", system) and self.architecture in ("", architecture)

    def layer_history(self) -> tuple[HistoryEntry, ...]:
        """The entries that made a layer."""
        return tuple(entry for entry in self.history if not entry.empty)


def parse_config(document: dict[str, Any], where: str, faults: IssueCollector) -> Config:
    """Read a config. MalformedError for what makes the image unreadable; everything else becomes a fault."""
    rootfs = field(document, "rootfs", dict, required=True)
    if field(rootfs, "type", str, required=True) != "layers":
        faults.add("config", where, f"rootfs.type is {escaped(rootfs['type'])!r}, not 'layers'")
    diff_ids = []
    for text in strings(rootfs, "diff_ids"):
        try:
            diff_ids.append(Digest.parse(text))
        except ValueError:
            raise MalformedError(f"names a layer {escaped(text)!r}, which is not a sha256 digest") from None
    runtime = field(document, "config", dict) or {}
    system = field(document, "os", str, required=True)
    architecture = field(document, "architecture", str, required=True)
    config = Config(
        os=system,
        architecture=architecture,
        variant=field(document, "variant", str) or "",
        created=field(document, "created", str),
        diff_ids=tuple(diff_ids),
        history=_history(document),
        runtime=Runtime(
            architecture=architecture,
            environment=strings(runtime, "Env"),
            entry_point=strings(runtime, "Entrypoint"),
            command=strings(runtime, "Cmd"),
            working_directory=field(runtime, "WorkingDir", str) or "",
            user=field(runtime, "User", str) or "",
            exposed_ports=_keys(runtime, "ExposedPorts"),
            volumes=_keys(runtime, "Volumes"),
            stop_signal=field(runtime, "StopSignal", str),
            health_check=_health_check(runtime),
            shell=strings(runtime, "Shell"),
        ),
        labels=string_map(runtime, "Labels"),
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
    if any(value not in ({}, None) for value in values.values()):
        raise MalformedError(f"has {name!r} that is not an object of empty objects")
    return tuple(sorted(values))


def _health_check(runtime: dict[str, Any]) -> tuple[str, ...]:
    """Docker's extension, which other engines do not read; a malformed one is ignored."""
    check = runtime.get("Healthcheck")
    words = check.get("Test") if isinstance(check, dict) else None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return ()
    return tuple(words)


def _check_values(config: Config, where: str, faults: IssueCollector) -> None:
    def fault(message: str) -> None:
        faults.add("config", where, message)

    if config.created is not None and not _CREATED.fullmatch(config.created):
        fault(f"created is {escaped(config.created)!r}, not an RFC 3339 time")
    if not config.os or not config.architecture:
        # For example images that crane makes of layers alone: Docker and Podman assume the architecture of this
        # machine.
        ours = bool(config.history) and config.history[-1].created_by.startswith("sysimage")
        faults.style(ours=ours)("config", where, "does not say for which system and architecture the image is")
    faults.add_findings(check_runtime(config.runtime), lambda cause: where)
