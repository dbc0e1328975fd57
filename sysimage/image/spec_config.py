"""The configuration that a spec asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sysimage.image.config import HealthCheck, ImageConfig

if TYPE_CHECKING:
    from sysimage.rootfs.system import ImageDefaults
    from sysimage.spec.model import SystemSpec


def config_of_spec(spec: SystemSpec, defaults: ImageDefaults, created: int) -> ImageConfig:
    """How a container runs: what the spec says, and what the system needs where it says nothing.

    ``created`` is in seconds since the epoch. A working directory that the spec does not give is left to the base.
    """
    check = spec.health_check
    architecture, variant = spec.machine
    return ImageConfig(
        architecture=architecture,
        variant=variant,
        created=created,
        entrypoint=defaults.entry_point,
        cmd=defaults.command,
        env=tuple(defaults.environment.items()),
        working_dir=spec.working_directory if "working_directory" in spec.model_fields_set else None,
        user=spec.user,
        exposed_ports=spec.exposed_ports,
        volumes=spec.volumes,
        labels=tuple(sorted(spec.labels.items())),
        stop_signal=defaults.stop_signal,
        healthcheck=None
        if check is None
        else HealthCheck(check.command, check.interval, check.timeout, check.start_period, check.retries),
    )
