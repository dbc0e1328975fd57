"""Command lines of units: quotes, escapes, prefixes, semicolons, specifiers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage_bootstrap.units.commands import Command, parse_commands
from sysimage_bootstrap.units.quoting import split_words
from sysimage_bootstrap.units.specifiers import Owner, UnitName, expand, is_late

NAME = UnitName("db@17-main.service")


def commands(text: str) -> list[Command]:
    return parse_commands(text, NAME, Owner("ann", 1000, "staff", 50, "/home/ann", "/bin/bash"))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8), max_size=4))
def test_quoted_words_come_back_whole(words: list[str]) -> None:
    quoted = " ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words)
    assert split_words(quoted) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a 'b c'd \"e f\"", ["a", "b cd", "e f"]),
        (r"\x41\102\u00e9 a\sb \q", ["ABé", "a b", "\\q"]),
        ("''", [""]),
        (r'"a\tb"', ["a\tb"]),
        (r"\a\b\f\n\r\t\v\\\"\' x", ["\a\b\f\n\r\t\v\\\"'", "x"]),
        (r"\x7e\176\U0001f4a9", ["~~\U0001f4a9"]),
        (r"\x01\001\ud7ff\ue000\U0010ffff", ["\1\1\ud7ff\ue000\U0010ffff"]),
        (r"\x00 \000 \ud800 \udfff \U00110000", [r"\x00", r"\000", r"\ud800", r"\udfff", r"\U00110000"]),
        (r"\x4 \400", [r"\x4", r"\400"]),
        (" a\t\nb\r\f\vc ", ["a", "b", "c"]),
        ("'a\"b' \"a'b\" a''b", ['a"b', "a'b", "ab"]),
        ("", []),
    ],
)
def test_quotes_and_escapes_are_systemds(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize("text", ["a 'b", 'a "b', "a\\"])
def test_what_does_not_end_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not closed|last backslash"):
        split_words(text)


def test_prefixes_say_how_a_command_runs() -> None:
    assert commands("-+:@/bin/x arg0 $A") == [Command(("/bin/x", "$A"), "arg0", True, True, False)]
    assert commands("!/bin/x") == [Command(("/bin/x",), privileged=True)]
    assert commands("|/bin/x -a") == [Command(("/bin/x", "-a"), None, False, False, True)]
    assert commands("@/bin/x arg0") == [Command(("/bin/x",), "arg0", False, False, True)]


def test_semicolons_that_are_words_part_commands() -> None:
    assert [one.words for one in commands(r"/bin/a b ; /bin/c \; d;e")] == [("/bin/a", "b"), ("/bin/c", ";", "d;e")]
    assert [one.words for one in commands("; /bin/a ; ; /bin/b ;")] == [("/bin/a",), ("/bin/b",)]
    assert commands("") == []


def test_specifiers_are_replaced_after_the_words_are_parted() -> None:
    assert commands("/bin/x %i %I %p %n %N %u:%g %h %t %S %% 'a %f'")[0].words == (
        *("/bin/x", "17-main", "17/main", "db", "db@17-main.service", "db@17-main", "ann:staff", "/home/ann"),
        *("/run", "/var/lib", "%", "a /17/main"),
    )


@pytest.mark.parametrize(
    ("letters", "name", "values"),
    [
        ("nNpPiIfjJ", "web.service", ["web.service", "web", "web", "web", "", "", "/web", "web", "web"]),
        (
            "nNpPiIfjJ",
            r"a-b\x2dc@d-e.socket",
            [r"a-b\x2dc@d-e.socket", r"a-b\x2dc@d-e", r"a-b\x2dc", "a/b-c", "d-e", "d/e", "/d/e", r"b\x2dc", "b-c"],
        ),
        ("tSCLETV%", "x.service", ["/run", "/var/lib", "/var/cache", "/var/log", "/etc", "/tmp", "/var/tmp", "%"]),
        ("uUgGhsd", "x.service", ["root", "0", "root", "0", "/root", "/bin/sh", "/run/credentials/x.service"]),
    ],
)
def test_every_specifier_has_its_value(letters: str, name: str, values: list[str]) -> None:
    assert [expand(f"%{letter}", UnitName(name)) for letter in letters] == values


def test_what_the_system_knows_is_late() -> None:
    known = {"H": "HOSTNAME", "l": "HOSTNAME", "m": "MACHINE_ID", "b": "BOOT_ID", "v": "KERNEL_RELEASE"}
    for letter, variable in known.items():
        assert expand(f"a%{letter}", NAME, at_run_time=True) == f"a${{SYSIMAGE_{variable}}}"
        assert is_late(f"%i %{letter}")
    assert not is_late("%i %%H %")


def test_a_name_without_a_kind_is_a_services() -> None:
    names = {"a": "a.service", "a.b": "a.b.service", "a@.timer": "a@.timer", "x.mount": "x.mount"}
    assert {text: UnitName.of(text).full for text in names} == names
    parts = UnitName("a-b@c.d.service")
    assert (parts.kind, parts.stem, parts.prefix, parts.instance) == ("service", "a-b@c.d", "a-b", "c.d")
    assert (parts.template, UnitName("a.service").template) == ("a-b@.service", None)


def test_what_only_the_running_system_knows_becomes_a_variable_or_a_fault() -> None:
    assert commands("/bin/x %H")[0].words == ("/bin/x", "${SYSIMAGE_HOSTNAME}")
    with pytest.raises(ValueError, match="%H is not known"):
        expand("%H", NAME)
    with pytest.raises(ValueError, match="%q is not known"):
        commands("/bin/x %q")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("-", "no program: '-'"),
        ("@ x", "no program: '@ x'"),
        ("@/bin/x", "no name follows the program: '@/bin/x'"),
        ("/bin/x 'a", 'a quote is not closed: "/bin/x \'a"'),
    ],
)
def test_a_line_without_a_program_or_an_end_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}$"):
        commands(text)


def test_slashes_of_a_program_are_one_each() -> None:
    assert [command.words for command in commands("-//usr//bin/x //a")] == [("/usr/bin/x", "//a")]
