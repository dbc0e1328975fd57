"""Boots the image of examples/web.json in plain namespaces: no container engine, no virtual machine."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pyzstd

from tests.support.examples import build_example
from tests.support.namespaces import Booted, boot

TMPFS = ("/run", "/tmp")


@dataclass(frozen=True)
class Unpacked:
    """An image as a runtime would have it."""

    root: Path
    config: dict[str, Any]

    @property
    def argv(self) -> list[str]:
        return [*self.config["Entrypoint"], *(self.config.get("Cmd") or [])]

    @property
    def environment(self) -> dict[str, str]:
        return dict(variable.split("=", 1) for variable in self.config["Env"])


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    top = tmp_path_factory.mktemp("image")
    root = top / "root"
    root.mkdir()
    with tarfile.open(build_example("web", top / "web.tar")) as archive:

        def member(name: str) -> bytes:
            file = archive.extractfile(name)
            assert file is not None
            return file.read()

        manifest = json.loads(member("manifest.json"))[0]
        for name in manifest["Layers"]:
            data = member(name)
            data = pyzstd.decompress(data) if data.startswith(b"\x28\xb5\x2f\xfd") else data
            with tarfile.open(fileobj=io.BytesIO(data)) as layer:
                # Not the argument ``filter``, which Debian 12's Python 3.11.2 does not know.
                layer.extraction_filter = lambda member, _: member
                layer.extractall(root, numeric_owner=True)
        return Unpacked(root, json.loads(member(manifest["Config"]))["config"])


def running(system: Booted, name: str) -> bool:
    return "running" in system.run(["herd", "status", name], env={"LC_ALL": "C"}).stdout


def wait_until_up(system: Booted) -> None:
    system.wait_for("nginx to run", lambda: running(system, "nginx"), timeout=120)


def page(system: Booted, path: str) -> str:
    program = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1{path}', timeout=10).read().decode())"
    return system.run(["python3", "-c", program]).stdout


@pytest.fixture(scope="module")
def system(image: Unpacked, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    with boot(image.root, image.argv, env=image.environment, upper=tmp_path_factory.mktemp("upper") / "up") as booted:
        wait_until_up(booted)
        yield booted


def test_the_shepherd_is_the_first_process_and_every_service_is_up(system: Booted) -> None:
    assert "shepherd" in system.run(["cat", "/proc/1/cmdline"]).stdout
    status = system.run(["herd", "status"], env={"LC_ALL": "C"}).stdout.split()
    assert {"nginx", "visits", "report", "prepare"} <= set(status)
    assert "Failed" not in status
    assert "Stopped:" not in status


def test_the_page_is_served_and_what_services_say_is_in_the_log(system: Booted) -> None:
    assert "It boots" in page(system, "/")
    assert page(system, "/visits").startswith("visits: 1\nstarts: 1")
    assert '"GET /visits HTTP/1.1" 200' in system.output()
    system.run(["herd", "trigger", "report"])
    system.wait_for("the report in the log", lambda: "1 visits so far" in system.output())


def test_a_killed_service_comes_back(system: Booted) -> None:
    before = system.run(["cat", "/run/nginx.pid"]).stdout
    system.run(["kill", "-9", before.strip()])
    system.wait_for("another nginx", lambda: system.run(["cat", "/run/nginx.pid"]).stdout not in ("", before))
    system.wait_for("the page", lambda: "It boots" in page(system, "/"))
    assert system.run(["cat", "/run/nginx.pid"]).stdout != before


def test_orphans_are_reaped(system: Booted) -> None:
    system.run(["sh", "-c", "(sleep 0.1; exit 3) & exit 0"])
    time.sleep(0.5)
    assert system.run(["sh", "-c", "ps axo stat | grep -c ^Z"]).stdout.strip() == "0"


def test_su_and_passwords_work_without_privileges_of_the_container(system: Booted) -> None:
    assert system.run(["su", "nobody", "-s", "/bin/sh", "-c", "id -un"]).stdout == "nobody\n"
    assert system.run(["passwd", "--status", "root"]).stdout.startswith("root L")


def test_running_its_python_as_root_changes_nothing_in_the_store(image: Unpacked, tmp_path: Path) -> None:
    upper = tmp_path / "up"
    with boot(image.root, image.argv, env=image.environment, upper=upper) as booted:
        wait_until_up(booted)
        modules = "asyncio, email, http.server, json, sqlite3, ssl, unittest, xml.dom"
        booted.run(["python3", "-c", f"import {modules}"])  # without the environment: these are all compiled
        programs = "for p in /usr/bin/py* /usr/bin/perl*; do $p --version </dev/null; done"
        booted.run(["sh", "-c", programs], env=image.environment)
        booted.stop()
    assert sorted(str(file.relative_to(upper)) for file in (upper / "gnu").rglob("*")) == []


@pytest.mark.parametrize("init", [False, True])
def test_it_stops_promptly_with_status_0(image: Unpacked, init: bool) -> None:
    with boot(image.root, image.argv, env=image.environment, init=init) as booted:
        wait_until_up(booted)
        assert booted.stop(timeout=9) == 0


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.6])
def test_a_stop_right_after_the_start_is_not_lost(image: Unpacked, seconds: float) -> None:
    with boot(image.root, image.argv, env=image.environment) as booted:
        time.sleep(seconds)
        assert booted.stop(timeout=9) == 0


def test_it_runs_on_a_read_only_root(image: Unpacked) -> None:
    writable = (*TMPFS, "/var/lib/nginx", "/var/lib/visits", "/var/log")
    with boot(image.root, image.argv, env=image.environment, read_only=True, tmpfs=writable) as booted:
        wait_until_up(booted)
        assert booted.run(["touch", "/etc/x"]).returncode != 0
        assert booted.stop(timeout=9) == 0


def test_an_empty_run_is_filled(image: Unpacked) -> None:
    with boot(image.root, image.argv, env=image.environment, tmpfs=TMPFS) as booted:
        wait_until_up(booted)
        assert booted.run(["su", "nobody", "-s", "/bin/sh", "-c", "id -un"]).stdout == "nobody\n"


def test_it_restarts_after_being_killed(image: Unpacked, tmp_path: Path) -> None:
    for starts in (1, 2):
        with boot(image.root, image.argv, env=image.environment, upper=tmp_path / "up") as booted:
            wait_until_up(booted)
            assert booted.run(["cat", "/var/lib/visits/starts"]).stdout == f"{starts}\n"
            booted.kill(9)
            booted.process.wait()


def test_another_user_than_root_gets_an_init_that_says_what_does_not_work(image: Unpacked) -> None:
    with boot(image.root, image.argv, env=image.environment, uid=1000, gid=1000) as booted:
        booted.wait_for("the Shepherd", lambda: "GNU Shepherd" in booted.output())
        assert "user 1000 is not root" in booted.output()
        time.sleep(2)
        assert booted.stop() == 0


def test_what_the_container_engine_mounts_is_left_alone(system: Booted) -> None:
    assert system.run(["cat", "/etc/hostname"]).stdout == "c0ffee\n"
    assert "172.17.0.2\tc0ffee" in system.run(["cat", "/etc/hosts"]).stdout
    assert system.run(["cat", "/etc/resolv.conf"]).stdout == "nameserver 192.0.2.1\n"
