"""How a container on a base runs: by the values of the spec where it has them, otherwise by those of the base.

What the spec says replaces what the base says; what we only derive from the packages is added to it. So directories of
ours come before those in the base's PATH, and the base's programs are found as before. The rest is as a Dockerfile does
it: labels, ports and volumes add up, except for volumes that would hide the store; working directory, user and stop
signal stay until others are specified; another entry point drops the base's command with it, and an empty list means
none.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sysimage.bases.base_image import BaseImage, BaseImageError
from sysimage.bases.volumes import kept_volumes
from sysimage.image import ImageConfig
from sysimage.rules.runnable import SEARCH_PATH
from sysimage.spec.model import SystemSpec


def overlaid(config: ImageConfig, base: BaseImage, spec: SystemSpec) -> ImageConfig:
    """The ``config`` that ``spec`` asks for, with what it leaves to the base.

    With an init, the user, command and health check of the base are dropped: an init runs as root, and they belong to
    another program.
    """
    under, runs, has_init = base.config, base.config.runtime, spec.has_init
    specified = {*spec.environment, *(["LANG"] if "locale" in spec.model_fields_set else [])}
    keeps_program = not has_init and not config.entrypoint and "entry_point" not in spec.model_fields_set
    keeps_command = keeps_program and not config.cmd and "command" not in spec.model_fields_set
    inherited = {key: value for key, value in base.extensions.items() if keeps_program or key != "Healthcheck"}
    try:
        return replace(
            config,
            entrypoint=runs.entry_point if keeps_program else config.entrypoint,
            cmd=runs.command if keeps_command else config.cmd,
            env=_variables(config.env, variables_of(base), specified, SEARCH_PATH if base.layers else None),
            working_dir=config.working_dir or runs.working_directory or None,
            user=config.user or (None if has_init else runs.user or None),
            exposed_ports=tuple(sorted({_port(port) for port in (*runs.exposed_ports, *config.exposed_ports)})),
            volumes=tuple(sorted({*kept_volumes(base, spec.store), *config.volumes})),
            labels=tuple(sorted({**under.labels, **dict(config.labels)}.items())),
            stop_signal=config.stop_signal or runs.stop_signal,
            inherited=inherited,
        )
    except ValueError as error:
        raise BaseImageError(f"cannot use the configuration of the base image {base.path}: {error}") from None


def base_history(base: BaseImage) -> list[dict[str, Any]]:
    """The history of the base, with which that of the image begins."""
    return [dict(entry) for entry in base.history]


def variables_of(base: BaseImage) -> dict[str, str]:
    """The base's environment; if a name occurs twice, the last value counts, as in engines."""
    return dict(entry.split("=", 1) for entry in base.config.runtime.environment)


def _variables(
    ours: tuple[tuple[str, str], ...], base: dict[str, str], specified: Collection[str], search_path: str | None
) -> tuple[tuple[str, str], ...]:
    """``search_path`` is where an engine looks for the programs of a base that says no PATH; None without a base."""
    found = dict(base)
    for name, value in ours:
        below = base.get(name, search_path) if name == "PATH" else None
        if name in specified or (name not in base and below is None):
            found[name] = value
        elif below is not None:
            found[name] = ":".join(dict.fromkeys([*value.split(":"), *below.split(":")]))
        elif name != "LANG":  # a default, not what a package needs
            found[name] = value
    return tuple(found.items())


def _port(port: str) -> str:
    return port if "/" in port else f"{port}/tcp"
