"""Flags, their variables and their defaults."""

from __future__ import annotations

import argparse

import pytest

from sysimage.cli.environment import parse_arguments, variable_of
from sysimage.cli.flag_values import positive
from sysimage.cli.main import command_line


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="x")
    made.set_defaults(verb=None)
    verbs = made.add_subparsers(dest="verb")
    build = verbs.add_parser("build")
    build.add_argument("--max-layers", type=positive, default=100)
    build.add_argument("--favour", choices=("both", "updates"), default="both")
    build.add_argument("-t", "--tag", action="append", dest="tags")
    build.add_argument("--offline", action="store_true")
    build.add_argument("spec")
    verbs.add_parser("schema")
    return made


@pytest.mark.parametrize(
    ("argv", "environ", "expected"),
    [
        ([], {}, {"max_layers": 100, "favour": "both", "tags": None, "offline": False}),
        ([], {"SYSIMAGE_MAX_LAYERS": "7"}, {"max_layers": 7}),
        (["--max-layers", "9"], {"SYSIMAGE_MAX_LAYERS": "7"}, {"max_layers": 9}),
        (["--max-layers", "100"], {"SYSIMAGE_MAX_LAYERS": "7"}, {"max_layers": 100}),
        ([], {"SYSIMAGE_FAVOUR": "updates"}, {"favour": "updates"}),
        ([], {"SYSIMAGE_TAG": "a:1 b:2"}, {"tags": ["a:1", "b:2"]}),
        (["-t", "c"], {"SYSIMAGE_TAG": "a:1 b:2"}, {"tags": ["c"]}),
        ([], {"SYSIMAGE_OFFLINE": "1"}, {"offline": True}),
        ([], {"SYSIMAGE_OFFLINE": "no"}, {"offline": False}),
        (["--offline"], {"SYSIMAGE_OFFLINE": "0"}, {"offline": True}),
        ([], {"SYSIMAGE_MAX_LAYERS": "", "SYSIMAGE_FAVOUR": ""}, {"max_layers": 100, "favour": "both"}),
        ([], {"SYSIMAGE_TAG": "", "SYSIMAGE_OFFLINE": ""}, {"tags": None, "offline": False}),
    ],
)
def test_the_flag_wins_over_the_variable_and_that_over_the_default(
    argv: list[str], environ: dict[str, str], expected: dict[str, object]
) -> None:
    arguments = vars(parse_arguments(parser(), ["build", "spec.json", *argv], environ))
    assert {key: arguments[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"SYSIMAGE_MAX_LAYERS": "many"}, "SYSIMAGE_MAX_LAYERS: must be a whole number from 1, not 'many'"),
        ({"SYSIMAGE_FAVOUR": "me"}, "SYSIMAGE_FAVOUR: must be one of both, updates, not 'me'"),
        ({"SYSIMAGE_OFFLINE": "perhaps"}, "SYSIMAGE_OFFLINE: must be 1 or 0, not 'perhaps'"),
    ],
)
def test_a_value_that_the_flag_refuses_is_refused_with_the_variable_s_name(
    environ: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_arguments(parser(), ["build", "spec.json"], environ)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_variable_of_another_verb_s_flag_is_left_alone() -> None:
    assert parse_arguments(parser(), ["schema"], {"SYSIMAGE_MAX_LAYERS": "many"}).verb == "schema"


def test_every_long_flag_of_every_verb_has_a_variable() -> None:
    variables = set()
    for action in command_line()._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                for flag in verb._actions:
                    if flag.option_strings and not {"--help", "--help-all"} & set(flag.option_strings):
                        variables.add(variable_of(flag))
    assert None not in variables
    assert {"SYSIMAGE_MAX_LAYERS", "SYSIMAGE_CACHE_DIR", "SYSIMAGE_OFFLINE", "SYSIMAGE_TAG"} <= variables


@pytest.mark.parametrize("verb", ["build", "plan"])
@pytest.mark.parametrize("spelling", ["--favour", "--favor"])
def test_both_spellings_of_a_flag_are_taken(verb: str, spelling: str) -> None:
    arguments = parse_arguments(
        command_line(), [verb, "spec.json", spelling, "sharing"], {"SYSIMAGE_FAVOUR": "updates"}
    )
    assert arguments.favour == "sharing"
