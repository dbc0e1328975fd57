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
from sysimage_bootstrap.system.services import shepherd_configuration, signal_number
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


def configuration(wanted: SystemSpec) -> str:
    return shepherd_configuration(wanted, ACCOUNTS, lambda path: not path.endswith("missing"), SHELL, PROGRAMS)


def declarations(text: str, shell: str = SHELL) -> dict[str, dict[str, tuple[object, ...]]]:
    """The data at the end of a configuration, by service and field."""
    quoted, data = re.search(r"\n\(run-system (\".*?\")\n'(.*)\)\n\Z", text, re.DOTALL).groups()  # type: ignore[union-attr]
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
        "command": ("/srv/app/run", "--x=1"),
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
    assert found["command"] == ("/usr/local/sbin/x", *arguments)
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
def test_other_words_are_no_signals(name: str) -> None:
    with pytest.raises(ValueError, match="not a signal"):
        signal_number(name)
