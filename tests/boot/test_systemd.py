"""A system with systemd boots in namespaces: services run as declared, are logged, and end with the container."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sysimage.containers.namespaces import UnpackedImage
from tests.support.examples import build_spec
from tests.support.namespaces import Booted, boot, no_cgroup, unpack

SAYS = "echo the app says $0 $OWN $OF_IMAGE; touch /run/app/here; exec sleep 100000"
SPEC = {
    "name": "systemd-boot",
    "init": "systemd",
    "packages": ["nginx"],
    "users": {"app": {"system": True}},
    "environment": {"OF_IMAGE": "yes"},
    "services": {
        "app": {
            "command": ["sh", "-c", SAYS, "100%"],
            "user": "app",
            "environment": {"OWN": 'a "b"'},
            "requires": ["nginx", "tables"],
            "ready": {"file": "/run/app/here"},
        },
        "tables": {"command": ["sh", "-c", "echo $HOME $PWD > /srv/tables"], "one-shot": True, "user": "root"},
        "late": {"command": ["sleep", "100000"], "ready": {"tcp": 9, "timeout": 1}, "auto-start": False},
        "sweep": {"command": ["touch", "/srv/swept"], "timer": {"minutes": [0]}},
    },
    "directories": {"/run/app": {"owner": "app"}},
    "units": {"nginx": {"Service": {"LimitNOFILE": 1234}}},
}


pytestmark = pytest.mark.skipif(bool(no_cgroup()), reason=no_cgroup())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnpackedImage]:
    directory = tmp_path_factory.mktemp("systemd")
    (directory / "system.json").write_text(json.dumps(SPEC))
    archive = build_spec(directory / "system.json", directory / "image.tar", "--compression", "none")
    with unpack(archive) as unpacked:
        yield unpacked
    assert not list(Path("/sys/fs/cgroup").glob(f"**/sysimage-{os.getpid()}-*")), "a cgroup is left"


@pytest.fixture(scope="module")
def system(files: UnpackedImage) -> Iterator[Booted]:
    with boot(files) as booted:
        booted.wait_for("systemd", lambda: shell(booted, "systemctl is-system-running") in ("running", "degraded"))
        yield booted


def shell(system: Booted, text: str) -> str:
    return system.run(["sh", "-c", text]).stdout.strip()


def test_the_first_process_is_systemd_and_nothing_failed(system: Booted) -> None:
    assert shell(system, "cat /proc/1/comm") == "systemd"
    assert shell(system, "systemctl is-system-running; systemctl --failed --quiet --plain") == "running"


def test_a_unit_of_a_package_runs_with_its_drop_in(system: Booted) -> None:
    assert shell(system, "systemctl show --property LimitNOFILE --value nginx") == "1234"
    ask = "exec 3<>/dev/tcp/127.0.0.1/80; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"
    page = system.run(["bash", "-c", ask]).stdout
    assert "Welcome to nginx" in page


def test_a_service_says_in_the_log_what_it_was_asked_to_print(system: Booted) -> None:
    system.wait_for("the service's words", lambda: 'the app says 100% a "b" yes' in system.output())
    assert shell(system, "stat -c %U /run/app /run/app/here").split() == ["app", "app"]
    assert shell(system, "cat /srv/tables") == "/root /"


def test_a_service_that_is_not_ready_in_time_fails_and_says_why(system: Booted) -> None:
    assert system.run(["systemctl", "start", "late"]).returncode != 0
    expected = "not ready after 1 s: waited for 127.0.0.1 port 9 to accept a connection; its process"
    system.wait_for("the reason", lambda: expected in system.output())
    system.run(["systemctl", "stop", "late"])
    system.run(["systemctl", "reset-failed", "late"])


def test_a_timed_service_runs_when_its_timer_says(system: Booted) -> None:
    assert shell(system, "systemctl show --property ActiveState --value sweep.timer") == "active"
    assert shell(system, "systemctl start sweep && ls /srv/swept") == "/srv/swept"


def test_no_unit_of_a_machine_is_left(system: Booted) -> None:
    said = shell(system, "systemctl show --property ActiveState --value getty.target systemd-sysctl systemd-firstboot")
    assert set(said.split()) == {"inactive"}


@pytest.mark.parametrize("seconds", [0, 0.03, 0.1, 0.3])
def test_a_stop_right_after_the_start_is_not_lost(files: UnpackedImage, seconds: float) -> None:
    """systemd starts, finds the signal, and stops; whenever the signal came."""
    with boot(files) as system:
        system.wait_for("the first process to take signals", system.takes_stop_signal)
        time.sleep(seconds)
        assert system.stop(quiet=30) == 0


def test_it_stops_when_the_engine_asks(system: Booted) -> None:
    """What is logged from then on may be lost: systemd ends the program, too, that copies the log to the console."""
    system.wait_for("the log", lambda: "Finished sweep.service" in system.output())
    assert system.stop() == 0
