"""The corpus of mistakes is answered with the sentences and statuses that were read aloud in review."""

from __future__ import annotations

import re

import pytest

from sysimage.cli import main
from tests.mistakes.answers import ANSWERS, answer, surroundings
from tests.mistakes.corpus import MISTAKES, Mistake
from tests.support.documents import read_document

EXPECTED = {entry.partition("\n")[0].removeprefix("## "): entry for entry in ANSWERS.read_text().split("\n\n")}
"""By what went wrong."""


def what(mistake: Mistake) -> str:
    return mistake.what


def test_the_corpus_has_a_hundred_mistakes_and_one_answer_for_each() -> None:
    assert len(MISTAKES) >= 100
    assert list(EXPECTED) == [mistake.what for mistake in MISTAKES], "python -m tests.mistakes.answers"


@pytest.mark.parametrize("mistake", MISTAKES, ids=what)
def test_a_mistake_is_answered_as_expected(mistake: Mistake) -> None:
    told = answer(mistake)
    assert told.strip() == EXPECTED[mistake.what].strip(), "if this is better: python -m tests.mistakes.answers"
    status = int(told.strip().rpartition("status ")[2])
    assert status in (2, 3, 4, 6, 7)
    if mistake.words:
        assert re.search(r"^sysimage: cannot \w+ .", told, re.MULTILINE), "cannot <verb> <object>: <cause>"
        assert "Traceback" not in told
        assert told.count("\nhint: ") <= 1


@pytest.mark.parametrize("mistake", [one for one in MISTAKES if one.words[:1] == ("build",)], ids=what)
def test_machines_get_the_same_as_a_document(mistake: Mistake, capsys: pytest.CaptureFixture[str]) -> None:
    with surroundings(mistake):
        status = main([*mistake.words, "--json"])
    document = read_document(capsys.readouterr().out)
    assert document["error"]["exit_status"] == status
    assert document["error"]["message"].startswith("cannot ")


def test_the_same_mistake_has_the_same_status_in_every_verb() -> None:
    statuses = set()
    for verb in ("inspect", "verify", "report", "run", "shell", "size", "tree"):
        told = answer(Mistake("", (verb, "none.tar")))
        statuses.add((told.splitlines()[2], told.splitlines()[-1]))
    assert statuses == {("sysimage: cannot read none.tar: there is no such file", "status 2")}
