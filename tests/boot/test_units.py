"""Units become services that behave as under systemd: how they start, with what, how they end, what is reported."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.support.examples import build_spec
from tests.support.namespaces import Booted, boot, unpack

READY = """import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
time.sleep(0.3)
open("/run/notified", "w").write(os.environ["NOTIFY_SOCKET"])
s.sendto(b"STATUS=warm\\nREADY=1", os.environ["NOTIFY_SOCKET"])
time.sleep(100000)"""
SILENT = """import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b"STATUS=counting sheep", os.environ["NOTIFY_SOCKET"])
time.sleep(100000)"""
SOCKETS = """import os, socket
assert os.environ["LISTEN_PID"] == str(os.getpid()) and os.environ["LISTEN_FDS"] == "2", os.environ
a, b = (socket.socket(fileno=n) for n in (3, 4))
while True:
    c, _ = a.accept(); c.sendall((b.getsockname() + " " + os.environ["LISTEN_FDNAMES"]).encode()); c.close()"""
UNITS = {
    "said.service": """[Service]
Type=oneshot
RemainAfterExit=yes
User=app
SupplementaryGroups=staff
EnvironmentFile=-/etc/none
EnvironmentFile=/etc/said.conf
Environment=TWO=other "THREE=x  y"
StateDirectory=said
RuntimeDirectory=said
RuntimeDirectoryMode=0750
UMask=0027
LimitNOFILE=100:200
WorkingDirectory=%S/said
AmbientCapabilities=CAP_NET_BIND_SERVICE
ExecStartPre=+/bin/sh -c 'id -un > /run/pre'
ExecStart=/bin/sh -c 'echo $0 $1 "$2" ${ONE}-%N > words; \\
  id -nG > groups; ulimit -n > limit; grep Amb /proc/self/status > caps' $ONE $TWO ${THREE}
ExecStart=-/bin/false
ExecReload=/bin/sh -c 'echo again > /run/said/reloaded'
ExecStop=/bin/sh -c 'echo stopped > /var/lib/said/stopped'
""",
    "ready.service": "[Service]\nType=notify\nExecStart=/usr/bin/python3 /srv/ready.py\n",
    "forks.service": """[Unit]
After=ready.service
[Service]
Type=forking
PIDFile=forks.pid
ExecStartPre=/bin/sh -c 'test -e /run/notified'
ExecStart=/bin/sh -c 'setsid sh -c "echo \\\\$\\\\$ > /run/forks.pid; exec sleep 100000" &'
""",
    "guessed.service": "[Service]\nType=forking\nExecStart=/bin/sh -c 'setsid sleep 99999 &'\n",
    "left-out.service": "[Unit]\nConditionPathExists=/nowhere\n[Service]\nExecStart=/bin/false\n",
    "silent.service": "[Service]\nType=notify\nTimeoutStartSec=1\nExecStart=/usr/bin/python3 /srv/silent.py\n",
    "dies.service": """[Unit]
OnFailure=alert@%N.service
[Service]
Restart=on-failure
RestartSec=0.1
StartLimitBurst=3
ExecStart=/bin/sh -c 'exit 5'
""",
    "broken.service": """[Unit]
OnFailure=alert@%N.service gone.service
OnSuccess=never.service
[Service]
Type=oneshot
ExecStart=/bin/false
""",
    "alert@.service": "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo %i >> /run/alerts'\n",
    "no-place.service": "[Service]\nWorkingDirectory=/nowhere\nExecStart=/bin/sleep 100000\n",
    "no-secret.service": "[Service]\nEnvironmentFile=/run/secrets/app\nExecStart=/bin/sleep 100000\n",
    "never.service": "[Service]\nType=oneshot\nExecStart=/bin/touch /run/never\n",
    "group.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n",
    "member.service": """[Unit]
