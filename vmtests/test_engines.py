"""Every engine and image store that the guest has loads and runs the same archive."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import LEAST, OWN_QUESTIONS, Ask, Machines
from small_images import write_small_image
from sysimage import process
from sysimage_vm import container
from sysimage_vm.daemons import start_docker
from sysimage_vm.engine import Engine, EngineKind
from sysimage_vm.image import read_archive
from sysimage_vm.machine_trial import MachineTrial


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_small_image(tmp_path / "small.tar", process.find("busybox", package="busybox-static"))


def _lives(engine: Engine, image: Path, options: tuple[str, ...] = ()) -> container.Container:
    trial = MachineTrial(engine.machine, engine, read_archive(image))
    running = container.run(engine, trial.reference(), "small", options=options)
    running.require_running()
    assert running.exec("/bin/busybox", "echo", "here").text == "here"
    return running


def test_the_containerd_store(machines: Machines, image: Path) -> None:
    with machines() as first:
        engine = start_docker(first.machine, "snapshotter", containerd_store=True).engine
        assert "overlayfs" in engine.run("info", "-f", "{{.Driver}} {{.DriverStatus}}").text
        assert "io.containerd" in engine.run("info", "-f", "{{.Driver}} {{.DriverStatus}}").text
        assert _lives(engine, image).stop()[0] == 0


def test_user_namespaces(machines: Machines, image: Path) -> None:
    with machines() as first:
        engine = start_docker(first.machine, "userns", user_namespaces=True).engine
        running = _lives(engine, image)
        assert running.exec("/bin/busybox", "cat", "/proc/self/uid_map").text.split()[:2] == ["0", "100000"]
        assert running.stop()[0] == 0


def test_podman_keeps_the_health_check_of_the_older_form(machines: Machines, tmp_path: Path) -> None:
    busybox = process.find("busybox", package="busybox-static")
    check = {"Test": ["CMD", "/bin/busybox", "true"], "Interval": 3_600_000_000_000}
    image = write_small_image(tmp_path / "checked.tar", busybox, health_check=check)
    with machines() as first:
        engine = Engine(first.machine, EngineKind.PODMAN)
        engine.wait_ready()
        running = _lives(engine, image, ("--network", "none"))
        assert running.health() == "healthy"


@pytest.mark.parametrize(
    ("flags", "unasked"), [(("--runtime", "podman"), 1), (("--store", "containerd"), 0)], ids=["podman", "containerd"]
)
def test_the_web_example_passes_every_question(flags: tuple[str, ...], unasked: int, ask: Ask, web: Path) -> None:
    told = ask(web, "--expect", OWN_QUESTIONS, "--json", *flags)
    assert told.status == 0, told.err
    assert told.document["failed_count"] == 0
    passed = told.document["passed_count"]
    assert passed >= LEAST - unasked, "Podman cannot be asked for the health check of an OCI image"


def test_podman(machines: Machines, image: Path) -> None:
    with machines() as first:
        engine = Engine(first.machine, EngineKind.PODMAN)
        engine.wait_ready()
        running = _lives(engine, image, ("--network", "none"))
        assert running.stop()[0] == 0
