"""How a container runs that is made of a base and of what lies on top: ours where we say something, else the base's.

Variables as nixpkgs overlays them: all of both, the last one wins. The rest as a Dockerfile would: labels, ports and
volumes add up; working directory, user and stop signal stay until somebody says others; who says an entry point drops
the base's command with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sysimage.bases.base_image import BaseImage, BaseImageError
from sysimage.image import HealthCheck, ImageConfig

_NANOSECONDS = 1_000_000_000


def overlaid(config: ImageConfig, base: BaseImage, *, has_init: bool) -> ImageConfig:
    """``config`` with what it leaves to the base. With an init the base's user, command and health check go: an init is
    root's, and they were another program's."""
    under, runs = base.config, base.config.runtime
    keeps_program = not has_init and not config.entrypoint
    try:
        return replace(
            config,
            entrypoint=runs.entry_point if keeps_program else config.entrypoint,
            cmd=runs.command if keeps_program and not config.cmd else config.cmd,
            env=tuple({**_variables(runs.environment), **dict(config.env)}.items()),
            working_dir=config.working_dir or runs.working_directory or None,
            user=config.user or (None if has_init else runs.user or None),
            exposed_ports=tuple(sorted({_port(port) for port in (*runs.exposed_ports, *config.exposed_ports)})),
            volumes=tuple(sorted({*runs.volumes, *config.volumes})),
            labels=tuple(sorted({**under.labels, **dict(config.labels)}.items())),
            stop_signal=config.stop_signal or runs.stop_signal,
            healthcheck=config.healthcheck or (_health_check(base.runtime) if keeps_program else None),
        )
    except ValueError as error:
        raise BaseImageError(f"cannot take over how {base.path} runs: {error}") from None


def base_history(base: BaseImage) -> list[dict[str, Any]]:
    """The base's history, as the image's begins."""
    return [dict(entry) for entry in base.history]


def _variables(environment: tuple[str, ...]) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in environment)


def _port(port: str) -> str:
    return port if "/" in port else f"{port}/tcp"


def _health_check(runtime: Mapping[str, Any]) -> HealthCheck | None:
    """Docker's form; one that is none is not worth failing for."""
    said = runtime.get("Healthcheck")
    words = said.get("Test") if isinstance(said, dict) else None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words) or len(words) < 2:
        return None
    command = {"CMD": tuple(words[1:]), "CMD-SHELL": ("/bin/sh", "-c", words[1])}.get(words[0])
    if command is None:
        return None

    def number(key: str, unit: int = 1) -> float | None:
        value = said.get(key) if isinstance(said, dict) else None
        return value / unit if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None

    retries = number("Retries")
    return HealthCheck(
        command,
        number("Interval", _NANOSECONDS),
        number("Timeout", _NANOSECONDS),
        number("StartPeriod", _NANOSECONDS),
        None if retries is None else int(retries),
    )
