"""Boots the image of examples/web.json in plain namespaces: no container engine, no virtual machine."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from sysimage.containers.namespaces import UnpackedImage
from tests.support.examples import build_example
from tests.support.namespaces import Booted, boot, unpack

TMPFS = ("/run", "/tmp")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnpackedImage]:
    with unpack(build_example("web", tmp_path_factory.mktemp("image") / "web.tar")) as files:
        yield files


def running(system: Booted, name: str) -> bool:
    return "running" in system.run(["herd", "status", name], env={"LC_ALL": "C"}).stdout


def wait_until_up(system: Booted) -> None:
    system.wait_for("nginx to run", lambda: running(system, "nginx"))


def page(system: Booted, path: str) -> str:
    program = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1{path}', timeout=600).read().decode())"
    return system.run(["python3", "-c", program]).stdout


@pytest.fixture(scope="module")
def system(image: UnpackedImage) -> Iterator[Booted]:
    with boot(image) as booted:
        wait_until_up(booted)
        yield booted


def test_the_shepherd_is_the_first_process_and_every_service_is_up(system: Booted) -> None:
    assert system.run(["cat", "/proc/1/comm"]).stdout == "shepherd\n"
    status = system.run(["herd", "status"], env={"LC_ALL": "C"}).stdout.split()
    assert {"nginx", "visits", "report", "prepare"} <= set(status)
    assert "Failed" not in status
    assert "Stopped:" not in status


def test_a_start_loads_little_and_makes_no_threads_that_a_fork_would_lose(system: Booted) -> None:
    mapped = {
        line.split()[-1] for line in system.run(["cat", "/proc/1/maps"]).stdout.splitlines() if line.endswith(".go")
    }
    assert 50 < len(mapped) < 95
    modules = {re.sub(r".*/(?:site-)?ccache/", "", name) for name in mapped}
    assert {name for name in modules if name.startswith(("language/", "system/repl/", "system/vm/", "rnrs/"))} == {
        "rnrs/bytevectors.go", "rnrs/bytevectors/gnu.go"
    }  # fmt: skip
    threads = int(re.findall("Threads:\t([0-9]+)", system.run(["cat", "/proc/1/status"]).stdout)[0])
    assert threads <= 2, "its own, and one for finalizers, which is stopped before a fork"
    assert system.run(["sh", "-c", "! test -e /root/.cache"]).returncode == 0, "nothing was compiled"


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
    orphan = system.run(["sh", "-c", "(sleep 0.1; exit 3) >/dev/null & echo $!"]).stdout.strip()
    system.wait_for("the orphan to be reaped", lambda: system.run(["test", "-e", f"/proc/{orphan}"]).returncode == 1)
    system.wait_for("no zombies", lambda: not re.search("^Z", system.run(["ps", "axo", "stat"]).stdout, re.MULTILINE))


def test_su_and_passwords_work_without_privileges_of_the_container(system: Booted) -> None:
    assert system.run(["su", "nobody", "-s", "/bin/sh", "-c", "id -un"]).stdout == "nobody\n"
    assert system.run(["passwd", "--status", "root"]).stdout.startswith("root L")


def test_running_its_python_as_root_changes_nothing_in_the_store(image: UnpackedImage) -> None:
    with boot(image, upper="python") as booted:
        wait_until_up(booted)
        modules = "asyncio, email, http.server, json, sqlite3, ssl, unittest, xml.dom"
        unset = ["env", "-u", "PYTHONDONTWRITEBYTECODE"]  # these are all compiled
        booted.run([*unset, "python3", "-c", f"import {modules}"])
        programs = "for p in /usr/bin/py* /usr/bin/perl*; do $p --version </dev/null; done"
        booted.run(["sh", "-c", programs])
        booted.stop()
    written = image.written("python")
    assert (written / "run").is_dir()
    assert sorted(str(file.relative_to(written)) for file in (written / "gnu").rglob("*")) == []


@pytest.mark.parametrize("init", [False, True])
def test_it_stops_promptly_with_status_0(image: UnpackedImage, init: bool) -> None:
    with boot(image, init=init) as booted:
        wait_until_up(booted)
        assert booted.stop(quiet=9) == 0


@pytest.mark.parametrize("seconds", [0, 0.3, 0.6])
def test_a_stop_right_after_the_start_is_not_lost(image: UnpackedImage, seconds: float) -> None:
    with boot(image) as booted:
        booted.wait_for("the first process to take signals", booted.takes_stop_signal)
        time.sleep(seconds)
        assert booted.stop(quiet=9) == 0


def test_it_runs_on_a_read_only_root(image: UnpackedImage) -> None:
    writable = (*TMPFS, "/var/lib/nginx", "/var/lib/visits", "/var/log")
    with boot(image, read_only=True, tmpfs=writable) as booted:
        wait_until_up(booted)
        assert booted.run(["touch", "/etc/x"]).returncode != 0
        assert booted.stop(quiet=9) == 0


def test_an_empty_run_is_filled(image: UnpackedImage) -> None:
    with boot(image, tmpfs=TMPFS) as booted:
        wait_until_up(booted)
        assert booted.run(["su", "nobody", "-s", "/bin/sh", "-c", "id -un"]).stdout == "nobody\n"


def test_it_restarts_after_being_killed(image: UnpackedImage) -> None:
    for starts in (1, 2):
        with boot(image, upper="restarted") as booted:
            wait_until_up(booted)
            assert booted.run(["cat", "/var/lib/visits/starts"]).stdout == f"{starts}\n"
            booted.kill(9)
            booted.container.wait()


def test_another_user_than_root_gets_an_init_that_says_what_does_not_work(image: UnpackedImage) -> None:
    with boot(image, user="1000:1000") as booted:
        booted.wait_for("the Shepherd", lambda: "GNU Shepherd" in booted.output())
        assert "user 1000 is not root" in booted.output()
        time.sleep(2)
        assert booted.stop() == 0


def test_what_the_container_engine_mounts_is_left_alone(system: Booted) -> None:
    name = system.container.files.hostname
    assert system.run(["cat", "/etc/hostname"]).stdout == f"{name}\n"
    assert f"127.0.1.1\t{name}" in system.run(["cat", "/etc/hosts"]).stdout
    assert system.run(["cat", "/etc/resolv.conf"]).stdout == "nameserver 127.0.0.1\n"
