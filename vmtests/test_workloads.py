"""What packages ship serves under Docker when it is enabled and nothing else is declared.

The specs and probes are those of `tests/workloads`, which boots all of them in namespaces; here a real engine gives
them its network, its limits and its seccomp filter.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from built_systems import build_system, load, running
from conftest import ROOT
from sysimage_vm.container import Container
from sysimage_vm.engine import Engine
from sysimage_vm.waiting import NotYet, Patience

SPECS = ROOT / "tests" / "workloads" / "enabled"
WORKLOADS = (
    "redis",
    "unbound",
    "nginx-php",
    "apache-php",
    "valkey",
    "prometheus",
    "dovecot",
    "postfix",
    "postgresql",
    "mariadb",
)
SERVING = Patience(quiet=180, work=3600)
"""For an answer of a service: an emulated processor takes minutes to make a database."""


def answers(container: Container, command: str, expected: str) -> None:
    """Ask until the answer is right; the last one is in the error where it does not come."""

    def is_right() -> bool | NotYet:
        container.require_running()
        said = container.shell.run(command, patience=SERVING).output
        return True if re.search(expected, said) else NotYet(f"it printed {said[-2000:]!r}")

    container.engine.machine.ask(f"`{command}` to print {expected!r}", is_right, SERVING)


@pytest.mark.parametrize("name", WORKLOADS)
def test_it_serves_and_stops(name: str, shared_engine: Engine, tmp_path: Path) -> None:
    probes = json.loads((SPECS / f"{name}.probes.json").read_text())
    archive = build_system(SPECS / f"{name}.json", tmp_path / "image.tar", "--compression", "none")
    image = load(shared_engine, archive)
    archive.unlink()
    with running(shared_engine, image, name="workload") as container:
        for command, expected in probes:
            answers(container, command, expected)
        assert list(container.privileges()) == []
        status, _ = container.stop(seconds=60)
        assert status == 0, container.evidence()
    shared_engine.run("image", "rm", image)
