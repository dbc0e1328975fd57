"""Systems that Guix and Nix built boot under real engines, with the options that docs/running.md says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import Machines
from sysimage_vm import container
from sysimage_vm.container import Container
from sysimage_vm.engine import Engine, EngineKind
from sysimage_vm.image import read_archive
from sysimage_vm.machine_trial import MachineTrial
from sysimage_vm.waiting import NotYet
from tests.support.builds import build_from_store
from tests.support.foreign_systems import ForeignSystem, guix_systems, nixos_system

CGROUPS = ("--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup")
SYSTEMD = {
    EngineKind.DOCKER: ("--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp", *CGROUPS),
    EngineKind.PODMAN: ("--systemd=always", "--network=none"),
}
SYSTEMCTL = "/run/current-system/sw/bin/systemctl"


@pytest.fixture(scope="module")
def guix(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, ForeignSystem]:
    return guix_systems(tmp_path_factory.mktemp("guix"))


@pytest.fixture(scope="module")
def nixos(tmp_path_factory: pytest.TempPathFactory) -> ForeignSystem:
    return nixos_system(tmp_path_factory.mktemp("nixos"))


def image_of(system: ForeignSystem, workspace: Path) -> Path:
    build_from_store(workspace, system.spec(), workspace / "machine.tar", compression="none")
    return workspace / "machine.tar"


@contextmanager
def running(engine: Engine, archive: Path, *options: str) -> Iterator[Container]:
    trial = MachineTrial(engine.machine, engine, read_archive(archive))
    yield container.run(engine, trial.reference(), "machine", options=options)


def until(container: Container, said: Callable[[], str], word: str) -> None:
    def holds() -> bool | NotYet:
        container.require_running()
        return word in (answer := said()) or NotYet(answer[-2000:])

    container.engine.machine.ask(f"the container to say {word!r}", holds, pause=1)


@pytest.mark.parametrize(
    ("which", "options", "status"),
    [
        ("machine", (), 0),
        ("machine", ("--tmpfs", "/run", "--tmpfs", "/tmp"), 0),
        ("plain", ("--cap-add", "SYS_BOOT"), 129),
    ],
    ids=["", "with empty file systems", "of Guix alone, which may reboot"],
)
def test_a_system_that_guix_built_boots_and_stops(
    which: str,
    options: tuple[str, ...],
    status: int,
    guix: Mapping[str, ForeignSystem],
    machines: Machines,
    tmp_path: Path,
) -> None:
    archive = image_of(guix[which], tmp_path)
    with machines() as engine, running(engine, archive, *options) as booting:
        until(
            booting, lambda: booting.exec("cat", "/var/log/greeter.log", accept=range(256)).output, "hello from alice"
        )
        herd = booting.exec("/run/current-system/profile/bin/herd", "status").text
        assert "+ greeter" in herd
        assert "ID=guix" in booting.exec("cat", "/etc/os-release").text
        assert booting.exec("readlink", "/run/current-system").text == guix[which].path
        assert booting.stop(seconds=60)[0] == status


@pytest.mark.parametrize("kind", SYSTEMD)
def test_a_nixos_system_boots_its_systemd_and_stops(
    kind: EngineKind, nixos: ForeignSystem, machines: Machines, tmp_path: Path
) -> None:
    archive = image_of(nixos, tmp_path)
    with machines() as docker:
        engine = Engine(docker.machine, kind)
        engine.wait_ready()
        with running(engine, archive, *SYSTEMD[kind]) as booting:
            until(booting, lambda: booting.exec(SYSTEMCTL, "is-system-running", accept=range(256)).output, "running")
            journal = ("/run/current-system/sw/bin/journalctl", "--no-pager", "--unit", "greeter")
            until(booting, lambda: booting.exec(*journal).text, "hello from alice")
            assert booting.exec("cat", "/proc/1/comm").text == "systemd"
            assert booting.exec("readlink", "/run/current-system").text == nixos.path
            assert booting.privileges() == []
            assert booting.stop(seconds=60)[0] == 0


def test_systemd_ends_at_once_without_a_cgroup(nixos: ForeignSystem, machines: Machines, tmp_path: Path) -> None:
    archive = image_of(nixos, tmp_path)
    with machines() as engine, running(engine, archive) as ending:
        assert engine.run("wait", ending.name).text == "255"
        assert "starting systemd..." in ending.logs()
