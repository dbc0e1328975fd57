"""A slim system does everything that a service can declare: no module of Guile that any of it needs is left out, and
what is compiled when the image is built behaves as it is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.examples import build_spec
from tests.support.namespaces import Booted, boot, unpack

LISTEN = "import http.server as h; h.HTTPServer(('127.0.0.1', 8000), h.SimpleHTTPRequestHandler).serve_forever()"
WAITING = "exec sleep 100000"


def shell(text: str, **more: Any) -> dict[str, Any]:
    return {"command": ["sh", "-c", text], **more}


SERVICES: dict[str, Any] = {
    "first": shell("id -nG > /srv/who; pwd >> /srv/who; echo $MODE >> /srv/who;"
                   "env > /srv/environment; ls -l /proc/self/fd > /srv/open", user="app", group="app",
                   environment={"MODE": "é"}, **{"working-directory": "/srv", "one-shot": True}),
    "port": {"command": ["python3", "-c", LISTEN], "requires": ["first"], "ready": {"tcp": 8000}},
    "file": shell(f"sleep 0.3; touch /run/file.ready; {WAITING}", ready={"file": "/run/file.ready"}, log="none"),
    "asked": shell(f"sleep 0.3; touch /run/asked; {WAITING}", ready={"command": ["test", "-e", "/run/asked"]}),
    "after": shell("test -e /run/asked && test -e /run/file.ready", requires=["asked", "file"], **{"one-shot": True}),
    "never": shell(WAITING, ready={"file": "/run/never", "timeout": 1}, respawn=False),
    "failing": shell("exit 7", **{"one-shot": True}),
    "logged": shell(f"echo into a file; {WAITING}", log="/var/log/logged"),
    "hand": shell(f"echo by hand; {WAITING}", **{"auto-start": False, "description": "Starts when asked."}),
    "deaf": shell("trap '' TERM; while :; do sleep 0.1; done", **{"stop-timeout": 0.5}),
    "polite": shell("trap 'echo asked to end; exit' USR1; while :; do sleep 0.1; done", **{"stop-signal": "SIGUSR1"}),
    "timer": shell("echo the hour has struck", timer={"minutes": [0], "hours": [3], "days-of-month": [1],
                                                     "months": [12], "days-of-week": [0]}),
    "wrong": shell("exit 3", timer={"days-of-week": [1, 2]}),
}  # fmt: skip
SPEC = {
    "name": "services",
    "packages": ["python3"],
    "services": SERVICES,
    "users": {"app": {"system": True, "groups": ["staff"]}},
    "directories": {"/srv": {"owner": "app"}},
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    top = tmp_path_factory.mktemp("services")
    (top / "services.json").write_text(json.dumps(SPEC))
    build_spec(top / "services.json", top / "image.tar")
    with unpack(top / "image.tar") as files, boot(files) as booted:
        booted.wait_for("the services to be up", lambda: is_running(booted, "port") and is_running(booted, "logged"))
        booted.wait_for("the one that waits for others", lambda: "after" in herd(booted, "status"))
        yield booted


def herd(system: Booted, *words: str) -> str:
    done = system.run(["herd", *words], env={"LC_ALL": "C.UTF-8"})
    return done.stdout + done.stderr


def is_running(system: Booted, name: str) -> bool:
    return "It is running" in herd(system, "status", name)


def test_the_modules_that_it_has_are_few_and_none_of_its_parts_lacks_one(system: Booted) -> None:
    found = system.run(["find", "/gnu/store", "-name", "*.go"]).stdout.split()
    assert 80 < len(found) < 180
    assert not [name for name in found if "/language/cps/compile" in name or "/sxml/" in name]
    assert "no code for module" not in system.output()
    assert "rror" not in "".join(line for line in system.output().splitlines(True) if "tcp" not in line)


def test_a_service_runs_as_its_user_in_its_directory_with_its_environment(system: Booted) -> None:
    assert system.run(["cat", "/srv/who"]).stdout.splitlines() == ["app staff", "/srv", "é"]


def test_it_gets_neither_variables_nor_descriptors_of_the_init(system: Booted) -> None:
    variables = system.run(["cat", "/srv/environment"]).stdout
    assert "PATH=" in variables
    assert not re.search("^(GC|GUILE|GUIX)_", variables, re.MULTILINE)
    numbers = re.findall("([0-9]+) -> ", system.run(["cat", "/srv/open"]).stdout)
    assert numbers == ["0", "1", "2", "3"], "the standard ones, and the directory that is being read"


def test_readiness_by_port_file_and_command_is_what_others_wait_for(system: Booted) -> None:
    for name in ("port", "file", "asked"):
        system.wait_for(name, lambda name=name: is_running(system, name))  # type: ignore[misc]
    system.wait_for("the last of the chain", lambda: "one-shot" in herd(system, "status", "after"))
    assert "One-shot after failed" not in system.output()


def test_one_that_is_not_ready_in_time_and_one_that_fails_are_named(system: Booted) -> None:
    late = re.compile(
        "Service never is not ready after 1[.][0-9] s: waited for /run/never to appear; its process [0-9]+"
    )
    system.wait_for("the timeout", lambda: late.search(system.output()) is not None)
    system.wait_for("the failure", lambda: "exited with status 7." in system.output())
    assert not is_running(system, "never")


def test_what_it_says_goes_where_it_should(system: Booted) -> None:
    system.wait_for("the file", lambda: "into a file" in system.run(["cat", "/var/log/logged"]).stdout)
    assert "into a file" not in system.output()


def test_one_that_is_killed_comes_back_as_another_process(system: Booted) -> None:
    def pid() -> str:
        return next((word for line in herd(system, "status", "logged").splitlines() if "PID" in line
                     for word in line.split() if word.isdigit()), "")  # fmt: skip

    before = pid()
    assert before
    system.run(["kill", "-9", before])
    system.wait_for("another process", lambda: pid() not in ("", before))


def test_people_start_stop_restart_and_ask(system: Booted) -> None:
    assert "stopped" in herd(system, "status", "hand")
    herd(system, "start", "hand")
    assert is_running(system, "hand")
    assert "by hand" in system.output()
    herd(system, "restart", "hand")
    assert is_running(system, "hand")
    herd(system, "stop", "hand")
    assert not is_running(system, "hand")
    herd(system, "disable", "hand")
    assert "isabled" in herd(system, "status", "hand")
    herd(system, "enable", "hand")
    for words in (("doc", "hand"), ("log",), ("status",), ("graph",), ("help",), ("status", "root")):
        said = herd(system, *words)
        assert said
        assert "no code for module" not in said
    assert "42" in herd(system, "eval", "root", "(* 6 7)")


def test_it_is_stopped_by_its_own_signal_and_killed_when_it_ignores_that(system: Booted) -> None:
    herd(system, "stop", "polite")
    system.wait_for("the signal", lambda: "asked to end" in system.output())
    herd(system, "stop", "deaf")
    assert not is_running(system, "deaf")


def test_a_timer_runs_when_it_is_triggered_and_says_when_it_fails(system: Booted) -> None:
    for name in ("timer", "wrong"):
        assert "timer" in herd(system, "status", name).lower()
        herd(system, "trigger", name)
    system.wait_for("the timer", lambda: "the hour has struck" in system.output())
    system.wait_for("the failure", lambda: "exited with status 3" in system.output())


def test_it_ends_in_order_with_every_service(system: Booted) -> None:
    assert system.stop(quiet=20) == 0
    assert "no code for module" not in system.output()
