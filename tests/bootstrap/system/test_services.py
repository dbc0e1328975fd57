"""Services become data for the Shepherd; what cannot work is named before anything is built."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.characters import is_line
from sysimage.errors import SpecError
from sysimage.process import find, run
from sysimage.rootfs.accounts import WantedUser, parse_accounts
from sysimage.rootfs.add_accounts import add_accounts
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.system.scheme import Symbol
from sysimage_bootstrap.system.services import shepherd_configuration
from sysimage_bootstrap.units.enable import Enabled, enable
from sysimage_bootstrap.units.signals import signal_number
from sysimage_bootstrap.units.specifiers import Owner
from sysimage_bootstrap.units.unit_files import UnitFiles
from tests.bootstrap.system.packages import GROUP, PASSWD
from tests.bootstrap.system.test_scheme import read

ACCOUNTS = add_accounts(
    parse_accounts(PASSWD, GROUP),
    [WantedUser("app", uid=1000, groups=("shadow", "utmp"), home="/srv/app")],
    [],
)
PROGRAMS = "/gnu/store/00000000000000000000000000000000-init-programs"
SHELL = "/gnu/store/00000000000000000000000000000000-dash/bin/dash"
WORDS = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def spec(**services: object) -> SystemSpec:
    return SystemSpec.model_validate({"name": "x", "packages": [], "services": services})


def configuration(wanted: SystemSpec, enabled: Enabled | None = None) -> str:
    return shepherd_configuration(wanted, ACCOUNTS, lambda path: not path.endswith("missing"), SHELL, PROGRAMS, enabled)


def unit(text: str) -> Enabled:
    """A unit called ``s``."""
    return enable(["s"], UnitFiles({"s.service": text}), lambda user, group: Owner(user or "root"), {})


def declarations(text: str, shell: str = SHELL) -> dict[str, dict[str, tuple[object, ...]]]:
    """The data at the end of a configuration, by service and field."""
    quoted, data = re.search(r"\n\(run-system (\".*?\") #t\n'(.*)\)\n\Z", text, re.DOTALL).groups()  # type: ignore[union-attr]
    assert read(quoted) == shell
    read_data: Any = read(data)
    return {name.name: {field.name: tuple(values) for field, *values in fields} for name, *fields in read_data}


def test_everything_that_a_service_says_is_in_its_declaration() -> None:
    found = declarations(
        configuration(
            spec(
                app={
                    "command": ["/srv/app/run", "--x=1"],
                    "description": "Says hello.",
                    "requires": ["setup"],
                    "user": "app",
                    "environment": {"A": "b c", "HOME": "/elsewhere"},
                    "working-directory": "/srv",
                    "respawn": False,
                    "log": "/var/log/app.log",
                    "ready": {"command": ["probe"], "timeout": 5},
                    "stop-signal": "SIGRTMIN+3",
                    "stop-timeout": 2.5,
                    "auto-start": False,
                },
                setup={"command": ["setup"], "one-shot": True, "group": "utmp"},
                tick={"command": ["tick"], "timer": {"minutes": [30, 0, 30], "days-of-week": [0]}, "log": "none"},
            )
        )
    )
    assert found["app"] == {
        "start": (((), "/srv/app/run", "--x=1"),),
        "kind": (Symbol("daemon"),),
        "description": ("Says hello.",),
        "requires": (Symbol("setup"),),
        "user": ("app",),
        "group": ("app",),
        "supplementary-groups": ("shadow", "utmp"),
        "environment": ("A=b c", "HOME=/elsewhere", "LOGNAME=app", "USER=app"),
        "directory": ("/srv",),
        "log": ("/var/log/app.log",),
        "respawn": (False,),
        "ready": (Symbol("command"), 5.0, "/usr/local/sbin/probe"),
        "stop-signal": (37,),
        "stop-timeout": (2.5,),
        "auto-start": (False,),
    }
    assert found["setup"]["kind"] == (Symbol("one-shot"),)
    assert found["setup"]["group"] == ("utmp",)
    assert found["tick"]["timer"] == ((Symbol("minutes"), 0, 30), (Symbol("days-of-week"), 0))


@given(st.lists(WORDS, min_size=1, max_size=4), WORDS, WORDS.filter(is_line))
def test_nothing_that_a_user_writes_leaves_its_quotes(arguments: list[str], value: str, description: str) -> None:
    text = configuration(
        spec(s={"command": ["x", *arguments], "environment": {"V": value}, "description": description})
    )
    found = declarations(text)["s"]
    assert found["start"] == (((), "/usr/local/sbin/x", *arguments),)
    assert found["environment"] == (f"V={value}",)
    assert found["description"] == (description or "Runs x.",)


@pytest.mark.programs
def test_guile_reads_the_whole_configuration() -> None:
    text = configuration(spec(s={"command": ["x", '")(quit)("', "é€😀"], "timer": {}}))
    program = "(let loop ((n 0)) (let ((form (read))) (if (eof-object? form) (display n) (loop (+ n 1)))))"
    guile = find("guile", package="guile-3.0")
    forms = int(run([guile, "--no-auto-compile", "-c", program], stdin=text.encode()).stdout)
    assert forms == len(re.findall(r"^\(", text, re.MULTILINE)), "a form begins in every line that begins with '('"


def test_everything_that_the_image_does_not_have_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        configuration(
            spec(
                c={"command": ["/opt/missing"], "user": "ghost", "group": "ghosts"},
                d={"command": ["x"], "group": "ghosts"},
            )
        )
    assert sorted(map(str, caught.value.issues)) == [
        "/services/c/group: there is no group 'ghosts'",
        "/services/c/user: there is no user 'ghost'",
        "/services/d/group: there is no group 'ghosts'",
    ]


@pytest.mark.parametrize(
    ("name", "number"), [("SIGTERM", 15), ("SIGRTMIN", 34), ("SIGRTMIN+3", 37), ("SIGRTMAX-1", 63)]
)
def test_signals_have_the_numbers_of_linux(name: str, number: int) -> None:
    assert signal_number(name) == number


@pytest.mark.parametrize("name", ["SIGX", "SIGRTMIN-1", "SIGRTMAX+1", "SIGRTMIN+99"])
def test_other_words_are_not_signals(name: str) -> None:
    with pytest.raises(ValueError, match="not a signal"):
        signal_number(name)


UNIT = """[Unit]
Description=A server
[Service]
Type=notify
User=app
Environment=A=1 B=2
ExecStart=/bin/x $A
ExecReload=-/bin/kill -HUP $MAINPID
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=~CAP_SYS_ADMIN
LimitNOFILE=infinity
"""


def test_a_unit_says_as_much_as_a_declared_service_and_more() -> None:
    found = declarations(configuration(spec(), unit(UNIT)))["s"]
    assert found["start"] == (((Symbol("variables"),), "/bin/x", "$A"),)
    assert found["reload"] == (((Symbol("may-fail"), Symbol("variables")), "/bin/kill", "-HUP", "$MAINPID"),)
    assert found["notify"] == (True,)
    assert (found["user"], found["group"], found["supplementary-groups"]) == (("app",), ("app",), ("shadow", "utmp"))
    assert {"A=1", "B=2", "HOME=/srv/app", "USER=app"} <= set(found["environment"])
    assert found["ambient"] == (10,)
    assert 21 not in found["bounding"]
    assert len(found["bounding"]) == 40
    assert found["limits"] == ((Symbol("nofile"), False, False),)
    assert (found["restart"], found["respawn"], found["kill-mode"]) == ((Symbol("no"),), (False,), (Symbol("group"),))


def test_a_declared_service_beside_a_unit_replaces_what_it_says_and_adds_variables() -> None:
    wanted = SystemSpec.model_validate(
        {
            "name": "x",
            "packages": [],
            "enable": ["s"],
            "services": {"s": {"environment": {"B": "3"}, "stop-timeout": 1, "respawn": True, "log": "none"}},
        }
    )
    found = declarations(configuration(wanted, unit(UNIT)))["s"]
    assert {"A=1", "B=3"} <= set(found["environment"])
    assert (found["stop-timeout"], found["log"]) == ((1.0,), ("none",))
    assert (found["respawn"], found["restart"]) == ((True,), (Symbol("always"),))
    assert found["notify"] == (True,)


def test_a_command_beside_a_unit_is_not_waited_for_as_the_units_own() -> None:
    wanted = SystemSpec.model_validate(
        {"name": "x", "packages": [], "enable": ["s"], "services": {"s": {"command": ["/bin/y"]}}}
    )
    found = declarations(configuration(wanted, unit(UNIT)))["s"]
    assert found["start"] == (((), "/bin/y"),)
    assert "notify" not in found
    assert found["user"] == ("app",)


def test_a_unit_whose_program_the_image_lacks_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        configuration(spec(), unit("[Service]\nExecStart=/bin/missing\n"))
    assert [str(issue) for issue in caught.value.issues] == [
        "/units/s: no package of the image has the program /bin/missing"
    ]


@pytest.mark.parametrize("program", ["postfix", "/usr/sbin/postfix"])
def test_a_command_that_only_systemd_may_run_is_the_one_of_other_inits(program: str) -> None:
    found = declarations(configuration(spec(), unit(f"[Service]\nExecStart={program} debian-systemd-start\n")))["s"]
    (command,) = found["start"]
    assert isinstance(command, tuple)
    assert (str(command[1]).rpartition("/")[2], command[2:]) == ("postfix", ("start",))


@pytest.mark.parametrize(("program", "waits"), [("syslog-ng", False), ("rsyslogd", True)])
def test_a_program_that_reports_to_systemd_alone_is_not_waited_for(program: str, waits: bool) -> None:
    text = f"[Service]\nType=notify\nExecStart=/usr/sbin/{program}\n"
    assert ("notify" in declarations(configuration(spec(), unit(text)))["s"]) == waits


def test_a_command_that_may_fail_and_cannot_run_is_left_out_and_its_signal_kept() -> None:
    text = "[Service]\nExecStart=/bin/x\nExecStartPre=-/bin/missing\nExecStartPre=-/bin/y\n"
    stop = "ExecStop=-/sbin/missing/start-stop-daemon --quiet --stop --retry QUIT/5 --pidfile /run/x.pid\n"
    found = declarations(configuration(spec(), unit(text)))["s"]
    assert [command[1] for command in found["pre"]] == ["/bin/y"]  # type: ignore[index]
    absent = shepherd_configuration(
        spec(), ACCOUNTS, lambda path: "missing" not in path, SHELL, PROGRAMS, unit(text + stop)
    )
    stopped = declarations(absent)["s"]
    assert "stop" not in stopped
    assert stopped["stop-signal"] == (3,)
