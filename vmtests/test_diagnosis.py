"""Broken images and broken machines fail with the right diagnosis, and not because a wait was over."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from conftest import Machines
from small_images import write_small_image
from sysimage import process
from sysimage_vm import container
from sysimage_vm.engine import Engine
from sysimage_vm.errors import (
    AgentLostError,
    CommandStuckError,
    EmulatorEndedError,
    EngineDiedError,
    EntryPointMissingError,
    GuestDiskError,
    GuestOutOfMemoryError,
    GuestPanicError,
    ImageCorruptError,
    ImageFaultError,
    InitEndedError,
    MachineFaultError,
    WrongArchitectureError,
)
from sysimage_vm.image import read_archive
from sysimage_vm.machine_trial import MachineTrial
from sysimage_vm.waiting import Patience


@pytest.fixture(scope="session")
def busybox() -> Path:
    return process.find("busybox", package="busybox-static")


def test_a_small_image_boots(machines: Machines, busybox: Path, tmp_path: Path) -> None:
    image = read_archive(write_small_image(tmp_path / "fine.tar", busybox))
    with machines() as engine:
        trial = MachineTrial(engine.machine, engine, image)
        trial.container().require_running()
        assert trial.container().stop()[0] == 0


def _live_for_a_while(trial: MachineTrial) -> None:
    began = time.monotonic()
    while time.monotonic() - began < 30:
        trial.container().require_running()
        time.sleep(1)


@pytest.mark.parametrize(
    ("broken", "diagnosis", "said"),
    [
        ({"entry": ("/gnu/store/absent/boot",)}, EntryPointMissingError, "not in the image"),
        ({"entry": ("/bin/busybox", "sh", "-c", "echo giving up; exit 3")}, InitEndedError, "ended with status 3"),
        ({"entry": ("/bin/busybox", "sh", "-c", "kill -SEGV $$")}, InitEndedError, "ended with status"),
        ({"architecture": "arm64"}, WrongArchitectureError, "for arm64"),
        ({"damaged": True}, ImageCorruptError, "not what its digest says"),
    ],
    ids=["boot program missing", "init gives up", "init crashes", "another architecture", "layer corrupted"],
)
def test_a_broken_image_is_diagnosed(
    machines: Machines,
    busybox: Path,
    tmp_path: Path,
    broken: dict[str, object],
    diagnosis: type[ImageFaultError],
    said: str,
) -> None:
    image = read_archive(write_small_image(tmp_path / "broken.tar", busybox, **broken))  # type: ignore[arg-type]
    with machines() as engine, pytest.raises(diagnosis, match=said) as fault:
        _live_for_a_while(MachineTrial(engine.machine, engine, image))
    if "giving up" in str(broken):
        assert "giving up" in str(fault.value), "the container's last words are shown"


def test_a_full_disk_is_diagnosed(machines: Machines, busybox: Path, tmp_path: Path) -> None:
    image = read_archive(write_small_image(tmp_path / "large.tar", busybox, filler=40 << 20))
    with machines() as engine:
        fill = "fallocate -l $(($(stat -f -c '%a * %S' /) - (20 << 20))) /var/fill"
        assert engine.machine.channel.run(["/bin/sh", "-c", fill]).status == 0
        with pytest.raises(GuestDiskError, match="disk is full"):
            MachineTrial(engine.machine, engine, image).reference()


def _break_dockerd(engine: Engine) -> None:
    engine.machine.channel.run(["herd", "stop", "docker"])
    engine.run("ps")


def _panic(engine: Engine) -> None:
    engine.machine.channel.run(["/bin/sh", "-c", "echo c > /proc/sysrq-trigger"])


def _use_all_memory(engine: Engine) -> None:
    engine.machine.channel.run(["python3", "-c", "x = []\nwhile True: x.append(bytes(1 << 24))"])


def _kill_emulator(engine: Engine) -> None:
    engine.machine.kill()
    engine.run("ps")


def _kill_agent(engine: Engine) -> None:
    engine.machine.channel.run(["pkill", "-KILL", "-f", "agent.py"])


@pytest.mark.parametrize(
    ("deed", "diagnosis"),
    [
        (_break_dockerd, EngineDiedError),
        (_panic, GuestPanicError),
        (_use_all_memory, GuestOutOfMemoryError),
        (_kill_emulator, EmulatorEndedError),
        (_kill_agent, AgentLostError),
    ],
    ids=["dockerd gone", "kernel panic", "out of memory", "QEMU killed", "agent killed"],
)
def test_a_broken_machine_is_diagnosed(machines: Machines, deed: object, diagnosis: type[MachineFaultError]) -> None:
    assert callable(deed)
    with machines() as engine, pytest.raises(diagnosis):
        deed(engine)


def test_a_command_that_does_nothing_is_given_up_and_the_machine_goes_on(machines: Machines) -> None:
    with machines() as engine:
        channel = engine.machine.channel
        with pytest.raises(CommandStuckError, match="nothing has moved for") as stuck:
            channel.run(["/bin/sh", "-c", "echo ready; exec sleep 3600"], patience=Patience(quiet=10))
        assert "last console line: " in stuck.value.message
        assert "its last bytes: b'ready\\n'" in stuck.value.message
        assert channel.run(["pgrep", "-f", "sleep 3600"]).status == 1, "it was killed"
        working = "import time\nwhile time.process_time() < 20: pass\nprint('done')"
        assert channel.run(["python3", "-c", working], patience=Patience(quiet=5)).text == "done"


def test_a_container_that_does_not_stop_is_killed(machines: Machines, busybox: Path, tmp_path: Path) -> None:
    deaf = "trap '' TERM; while :; do busybox sleep 1000; done"
    image = read_archive(write_small_image(tmp_path / "deaf.tar", busybox, entry=("/bin/busybox", "sh", "-c", deaf)))
    with machines() as engine:
        trial = MachineTrial(engine.machine, engine, image)
        trial.container().require_running()
        assert trial.container().stop(seconds=5)[0] == 128 + signal.SIGKILL


def test_the_next_machine_is_well_again(machines: Machines, busybox: Path, tmp_path: Path) -> None:
    image = read_archive(write_small_image(tmp_path / "fine.tar", busybox))
    with machines() as engine:
        trial = MachineTrial(engine.machine, engine, image)
        running = container.run(engine, trial.reference(), "again")
        running.require_running()
        assert running.exec("/bin/busybox", "echo", "yes").text == "yes"
