"""What is written for Scheme is read back as it was, by a reader of these tests always and by Guile itself."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.process import find, run
from sysimage_bootstrap.system.scheme import Datum, OwnPathText, Symbol, write

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)
data = st.recursive(
    texts
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True).map(Symbol),
    lambda parts: st.lists(parts, max_size=4).map(tuple),
    max_leaves=20,
)
TOKEN = re.compile(r'\s*([()]|"(?:[^"\\]|\\.)*"|[^\s()"]+)', re.DOTALL)
ESCAPE = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{6}|.)", re.DOTALL)


def read(text: str) -> Datum:
    """A reader for what `write` may write, in the terms of Guile's manual and not of the writer."""
    stack: list[list[Datum]] = [[]]
    for token in TOKEN.findall(text):
        if token == "(":
            stack.append([])
        elif token == ")":
            stack[-2].append(tuple(stack.pop()))
        elif token.startswith('"'):
            stack[-1].append(ESCAPE.sub(_unescape, token[1:-1]))
        elif token in ("#t", "#f"):
            stack[-1].append(token == "#t")
        elif re.match(r"[-0-9]", token):
            stack[-1].append(float(token) if re.search(r"[.e]", token) else int(token))
        else:
            stack[-1].append(Symbol(token))
    (datum,) = stack.pop()
    return datum


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "xuU" and len(code) > 1:
        return chr(int(code[1:], 16))
    return {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}[code]


@given(data)
def test_what_is_written_is_read_back(datum: Datum) -> None:
    text = write(datum)
    assert text.isascii()
    assert read(text) == datum


def test_what_is_longer_than_a_hundred_characters_has_a_line_for_each_part() -> None:
    short, long = "x" * 46, "x" * 47
    assert write((short, long)) == f'("{short}" "{long}")'
    assert write((long, long)) == f'("{long}"\n "{long}")'
    assert write((short, long), indent=1) == f'("{short}"\n  "{long}")'
    assert write(((long, long, 1), (), "y" * 200, (1, 2)), indent=2).split("\n") == [
        f'(("{long}"',
        f'    "{long}"',
        "    1)",
        "   ()",
        f'   "{"y" * 200}"',
        "   (1 2))",
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("\x1f ~\x7f", r'"\x1f ~\x7f"'),
        ("\xff\u0100", r'"\xff\u0100"'),
        ("\uffff\U00010000", r'"\uffff\U010000"'),
        ("\ud7ff\ue000", r'"\ud7ff\ue000"'),
        ('"\\\n\t\r', r'"\"\\\n\t\r"'),
    ],
)
def test_escapes_are_as_long_as_the_character_needs(text: str, written: str) -> None:
    assert write(text) == written


@given(st.lists(texts, min_size=1, max_size=5))
def test_text_stays_inside_its_quotes(words: list[str]) -> None:
    text = write(tuple(words))
    assert re.sub(r'"(?:[^"\\]|\\.)*"', "", text).strip("( )\n") == ""


@pytest.mark.programs
def test_guile_reads_the_same_characters() -> None:
    words = [
        "",
        'a"b',
        "\\",
        '\\\\"',
        "(quit)",
        "#;",
        "|",
        "'`,@",
        "é",
        "€",
        "\U0001f600",
        "\x00\x01\x7f\x80\xff",
        "\n\t\r",
        "x41",
    ]
    program = (
        "(let loop ((rest '" + write(tuple(words)) + "))"
        " (unless (null? rest)"
        " (write (map char->integer (string->list (car rest)))) (newline) (loop (cdr rest))))"
    )
    guile = find("guile", package="guile-3.0")
    lines = run([guile, "--no-auto-compile", "-c", program]).stdout.decode().splitlines()
    assert [[int(number) for number in line.strip("()").split()] for line in lines] == [
        [ord(character) for character in word] for word in words
    ]


@pytest.mark.parametrize("value", ["\ud800", chr(0xDFFF), float("inf"), float("nan")])
def test_what_scheme_cannot_say_is_refused(value: Datum) -> None:
    with pytest.raises(ValueError, match=r"not a (number that can be written|character: U\+D[8F])"):
        write(value)


@pytest.mark.parametrize("name", ["", "a b", "@a", "#f", "a)", "1", "a\n", "a|b", "a;b"])
def test_a_symbol_is_plain(name: str) -> None:
    with pytest.raises(ValueError, match="not a plain symbol"):
        Symbol(name)


def test_a_text_mentions_its_own_path_as_a_string_of_scheme() -> None:
    text = OwnPathText(("(boot ", " SYSTEM ", ")"))
    assert text.at('/a"b') == '(boot "/a\\"b" SYSTEM "/a\\"b")'
    assert OwnPathText(("nothing",)).at("/a") == "nothing"
