"""Takes the text of a shell script apart into words and operators, with quotes and expansions.

Own code, because what there is does not fit: bashlex knows no ``case`` (and its licence is another), libdash is there
for one architecture only, and tree-sitter mends what it cannot read, where a reader has to say that it cannot.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sysimage_bootstrap.scripts.shell_syntax import (
    Arithmetic,
    Command,
    Parameter,
    Part,
    ShellSyntaxError,
    Substitution,
    Text,
    Word,
)

_OPERATOR = re.compile(r"&&|\|\||;;|<<-|<<|>>|<&|>&|<>|>\||&>|[;&|()<>\n]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPECIAL = "@*#?-$!0123456789"
_PARAMETER_OPERATOR = re.compile(r":?[-=?+]|%%?|##?|//?|:")
_ENDS_WORD = " \t\n;&|()<>"


@dataclass(frozen=True, slots=True)
class Token:
    """A word, an operator (``\\n`` among them), or the number before a redirection."""

    kind: str
    """``word``, ``operator``, ``descriptor`` or ``end``."""
    text: str
    word: Word | None
    line: int


class Lexer:
    """Reads tokens from ``text``; ``parse`` reads the commands in a substitution."""

    def __init__(self, text: str, parse: Callable[[str, int], Command], line: int = 1) -> None:
        self.text, self.parse, self.position = text, parse, 0
        self._first_line = line
        self._waiting: list[tuple[str, bool, bool, list[Word]]] = []
        """Here-documents whose texts come after this line: delimiter, whether it strips tabs, whether it is quoted,
        and where the text goes."""

    @property
    def line(self) -> int:
        return self._first_line + self.text.count("\n", 0, self.position)

    def next(self) -> Token:
        """The next token."""
        self._skip_blanks()
        line = self.line
        if self.position >= len(self.text):
            self._read_here_documents()
            return Token("end", "", None, line)
        match = _OPERATOR.match(self.text, self.position)
        if match:
            self.position = match.end()
            if match[0] == "\n":
                self._read_here_documents()
            return Token("operator", match[0], None, line)
        start = self.position
        word = self.word()
        raw = self.text[start : self.position]
        if raw.isdecimal() and self.text[self.position : self.position + 1] in ("<", ">"):
            return Token("descriptor", raw, None, line)
        return Token("word", raw, word, line)

    def here_document(self, delimiter: Word, *, strip: bool) -> list[Word]:
        """A place in which the text of a here-document will be, once its line has ended."""
        quoted = any(isinstance(part, Text) and part.quoted for part in delimiter.parts)
        place: list[Word] = []
        self._waiting.append((delimiter.literal() or "", strip, quoted, place))
        return place

    def _read_here_documents(self) -> None:
        waiting, self._waiting = self._waiting, []
        for delimiter, strip, quoted, place in waiting:
            lines = []
            line = self.line
            while True:
                if self.position >= len(self.text):
                    raise ShellSyntaxError(f"the here-document up to {delimiter} has no end", line)
                end = self.text.find("\n", self.position)
                end = len(self.text) if end < 0 else end
                text = self.text[self.position : end]
                self.position = min(end + 1, len(self.text))
                text = text.lstrip("\t") if strip else text
                if text == delimiter:
                    break
                lines.append(f"{text}\n")
            body = "".join(lines)
            place.append(Word((Text(body, quoted=True),)) if quoted else self._expanded(body, line))

    def _expanded(self, body: str, line: int) -> Word:
        inner = Lexer(body, self.parse, line)
        parts: list[Part] = []
        inner.quoted_until("", parts, in_here_document=True)
        return Word(tuple(parts))

    def _skip_blanks(self) -> None:
        while self.position < len(self.text):
            if self.text[self.position] in " \t\r":
                self.position += 1
            elif self.text.startswith("\\\n", self.position):
                self.position += 2
            elif self.text[self.position] == "#":
                end = self.text.find("\n", self.position)
                self.position = len(self.text) if end < 0 else end
            else:
                return

    def word(self, ends: str = _ENDS_WORD) -> Word:
        """A word, up to one of the characters that end it."""
        parts: list[Part] = []
        while self.position < len(self.text):
            character = self.text[self.position]
            if character in ends:
                break
            if character == "'":
                end = self._find("'", self.position + 1)
                parts.append(Text(self.text[self.position + 1 : end], quoted=True))
                self.position = end + 1
            elif character == '"':
                self.position += 1
                before = len(parts)
                self.quoted_until('"', parts)
                if len(parts) == before:
                    parts.append(Text("", quoted=True))
            elif character == "\\":
                following = self.text[self.position + 1 : self.position + 2]
                self.position += 2
                if following != "\n":
                    parts.append(Text(following, quoted=True))
            elif character in "$`":
                parts.append(self._expansion(quoted=False))
            else:
                start = self.position
                stops = ends + "'\"\\$`"
                while self.position < len(self.text) and self.text[self.position] not in stops:
                    self.position += 1
                parts.append(Text(self.text[start : self.position], quoted=False))
        return Word(tuple(parts))

    def quoted_until(self, end: str, parts: list[Part], *, in_here_document: bool = False) -> None:
        """What is in double quotes, or in a here-document, which ends with the text."""
        text: list[str] = []

        def flush() -> None:
            if text:
                parts.append(Text("".join(text), quoted=True))
                text.clear()

        escaped = "$`\\\n" if in_here_document else '$`"\\\n'
        while self.position < len(self.text):
            character = self.text[self.position]
            if end and character == end:
                self.position += 1
                flush()
                return
            if character == "\\" and self.text[self.position + 1 : self.position + 2] in tuple(escaped):
                following = self.text[self.position + 1]
                text.append("" if following == "\n" else following)
                self.position += 2
            elif character in "$`":
                flush()
                parts.append(self._expansion(quoted=True))
            else:
                text.append(character)
                self.position += 1
        flush()
        if end:
            raise ShellSyntaxError("a quotation has no end", self.line)

    def _expansion(self, *, quoted: bool) -> Part:
        if self.text[self.position] == "`":
            return self._backquoted(quoted=quoted)
        if self.text.startswith("$((", self.position):
            closing = self._matching(self.position + 3, "))")
            if closing is not None:
                inner = Lexer(self.text[self.position + 3 : closing], self.parse, self.line)
                parts: list[Part] = []
                inner.quoted_until("", parts)
                self.position = closing + 2
                return Arithmetic(Word(tuple(parts)), quoted)
        if self.text.startswith("$(", self.position):
            line = self.line
            end = self._end_of_substitution(self.position + 2)
            body = self.parse(self.text[self.position + 2 : end], line)
            self.position = end + 1
            return Substitution(body, quoted)
        if self.text.startswith("${", self.position):
            return self._braced(quoted=quoted)
        self.position += 1
        match = _NAME.match(self.text, self.position)
        if match:
            self.position = match.end()
            return Parameter(match[0], "", None, quoted)
        if self.text[self.position : self.position + 1] in tuple(_SPECIAL):
            self.position += 1
            return Parameter(self.text[self.position - 1], "", None, quoted)
        return Text("$", quoted)

    def _braced(self, *, quoted: bool) -> Part:
        line = self.line
        self.position += 2
        is_length = self.text.startswith("#", self.position) and self.text[self.position + 1 : self.position + 2] != "}"
        self.position += is_length
        match = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]").match(self.text, self.position)
        if match is None:
            raise ShellSyntaxError("an expansion without a name", line)
        self.position = match.end()
        operator, word = "length" if is_length else "", None
        found = _PARAMETER_OPERATOR.match(self.text, self.position)
        if found and not is_length:
            operator, self.position = found[0], found.end()
            # A pattern is one in double quotes, too: "${file##*/}".
            word = self._word_in_braces(quoted=quoted and operator[0] not in "%#")
        if not self.text.startswith("}", self.position):
            raise ShellSyntaxError(f"an expansion of {match[0]} that is not understood", line)
        self.position += 1
        return Parameter(match[0], operator, word, quoted)

    def _word_in_braces(self, *, quoted: bool) -> Word:
        if not quoted:
            return self.word("}")
        parts: list[Part] = []
        while self.position < len(self.text) and self.text[self.position] != "}":
            if self.text[self.position] in "$`":
                parts.append(self._expansion(quoted=True))
            elif self.text[self.position] == '"':
                self.position += 1
                self.quoted_until('"', parts)
            else:
                start = self.position
                self.position += 2 if self.text[start] == "\\" else 1
                parts.append(Text(self.text[self.position - 1 : self.position], quoted=True))
        return Word(tuple(parts))

    def _backquoted(self, *, quoted: bool) -> Part:
        line, start = self.line, self.position + 1
        end = start
        while end < len(self.text) and self.text[end] != "`":
            end += 2 if self.text[end] == "\\" else 1
        if end >= len(self.text):
            raise ShellSyntaxError("a substitution in backquotes has no end", line)
        inner = re.sub(r"\\([$`\\])" if not quoted else r'\\([$`\\"])', r"\1", self.text[start:end])
        self.position = end + 1
        return Substitution(self.parse(inner, line), quoted)

    def _end_of_substitution(self, start: int) -> int:
        """Where the ``)`` is that ends a substitution: found by reading its tokens."""
        inner = Lexer(self.text, self.parse, self._first_line)
        inner.position = start
        depth, cases = 0, 0
        pattern = False
        while True:
            token = inner.next()
            if token.kind == "end":
                raise ShellSyntaxError("a substitution has no end", self.line)
            if token.kind == "word":
                cases += {"case": 1, "esac": -1}.get(token.text, 0)
                pattern = (token.text == "in" and cases > 0) or (pattern and token.text != "esac")
            elif token.text == ";;":
                pattern = True
            elif token.text == "(":
                depth += 1
            elif token.text == ")":
                if pattern and cases > 0:
                    pattern = False
                    depth = max(0, depth - 1) if depth else 0
                elif depth == 0:
                    return inner.position - 1
                else:
                    depth -= 1

    def _matching(self, start: int, closing: str) -> int | None:
        depth = 0
        for at in range(start, len(self.text)):
            if depth == 0 and self.text.startswith(closing, at):
                return at
            depth += {"(": 1, ")": -1}.get(self.text[at], 0)
            if depth < 0 or self.text[at] == "\n":
                return None
        return None

    def _find(self, character: str, start: int) -> int:
        end = self.text.find(character, start)
        if end < 0:
            raise ShellSyntaxError("a quotation has no end", self.line)
        return end
