"""Images boot whatever form their layers have, whatever options `docker run` gets; docs/running.md says the same."""

from __future__ import annotations

import json
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from built_systems import build_system, load, running
from sysimage_vm.booted import BOOT
from sysimage_vm.container import Container
from sysimage_vm.daemons import start_docker
from sysimage_vm.engine import Engine
from sysimage_vm.errors import ServiceNotStartedError
from sysimage_vm.services import HERD, parse_herd_status
from sysimage_vm.waiting import NotYet

STOP_SECONDS = 20
SERVICES = ("greeter", "once", "sweep")
SPEC: dict[str, Any] = {
    "name": "variants",
    "packages": [],
    "max-layers": 3,
    "users": {"ann": {"uid": 1000, "home": "/home/ann"}},
    "environment": {"GREETING": "moin"},
    "services": {
        "once": {"command": ["sh", "-c", "echo once as $(id -un)"], "user": "ann", "one-shot": True},
        "greeter": {
            "command": ["sh", "-c", 'echo "$GREETING$MORE from $(hostname) as $(id -u)"; exec sleep 100000'],
            "requires": ["once"],
            "user": "ann",
        },
        "sweep": {"command": ["true"], "timer": {"hours": [3], "minutes": [30]}},
    },
}


def stops_well(container: Container) -> None:
    status, _ = container.stop(seconds=STOP_SECONDS)
    assert status == 0, f"it had to be killed, or failed: {container.evidence()}"


GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
UNCOMPRESSED = ("--compression", "none")
FORMS = {
    "one layer": ("--max-layers", "1"),
    "zstd": ("--max-layers", "2", "--compression", "zstd"),
}


def layer_starts(archive: Path) -> list[bytes]:
    """The first bytes of every layer blob."""
    listed = subprocess.run(["tar", "-xOf", archive, "manifest.json"], stdout=subprocess.PIPE, check=True).stdout
    names = json.loads(listed)[0]["Layers"]
    blobs = [
        subprocess.run(["tar", "-xOf", archive, name], stdout=subprocess.PIPE, check=True).stdout for name in names
    ]
    return [blob[:4] for blob in blobs]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_layers_boots(form: str, shared_engine: Engine, tmp_path: Path) -> None:
    archive = build_system(SPEC, tmp_path / "form.tar", *FORMS[form])
    starts = layer_starts(archive)
    assert len(starts) <= int(FORMS[form][1])
    magic = ZSTD if form == "zstd" else GZIP
    assert all(start.startswith(magic) for start in starts)
    reference = load(shared_engine, archive)
    with running(shared_engine, reference) as booting:
        booting.wait_services(SERVICES)
        stops_well(booting)
    shared_engine.run("image", "rm", reference)  # or the next would find layers of the same content there


def test_a_service_that_never_starts_is_diagnosed(shared_engine: Engine, tmp_path: Path) -> None:
    services = {
        "deaf": {"command": ["sleep", "100000"], "ready": {"tcp": 9, "timeout": 5}},
        "fine": {"command": ["sleep", "100000"]},
    }
    image = load(
        shared_engine,
        build_system({**SPEC, "name": "deaf", "services": services}, tmp_path / "deaf.tar", *UNCOMPRESSED),
    )
    with running(shared_engine, image) as booting:
        with pytest.raises(ServiceNotStartedError, match=r"did not start: deaf \(failed\)") as fault:
            booting.wait_services(["deaf", "fine"])
        assert "Service deaf is not ready after" in str(fault.value), "the last words are shown"
        assert booting.services()["fine"] == "started", "the others run"
        stops_well(booting)


def test_a_system_can_be_a_plain_command(shared_engine: Engine, tmp_path: Path) -> None:
    spec = {
        "name": "plain",
        "packages": [],
        "max-layers": 3,
        "entry-point": ["/bin/sh", "-c"],
        "command": ["echo as $(id -un) in $(pwd); exit 7"],
        "user": "nobody",
        "working-directory": "/var/tmp",
    }
    image = load(shared_engine, build_system(spec, tmp_path / "plain.tar", *UNCOMPRESSED))
    plain = shared_engine.run("run", "--rm", "--pull", "never", image, accept=(7,))
    assert plain.text == "as nobody in /var/tmp"
    command = ["echo other; trap 'exit 0' TERM; sleep 100000 & wait"]
    with running(shared_engine, image, ("--read-only", "--network", "none"), command) as other:
        other.require_running()
        stops_well(other)
        assert other.logs().strip() == "other"


