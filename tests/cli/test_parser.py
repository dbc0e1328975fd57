"""Help that can be read, examples that work, and errors that say what was meant."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from sysimage.cli import main
from sysimage.cli.environment import parse_arguments
from sysimage.cli.main import VERBS, command_line, verb_module
from sysimage.cli.parser import RARE
from tests.support.documents import read_document

SCREEN = 24


@pytest.mark.parametrize("verb", VERBS)
def test_help_fits_two_screens_of_eighty_columns(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([verb, "--help"]) == 0
    short = capsys.readouterr().out
    assert len(short.splitlines()) <= 2 * SCREEN
    assert max(map(len, short.splitlines())) <= 80
    assert main([verb, "--help-all"]) == 0
    whole = capsys.readouterr().out
    rare = {flag for flag in RARE if re.search(rf"{flag}\b", whole)}
    assert not any(re.search(rf"^ .*{flag}\b(?!.*\bshows\b)", short, re.MULTILINE) for flag in rare)
    assert main(["help", verb]) == 0
    assert capsys.readouterr().out == short
    assert main(["help", "--all", verb]) == 0
    assert capsys.readouterr().out == whole


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_has_two_examples_that_it_would_take(name: str) -> None:
    examples = verb_module(name).EXAMPLES
    assert len(examples) >= 2
    for text, meaning in examples:
        command = text.removeprefix('eval "$(').removesuffix(')"')
        words = shlex.split(re.split(r" [|>] ", command)[0])
        assert words[:2] == ["sysimage", name]
        assert meaning
        assert parse_arguments(command_line(), words[1:], {}).verb == name
        assert name == verb_module(name).NAME


def test_a_command_loads_the_flags_of_its_own_verb_alone(capsys: pytest.CaptureFixture[str]) -> None:
    def flags_of(words: list[str]) -> set[str]:
        (verbs,) = [one for one in command_line(words)._actions if isinstance(one, argparse._SubParsersAction)]
        return set(verbs.choices)

    assert flags_of(["plan", "build"]) == {"plan"}
    for words in ([], ["--help"], ["help", "plan"], ["completion", "bash"], ["bild"], ["--version", "plan"]):
        assert flags_of(words) == set(VERBS)


def test_every_flag_that_is_called_rare_belongs_to_a_verb() -> None:
    verbs = next(action for action in command_line()._actions if isinstance(action, argparse._SubParsersAction))
    known = {flag for below in verbs.choices.values() for action in below._actions for flag in action.option_strings}
    assert known >= RARE


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["bild"], "cannot run sysimage bild: there is no such verb", "did you mean `sysimage build`?"),
        (["frobnicate"], "cannot run sysimage frobnicate: there is no such verb", "`sysimage --help` lists them"),
        (["help", "plam"], "cannot run sysimage plam: there is no such verb", "did you mean `sysimage plan`?"),
        (
            ["build", "--max-layer", "5", "x.json"],
            "cannot read the command line: sysimage build has no flag --max-layer",
            "did you mean --max-layers?",
        ),
        (
            ["why", "--mots", "3"],
            "cannot read the command line: sysimage why has no flag --mots",
            "did you mean --most?",
        ),
        (
            ["resolve", "a.json", "b.json"],
            "cannot read the command line: sysimage resolve takes nothing like 'b.json'",
            "write sysimage resolve [FLAGS] [SPEC]",
        ),
        (
            ["diff", "a.tar"],
            "cannot run sysimage diff: NEW is missing",
            "write sysimage diff [FLAGS] OLD NEW",
        ),
        (
            ["build", "--format", "oci"],
            "cannot read --format: it must be one of archive, docker-archive, oci-dir, not 'oci'",
            "did you mean oci-dir?",
        ),
        (
            ["build", "-j", "0"],
            "cannot read --jobs: must be a whole number from 1, not '0'",
            "`sysimage build --help-all` explains it",
        ),
        (
            ["build", "--output"],
            "cannot read --output: expected one argument",
            "`sysimage build --help-all` explains it",
        ),
    ],
)
def test_a_wrong_command_line_is_answered_with_what_was_meant(
    words: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", f"sysimage: {message}\nhint: {hint}\n")


def test_all_unknown_flags_are_named_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--jsn", "--nocache"]) == 2
    assert capsys.readouterr().err.splitlines()[1:3] == [
        "  there is no --jsn (did you mean '--json'?)",
        "  there is no --nocache (did you mean '--no-cache'?)",
    ]


@pytest.mark.parametrize(
    "words", [["build", "--json", "--jobs", "0"], ["plan", "--jbs", "2", "--json"], ["x", "--json"]]
)
def test_machines_get_a_document_for_a_wrong_flag_too(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    document = read_document(capsys.readouterr().out)
    assert document["error"]["exit_status"] == 2
    assert document["error"]["hint"]


def test_words_for_the_program_in_the_image_are_not_taken_for_ours(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = parse_arguments(command_line(), ["run", "web.tar", "ls", "--colour"], {})
    assert arguments.command == ["ls", "--colour"]


@pytest.mark.parametrize("verb", ["build", "plan", "lock", "migrate"])
def test_without_a_spec_it_is_the_one_of_this_directory(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([verb]) == 2
    assert capsys.readouterr().err == (
        "sysimage: cannot read system.json: there is no such file\nhint: `sysimage init` writes one\n"
    )
    Path("web.json").write_text("{}")
    assert main([verb]) == 2
    assert capsys.readouterr().err.endswith("hint: did you mean web.json?\n")
    Path("system.json").write_text('{"nme": "x"}')
    assert main([verb]) == 2
    assert "cannot read system.json: " in capsys.readouterr().err