ReloadPropagatedFrom=group.service
[Service]
Environment="WHERE=%H $x"
ExecStart=/bin/sh -c 'echo "$${WHERE}" > /run/member; exec sleep 100000'
ExecReload=/bin/touch /run/reloaded
""",
    "clean.service": "[Service]\nRestart=on-failure\nExecStart=/bin/sh -c 'exit 0'\n",
    "logs.service": "[Service]\nType=oneshot\nExecStart=/usr/bin/logger -t me by syslog\n",
    "listens.service": "[Service]\nExecStart=/usr/bin/python3 /srv/sockets.py\n",
    "listens.socket": "[Socket]\nListenStream=/run/listens/a\nListenDatagram=/run/listens/b\nSocketMode=0600\n",
    "tick.timer": "[Timer]\nOnActiveSec=1\n",
    "tick.service": "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo tick > /run/tick'\n",
}
LEFT_TO_OTHERS = ("listens.service", "tick.service", "alert@.service", "never.service")
ENABLED = [name.removesuffix(".service") for name in UNITS if name not in LEFT_TO_OTHERS]
SPEC = {
    "name": "units",
    "packages": ["python3"],
    "enable": ENABLED,
    "files": {
        **{f"/etc/systemd/system/{name}": {"text": text} for name, text in UNITS.items()},
        "/etc/said.conf": {"text": "# first\nONE='a b'\nTWO=fromfile\n"},
        "/srv/ready.py": {"text": READY},
        "/srv/silent.py": {"text": SILENT},
        "/srv/sockets.py": {"text": SOCKETS},
    },
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    top = tmp_path_factory.mktemp("units")
    (top / "units.json").write_text(json.dumps(SPEC))
    build_spec(top / "units.json", top / "image.tar")
    with unpack(top / "image.tar") as files, boot(files) as booted:
        booted.wait_for("the last of them", lambda: "forks" in running(booted))
        yield booted


def shell(system: Booted, text: str) -> str:
    return system.run(["sh", "-c", text]).stdout.strip()


def running(system: Booted) -> str:
    return shell(system, "herd status | sed -n '/^Started/,/^[A-Z][a-z]* *.*:$/p'")


def test_a_service_runs_as_with_and_where_its_unit_says(system: Booted) -> None:
    assert shell(system, "cat /run/pre") == "root"
    assert shell(system, "cat /var/lib/said/words") == "a b fromfile a b-said"
    assert shell(system, "cat /var/lib/said/groups") == "app staff"
    assert shell(system, "cat /var/lib/said/limit") == "100"
    assert shell(system, "cat /var/lib/said/caps").split()[1] == f"{1 << 10:016x}"
    assert shell(system, "stat -c '%U %a' /var/lib/said /run/said /var/lib/said/words").split("\n") == [
        "app 755",
        "app 750",
        "app 640",
    ]


def test_one_that_notifies_is_waited_for_and_found_by_its_process(system: Booted) -> None:
    assert "notify/ready" in shell(system, "cat /run/notified")
    assert "sleep" in shell(system, "tr '\\0' ' ' < /proc/$(cat /run/forks.pid)/cmdline")
    assert shell(system, "cat /run/forks.pid") in shell(system, "herd status forks")
    guessed = re.search("Main PID: ([0-9]+)", shell(system, "herd status guessed"))
    assert guessed is not None
    assert "99999" in shell(system, f"tr '\\0' ' ' < /proc/{guessed[1]}/cmdline")


def test_a_condition_leaves_a_service_out_and_nothing_fails(system: Booted) -> None:
    assert "left-out is left out, not started: ConditionPathExists=/nowhere is not so." in system.output()


def test_one_that_never_reports_that_it_is_ready_is_named_with_its_output(system: Booted) -> None:
    expected = re.compile("silent is not ready after 1[.][0-9] s: .*it says: counting sheep; its process [0-9]+ runs")
    system.wait_for("the report", lambda: expected.search(system.output()) is not None)


def test_a_death_is_reported_with_its_status_and_given_up_as_the_unit_says(system: Booted) -> None:
    expected = re.compile(
        r"dies \(process [0-9]+\) exited with status 5 after 0[.][0-9] s, 3 times in a row; it is given up"
    )
    system.wait_for("the report", lambda: expected.search(system.output()) is not None)
    assert re.search(r"clean \(process [0-9]+\) exited with status 0 .*; it is not started again", system.output())


def test_a_failure_starts_what_the_unit_names_for_it_each_time(system: Booted) -> None:
    def alerts() -> list[str]:
        return sorted(shell(system, "cat /run/alerts").split())

    system.wait_for("both failures", lambda: alerts() == ["broken", "dies"])
    assert "Service broken has failed; starting alert@broken." in system.output()
    assert "Service broken has failed; the image has no unit gone." in system.output()
    system.run(["herd", "start", "broken"])
    system.wait_for("the next", lambda: alerts() == ["broken", "broken", "dies"])
    assert "No such" in shell(system, "ls /run/never 2>&1")


def test_a_reload_reaches_those_that_want_it_from_another(system: Booted) -> None:
    system.run(["herd", "reload", "group"])
    assert shell(system, "ls /run/reloaded") == "/run/reloaded"


def test_a_variable_has_what_only_the_running_system_knows(system: Booted) -> None:
    assert shell(system, "cat /run/member") == f"{shell(system, 'hostname')} $x"


def test_what_a_service_lacks_to_start_is_reported_with_its_name(system: Booted) -> None:
    assert "Service no-place: its working directory /nowhere is not there." in system.output()
    assert "Service no-secret: cannot read the environment file /run/secrets/app." in system.output()


def test_what_is_sent_to_syslog_reaches_the_log(system: Booted) -> None:
    system.wait_for("the line", lambda: re.search("me(\\[[0-9]+\\])?: by syslog", system.output()) is not None)


def test_a_socket_starts_its_service_which_finds_it_open(system: Booted) -> None:
    ask = "import socket; s=socket.socket(socket.AF_UNIX); s.connect('/run/listens/a'); print(s.recv(99).decode())"
    assert shell(system, "stat -c %a /run/listens/a") == "600"
    answer = system.run(["python3", "-c", ask]).stdout.strip()
    assert answer == "/run/listens/b listens.socket:listens.socket"


def test_a_timer_that_counts_from_the_start_runs_its_service(system: Booted) -> None:
    system.wait_for("the tick", lambda: shell(system, "cat /run/tick") == "tick")


def test_it_reloads_and_stops_by_the_units_commands(system: Booted) -> None:
    system.run(["herd", "reload", "said"])
    assert shell(system, "cat /run/said/reloaded") == "again"
    system.run(["herd", "stop", "said"])
    assert shell(system, "cat /var/lib/said/stopped; ls -d /run/said 2>&1").split("\n")[0] == "stopped"
    assert "No such" in shell(system, "ls -d /run/said 2>&1")
    main = shell(system, "cat /run/forks.pid")
    system.run(["herd", "stop", "forks"])
    assert shell(system, f"test -d /proc/{main} || echo gone") == "gone"
