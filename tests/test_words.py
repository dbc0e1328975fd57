"""The house rules for words: plain international English in comments, docstrings, messages, documents and tests' names.

Each rule is a word that made readers stop, with what to write instead. A sentence has a subject that exists: a user, a
process, the caller, a file.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("sysimage", "bootstrap", "vmtests/sysimage_vm")
DOCUMENTS = sorted([*ROOT.glob("*.md"), ROOT / "Makefile", *(ROOT / "docs").rglob("*.md")])
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
TESTS = sorted(
    [
        *(ROOT / "tests").rglob("*.py"),
        *(ROOT / "vmtests").glob("*.py"),
        *(
            path
            for path in (ROOT / "examples").rglob("*.py")
            if path.name.startswith("test_") and "packages" not in path.parts
        ),
    ]
)

_PERSON = r"(?<!users )(?<!user )(?<!people )(?<!person )(?<!maintainers )"
RULES = {
    rf"{_PERSON}\bwho\b|\bwhom\b|\bwho(?:m)?ever\b": 'name the subject: "the caller", "a user who …"',
    r"\b(?:some|every|any)(?:body|one)\b|(?<!www-data, )\bnobody\b|\bno one\b": '"another process", "no user"',
    r"\banew\b": '"again"',
    r"\b(?<!left )behind\b": '"after", "at the end of"',
    r"\b(?:goes?|went) before\b": '"takes precedence over"',
    r"\b(?:told|tells?|telling)\b": '"reports", "specifies", "distinguishes"',
    r"\b(?:hears?|heard)\b": '"is called with", "gets"',
    r"\b(?:un)?said\b": '"specified", "reported", "declared", "printed"',
    r"\bdeeds?\b": '"operations"',
    r"\bthat is no(?:ne)?\b|(?<!and )(?<!or )\b(?:is|are) none\b": '"is absent", "is not a …", "without one"',
    r"(?<!there )\b(?:is|are|was|were) no (?!longer\b|more\b|less\b|other\b)\w+": '"is not a …"',
    r"\bpass(?:es|ed|ing)? over\b": '"ignore", "skip"',
    r"(?<!-)\b(?:he|his|him|she|her)\b": 'name the subject: "the owner", "the user", or use the plural',
    r"\bsave (?:in|for|that|those|after)\b|\bbut for\b": '"except", "except for"',
    r"\bat hand\b": '"available", "current", "in the cache"',
    r"\bspoken to\b|\bcalled so\b": '"reached", "of this name"',
    r"\bcomes? to (?:give|mean|be)\b": 'the verb alone: "gives"',
    r"\bhence\b": '"so"',
    r"\bought to\b": '"should", "have to"',
    r"\bas (?:it|he|she|they) likes?\b": 'say what is not restricted: "without a limit"',
    r"\b(?:lies?|stands?)\b(?!-)(?! (?:for|in for|in line)\b)": '"is", "are", "occurs", "is written"',
    r"\bof ours\b": 'name it: "of sysimage", "a SysimageError"',
}
"""A pattern, in any case → what to write instead."""
_ANY = re.compile("|".join(RULES), re.IGNORECASE)
ALLOWED = {
    # The text is part of images: another one would change their digests.
    (
        "bootstrap/sysimage_bootstrap/system/environment.py",
        "# The environment of the image, where nobody has set another.",
    ),
}


def faults(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Line and advice for each breach of a rule. Names in backticks or quotes, and placeholders, are not prose."""
    for number, line in lines:
        if not _ANY.search(line):
            continue
        prose = re.sub(r"`+[^`]*`+|\{[^{}]*\}|\"\w*\"", "", line)
        for pattern, instead in RULES.items():
            for found in re.finditer(pattern, prose, re.IGNORECASE):
                yield number, f"{found[0]!r}: write {instead}"


def prose_of_code(text: str) -> Iterator[tuple[int, str]]:
    """Comments and strings, line by line; not words that are strings of their own, such as keys and names."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind in ("COMMENT", "STRING", "FSTRING_MIDDLE") and not re.fullmatch(
            r"[rbfu]*(['\"])\w*\1", token.string, re.I
        ):
            yield from enumerate(token.string.splitlines(), token.start[0])


def prose_of_tests(text: str) -> Iterator[tuple[int, str]]:
    """Comments, docstrings and the names of tests as sentences; other strings of tests are data."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.lineno, node.name.replace("_", " ")
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from enumerate(node.value.value.splitlines(), node.lineno)


def breaches(path: Path) -> list[str]:
    text = path.read_text()
    lines: Iterator[tuple[int, str]] = enumerate(text.splitlines(), 1)
    if path.suffix == ".py":
        lines = prose_of_tests(text) if path in TESTS else prose_of_code(text)
    name = str(path.relative_to(ROOT))
    allowed = [words for file, words in ALLOWED if file == name]
    whole = text.splitlines()
    return [
        f"{name}:{number}: {fault}"
        for number, fault in faults(lines)
        if not any(words in whole[number - 1] for words in allowed)
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_code_is_written_in_plain_words(folder: str) -> None:
    assert [fault for path in MODULES if path.is_relative_to(ROOT / folder) for fault in breaches(path)] == []


def test_tests_are_written_in_plain_words_and_read_as_sentences() -> None:
    assert [fault for path in TESTS for fault in breaches(path)] == []


def test_documents_are_written_in_plain_words() -> None:
    assert [fault for path in DOCUMENTS for fault in breaches(path)] == []


@pytest.mark.parametrize(
    "text",
    [
        "# Whoever calls us",
        '"""Who owns it."""',
        'raise ValueError("somebody ended it")',
        '"""Say it anew."""',
        'f"the names goes before {x}"',
        "# all of it is told at once",
        "x = 1  # a file that is none",
        'raise ValueError(f"{name} is no file")',
        "# older records are passed over",
        '"""The owner, if he is not root."""',
        "# what stands in a file",
    ],
)
def test_a_riddle_is_seen(text: str) -> None:
    assert [number for number, _ in faults(prose_of_code(text))] == [1]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("def test_nobody_is_told() -> None:\n    ...", 2),
        ('def case() -> None:\n    """Whoever asks."""', 1),
        ("# all of it is told at once", 1),
        ('case = """Nobody."""', 0),
        ("def told() -> None: ...", 0),
    ],
)
def test_riddles_of_tests_are_seen_in_names_and_prose_and_not_in_data(text: str, count: int) -> None:
    assert len(list(faults(prose_of_tests(text)))) == count


@pytest.mark.parametrize(
    "text",
    [
        'user = "nobody"',
        "# users who log in",
        '"""See `told`."""',
        'f"{told} bytes"',
        "# nothing is left behind",
        "# there is no file, and the other one is no longer read",
        "told = 1",
    ],
)
def test_plain_words_are_let_through(text: str) -> None:
    assert list(faults(prose_of_code(text))) == []


def test_an_exception_is_needed() -> None:
    """An allowed sentence that is gone, or has become plain, is not left in the list."""
    for file, words in ALLOWED:
        assert any(words in line for line in (ROOT / file).read_text().splitlines()), (file, words)
        assert list(faults(iter([(1, words)]))), words


if __name__ == "__main__":  # python -m tests.test_words: all breaches, for a person who mends them
    sys.stdout.write("\n".join(fault for path in (*MODULES, *TESTS, *DOCUMENTS) for fault in breaches(path)) + "\n")