@pytest.fixture(scope="module")
def image(shared_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The system that all tests below run; its layers are not compressed, which an emulated machine reads faster."""
    archive = build_system(SPEC, tmp_path_factory.mktemp("variants") / "variants.tar", *UNCOMPRESSED)
    assert not any(start.startswith((GZIP, ZSTD)) for start in layer_starts(archive))
    return load(shared_engine, archive)


def booted(container: Container) -> Container:
    container.wait_services(SERVICES)
    return container


def sh(container: Container, command: str) -> str:
    """What a command line prints in the container."""
    result = container.shell.run(command)
    assert result.status == 0, result.output
    return result.text


def test_it_restarts_and_comes_back_after_a_kill(shared_engine: Engine, image: str) -> None:
    with running(shared_engine, image) as container:
        booted(container)
        assert "moin from" in container.logs()
        container.shell.close()
        shared_engine.run("restart", "-t", str(STOP_SECONDS), container.name)
        booted(container)
        container.shell.close()
        shared_engine.run("kill", container.name)
        shared_engine.run("start", container.name)
        booted(container)
        assert container.logs().count("moin from") == 3
        stops_well(container)


def test_a_container_that_has_just_been_started_stops(shared_engine: Engine, image: str) -> None:
    with running(shared_engine, image) as container:
        stops_well(container)


READ_ONLY = ("--read-only", "--tmpfs", "/run", "--tmpfs", "/tmp")


def test_a_read_only_root_with_empty_run_and_tmp(shared_engine: Engine, image: str) -> None:
    with running(shared_engine, image, READ_ONLY) as container:
        booted(container)
        assert sh(container, "touch /etc/x 2>&1 || :").endswith("Read-only file system")
        assert sh(container, "touch /tmp/x /run/x && readlink /run/current-system").startswith("/gnu/store/")
        assert sh(container, "stat -c %a /tmp /run/lock").split() == ["1777", "1777"]
        assert "activation: cannot" not in container.logs()
        stops_well(container)


def test_a_read_only_root_without_them_is_refused_by_the_shepherd(shared_engine: Engine, image: str) -> None:
    with running(shared_engine, image, ("--read-only",)) as container:
        assert shared_engine.run("wait", container.name).text != "0"
        assert "Read-only file system" in container.logs()


def test_empty_file_systems_on_run_and_tmp(shared_engine: Engine, image: str) -> None:
    with running(shared_engine, image, ("--tmpfs", "/run", "--tmpfs", "/tmp")) as container:
        booted(container)
        assert sh(container, "awk '$2 == \"/run\" { print $3 }' /proc/mounts") == "tmpfs"
        assert sh(container, "su -s /bin/sh ann -c id").startswith("uid=1000(ann)")
        stops_well(container)


def started_as_user(container: Container) -> None:
    """Wait for the services of a Shepherd that is not root's, by the socket that is its own."""

    def started() -> bool | NotYet:
        container.require_running()
        said = container.shell.run(f"XDG_RUNTIME_DIR=/tmp/run-$(id -u) {HERD} status")
        states = parse_herd_status(said.text) if said.status == 0 else {}
        done = states.get("greeter") == "started" and states.get("sweep") == "timer"
        return True if done else NotYet(f"{states or said.output}")

    container.engine.machine.ask("the services of a user", started, BOOT)


@pytest.mark.parametrize("also", [(), ("--read-only", "--tmpfs", "/tmp")], ids=["alone", "read-only"])
def test_everything_runs_as_the_specified_user(also: tuple[str, ...], shared_engine: Engine, image: str) -> None:
    with running(shared_engine, image, ("--user", "1234:1234", *also)) as container:
        started_as_user(container)
        assert " as 1234" in container.logs()
        assert "user 1234 is not root: every service runs as this user" in container.logs()
        assert set(sh(container, "stat -c %u /proc/[0-9]*").split()) == {"1234"}
        stops_well(container)


@pytest.mark.parametrize("also", [(), ("--tmpfs", "/run")], ids=["alone", "empty-run"])
def test_an_init_of_the_engine_is_before_ours(also: tuple[str, ...], shared_engine: Engine, image: str) -> None:
    with running(shared_engine, image, ("--init", *also)) as container:
        booted(container)
        assert "docker-init" in sh(container, "tr '\\0' ' ' < /proc/1/cmdline")
        stops_well(container)


def test_variables_and_the_host_name_reach_services(shared_engine: Engine, image: str) -> None:
    options = ("-e", "GREETING=hello", "-e", "MORE= again", "--hostname", "box.example")
    with running(shared_engine, image, options) as container:
        booted(container)
        assert "hello again from box.example as 1000" in container.logs()
        assert "once as ann" in container.logs()
        assert "MORE= again" in sh(container, "tr '\\0' '\\n' < /proc/1/environ")
        assert sh(container, "cat /etc/hostname") == "box.example"
        stops_well(container)


def test_it_needs_no_network(shared_engine: Engine, image: str) -> None:
    with running(shared_engine, image, ("--network", "none")) as container:
        booted(container)
        assert sh(container, "ls /sys/class/net") == "lo"
        stops_well(container)


def test_services_of_users_need_three_capabilities(shared_engine: Engine, image: str) -> None:
    granted = [word for name in ("SETUID", "SETGID", "KILL") for word in ("--cap-add", name)]
    options = ("--cap-drop", "ALL", *granted, "--security-opt", "no-new-privileges")
    with running(shared_engine, image, options) as container:
        booted(container)
        assert "moin from" in container.logs()
        stops_well(container)


def test_the_store_stays_as_registered_with_every_option(shared_engine: Engine, image: str) -> None:
    """The engine makes files for what it mounts; none of them may be in an item."""
    options = (*READ_ONLY, "--hostname", "box", "--network", "none")
    with running(shared_engine, image, options) as container:
        booted(container)
        assert store_report(container) == {"changed": [], "missing": [], "stray": [], "database": []}


def store_report(container: Container) -> dict[str, list[str]]:
    pid = container.inspect()["State"]["Pid"]
    channel = container.engine.machine.channel
    channel.put("/run/store_check.py", resources.files("sysimage_vm").joinpath("store_check.py").read_bytes())
    arguments = [f"/proc/{pid}/root", "/gnu/store", "/var/guix/db/db.sqlite"]
    result = channel.run(["python3", "/run/store_check.py", *arguments])
    assert result.status == 0, result.output
    report: dict[str, list[str]] = json.loads(result.stdout)
    assert report.pop("items")
    return report


def test_zstd_layers_boot_from_the_containerd_store(shared_engine: Engine, tmp_path: Path) -> None:
    # The last of this module: a daemon without a bridge takes the first daemon's away when it starts.
    archive = build_system(SPEC, tmp_path / "form.tar", *FORMS["zstd"])
    daemon = start_docker(shared_engine.machine, "zstd", containerd_store=True)
    try:
        with running(daemon.engine, load(daemon.engine, archive)) as booting:
            booting.wait_services(SERVICES)
            stops_well(booting)
    finally:
        daemon.close()
