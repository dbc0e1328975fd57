"""The configuration that a spec asks for, whole: what it states, and what the system needs where it is silent."""

from __future__ import annotations

import json

from sysimage.image import HealthCheck, ImageConfig, config_of_spec
from sysimage.rootfs.system import ImageDefaults
from sysimage.spec import parse_spec

DEFAULTS = ImageDefaults(("/boot",), ("/system",), "SIGTERM", {"PATH": "/bin", "LANG": "C.UTF-8"})


def config(**parts: object) -> ImageConfig:
    return config_of_spec(parse_spec(json.dumps({"name": "x", "packages": [], **parts})), DEFAULTS, 7)


def test_where_a_spec_is_silent_the_system_decides() -> None:
    assert config() == ImageConfig(
        "amd64",
        created=7,
        entrypoint=("/boot",),
        cmd=("/system",),
        env=(("PATH", "/bin"), ("LANG", "C.UTF-8")),
        stop_signal="SIGTERM",
    )


def test_what_a_spec_states_is_in_the_configuration() -> None:
    found = config(
        **{
            "architecture": "arm64",
            "working-directory": "/srv",
            "user": "daemon",
            "command": ["/x"],
            "exposed-ports": ["80", "53/udp"],
            "volumes": ["/b", "/a"],
            "labels": {"b": "2", "a": "1"},
            "health-check": {"command": ["/x"], "interval": 3, "timeout": 2, "start-period": 9, "retries": 4},
        }
    )
    assert found == ImageConfig(
        "arm64",
        variant=found.variant,
        created=7,
        entrypoint=("/boot",),
        cmd=("/system",),
        env=(("PATH", "/bin"), ("LANG", "C.UTF-8")),
        working_dir="/srv",
        user="daemon",
        exposed_ports=("80", "53/udp"),
        volumes=("/b", "/a"),
        labels=(("a", "1"), ("b", "2")),
        stop_signal="SIGTERM",
        healthcheck=HealthCheck(("/x",), 3, 2, 9, 4),
    )
