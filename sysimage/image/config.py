"""An image's configuration as a value, and the JSON document it becomes (OCI image specification, config.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sysimage.characters import is_unicode

if TYPE_CHECKING:
    from sysimage.layers import LayerBlob

_EXPOSED_PORT = re.compile(r"[0-9]{1,5}(-[0-9]{1,5})?(/(tcp|udp|sctp))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How a runtime asks whether the container is well. Docker's extension; others ignore it. Times are seconds."""

    command: tuple[str, ...]
    """Program and arguments; run without a shell."""
    interval: float | None = None
    timeout: float | None = None
    start_period: float | None = None
    retries: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Docker's form, in which times are nanoseconds."""
        value: dict[str, Any] = {"Test": ["CMD", *self.command]}
        for key, seconds in (
            ("Interval", self.interval),
            ("Timeout", self.timeout),
            ("StartPeriod", self.start_period),
        ):
            if seconds is not None:
                value[key] = round(seconds * 1_000_000_000)
        if self.retries is not None:
            value["Retries"] = self.retries
        return value


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """How a container made from the image runs. Faults are a ValueError."""

    architecture: str
    """As Go calls it: amd64, arm64, …"""
    variant: str | None = None
    """Of the architecture, such as v8."""
    created: int = 1
    """Seconds since the epoch, the only time in an image."""
    author: str | None = None
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    """In order; names distinct."""
    working_dir: str | None = None
    user: str | None = None
    """A name or number, perhaps with ``:group``."""
    exposed_ports: tuple[str, ...] = ()
    """Such as ``80/tcp``."""
    volumes: tuple[str, ...] = ()
    """Absolute paths."""
    labels: tuple[tuple[str, str], ...] = ()
    stop_signal: str | None = None
    healthcheck: HealthCheck | None = None
    inherited: Mapping[str, Any] = field(default_factory=dict)
    """Keys of the document's ``config`` as a base image has them; what is given here takes precedence."""
    os: str = "linux"

    def __post_init__(self) -> None:
        names = [name for name, _ in self.env]
        for name in names:
            if not name or "=" in name or "\0" in name:
                raise ValueError(f"not a name of an environment variable: {name!r}")
        if len(set(names)) < len(names):
            raise ValueError(f"an environment variable is given twice: {names}")
        keys = [key for key, _ in self.labels]
        if len(set(keys)) < len(keys):
            raise ValueError(f"a label is given twice: {keys}")
        for port in self.exposed_ports:
            if not _EXPOSED_PORT.fullmatch(port):
                raise ValueError(f"not a port: {port!r}")
        for path in (*self.volumes, *([self.working_dir] if self.working_dir else [])):
            if not path.startswith("/"):
                raise ValueError(f"not an absolute path: {path!r}")
        check = self.healthcheck.command if self.healthcheck else ()
        labels = [text for label in self.labels for text in label]
        for text in (*(f"{name}={value}" for name, value in self.env), *self.entrypoint, *self.cmd, *check,
                     *self.volumes, *labels, self.working_dir or "", self.user or "", self.author or ""):  # fmt: skip
            if "\0" in text or not is_unicode(text):
                raise ValueError(f"not a text that a configuration can hold: {text[:80]!r}")

    def as_json(
        self, layers: Sequence[LayerBlob], base_history: Sequence[dict[str, Any]], base_layers: int
    ) -> dict[str, Any]:
        """The configuration document: one history entry per layer, named by the layer's label.

        The first ``base_layers`` of ``layers`` come from a base image whose own ``base_history`` is kept; the comment
        says how many they are, because the base may be an image of sysimage's with the same date.
        """
        created = rfc3339(self.created)
        creator = f"sysimage, on {base_layers} layers" if base_layers else "sysimage"
        ours = [{"created": created, "created_by": creator, "comment": layer.label} for layer in layers[base_layers:]]
        value: dict[str, Any] = {
            "architecture": self.architecture,
            "os": self.os,
            "created": created,
            "config": self._runtime(),
            "rootfs": {"type": "layers", "diff_ids": [str(layer.diff_id) for layer in layers]},
            "history": [*base_history, *ours],
        }
        if self.variant:
            value["variant"] = self.variant
        if self.author:
            value["author"] = self.author
        return value

    def _runtime(self) -> dict[str, Any]:
        value: dict[str, Any] = {
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.cmd),
            "Env": [f"{name}={text}" for name, text in self.env],
            "WorkingDir": self.working_dir,
            "User": self.user,
            "ExposedPorts": {port if "/" in port else f"{port}/tcp": {} for port in self.exposed_ports},
            "Volumes": {path: {} for path in self.volumes},
            "Labels": dict(self.labels),
            "StopSignal": self.stop_signal,
            "Healthcheck": self.healthcheck.as_json() if self.healthcheck else None,
        }
        return {**self.inherited, **{key: entry for key, entry in value.items() if entry}}


def rfc3339(seconds: int) -> str:
    """A time in UTC, as configurations and annotations write it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
