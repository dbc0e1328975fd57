"""A system with systemd under real engines, with the options that docs/running.md says and no privilege."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from built_systems import build_system
from conftest import Ask, Machines
from sysimage.containers.engine import systemd_flags
from sysimage_vm import container
from sysimage_vm.container import Container
from sysimage_vm.engine import Engine, EngineKind
from sysimage_vm.image import read_archive
from sysimage_vm.machine_trial import MachineTrial
from sysimage_vm.waiting import NotYet

SPEC = {
    "name": "systemd",
    "init": "systemd",
    "packages": ["nginx"],
    "services": {
        "greeter": {
            "command": ["sh", "-c", "echo hello from $(id -un) in $PLACE; exec sleep 100000"],
            "user": "www-data",
            "requires": ["nginx", "tables"],
        },
        "tables": {"command": ["touch", "/srv/tables"], "one-shot": True},
        "sweep": {"command": ["touch", "/srv/swept"], "timer": {}},
    },
}
PROMPT = 20
"""Seconds that a stop takes at most in an emulated machine; on a real one it is about one."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_system(SPEC, tmp_path_factory.mktemp("systemd") / "systemd.tar", "--compression", "none")


@contextmanager
def running(engine: Engine, archive: Path, *options: str) -> Iterator[Container]:
    trial = MachineTrial(engine.machine, engine, read_archive(archive))
    yield container.run(engine, trial.reference(), "systemd", options=options)


def wait_until(booting: Container, what: str, *words: str, says: str) -> None:
    def holds() -> bool | NotYet:
        booting.require_running()
        said = booting.exec(*words, accept=range(256)).output
        return says in said or NotYet(said[-2000:])

    booting.engine.machine.ask(what, holds, pause=1)


@pytest.mark.parametrize("kind", [EngineKind.DOCKER, EngineKind.PODMAN])
def test_it_boots_serves_logs_and_stops(kind: EngineKind, machines: Machines, image: Path) -> None:
    flags = systemd_flags(kind, "2") if kind is EngineKind.DOCKER else ["--network", "none"]
    with machines() as first:
        engine = Engine(first.machine, kind)
        engine.wait_ready()
        with running(engine, image, *flags, "--env", "PLACE=here") as booting:
            wait_until(booting, "systemd", "systemctl", "is-system-running", says="running")
            assert booting.exec("systemctl", "--failed", "--quiet", "--plain").text == ""
            assert booting.exec("cat", "/proc/1/comm").text == "systemd"
            assert booting.privileges() == []
            ask = "exec 3<>/dev/tcp/127.0.0.1/80; printf 'GET / HTTP/1.0\r\n\r\n' >&3; cat <&3"
            assert "Welcome to nginx" in booting.exec("bash", "-c", ask).text
            assert booting.exec("ls", "/srv/tables").text == "/srv/tables"
            wait_until(booting, "the timer's service", "ls", "/srv", says="swept")
            assert "hello from www-data in here" in booting.logs()
            status, seconds = booting.stop(seconds=60)
            assert status == 0
            assert seconds < PROMPT
            assert "Stopped nginx.service" in booting.logs()


def test_it_says_what_is_missing(machines: Machines, image: Path) -> None:
    with machines() as engine, running(engine, image) as ending:
        assert engine.run("wait", ending.name).text == "1"
        assert "it may not write to its cgroup" in ending.logs()
        assert "--cgroupns host --volume /sys/fs/cgroup:/sys/fs/cgroup" in ending.logs()


def test_it_passes_the_standard_questions(image: Path, ask: Ask) -> None:
    told = ask(image, "--json")
    assert told.status == 0, told.err
    assert told.document["failed_count"] == 0
