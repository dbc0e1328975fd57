"""Explaining keys of system.json."""

from __future__ import annotations

import pytest

from sysimage.cli import main
from sysimage.spec.parse import parse_spec
from tests.support.documents import read_document


def test_a_key_is_explained_with_a_spec_that_can_be_copied(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "services.ready"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("services.NAME.ready\n\n  When the service counts as started")
    assert "\n  tcp      The port\n" in told
    assert parse_spec(told.partition("Example:\n")[2]).services["web"].ready is not None


def test_all_keys_are_listed_in_groups_of_short_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    told = capsys.readouterr().out
    assert "\nWhat it runs:\n  init " in told
    assert max(map(len, told.splitlines())) <= 100


def test_an_unknown_key_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "servces"]) == 2
    assert "hint: did you mean services?" in capsys.readouterr().err


def test_a_program_gets_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--json", "max-layers"]) == 0
    told = read_document(capsys.readouterr().out)
    assert told["default"] == 100
    assert told["example"]["max-layers"]
    assert main(["explain", "--json"]) == 0
    assert read_document(capsys.readouterr().out)["groups"][0]["keys"][0]["key"] == "name"
