"""Command lines of units: quotes, escapes, prefixes, semicolons, specifiers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage_bootstrap.units.commands import Command, parse_commands
from sysimage_bootstrap.units.quoting import split_words
from sysimage_bootstrap.units.specifiers import Owner, UnitName, expand

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


def test_semicolons_that_are_words_part_commands() -> None:
    assert [one.words for one in commands(r"/bin/a b ; /bin/c \; d;e")] == [("/bin/a", "b"), ("/bin/c", ";", "d;e")]


def test_specifiers_are_replaced_after_the_words_are_parted() -> None:
    assert commands("/bin/x %i %I %p %n %N %u:%g %h %t %S %% 'a %f'")[0].words == (
        *("/bin/x", "17-main", "17/main", "db", "db@17-main.service", "db@17-main", "ann:staff", "/home/ann"),
        *("/run", "/var/lib", "%", "a /17/main"),
    )


def test_what_only_the_running_system_knows_becomes_a_variable_or_a_fault() -> None:
    assert commands("/bin/x %H")[0].words == ("/bin/x", "${SYSIMAGE_HOSTNAME}")
    with pytest.raises(ValueError, match="%H is not known"):
        expand("%H", NAME)
    with pytest.raises(ValueError, match="%q is not known"):
        commands("/bin/x %q")


@pytest.mark.parametrize("text", ["-", "@/bin/x", "/bin/x 'a"])
def test_a_line_without_a_program_or_an_end_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no program|no name follows|not closed"):
        commands(text)


def test_slashes_of_a_program_are_one_each() -> None:
    assert [command.words for command in commands("-//usr//bin/x //a")] == [("/usr/bin/x", "//a")]
