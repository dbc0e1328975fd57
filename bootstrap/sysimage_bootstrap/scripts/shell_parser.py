"""Reads a shell script into commands (POSIX, Shell Command Language; and what Debian's scripts use of bash)."""

from __future__ import annotations

import re

from sysimage_bootstrap.scripts.shell_lexer import Lexer, Token
from sysimage_bootstrap.scripts.shell_syntax import (
    AndOr,
    Case,
    Command,
    For,
    Function,
    Group,
    HereDocument,
    If,
    Pipeline,
    Redirect,
    Sequence,
    ShellSyntaxError,
    Simple,
    Text,
    While,
    Word,
)

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_REDIRECTS = {"<": 0, ">": 1, ">>": 1, "<&": 0, ">&": 1, "<>": 0, ">|": 1, "<<": 0, "<<-": 0, "&>": 1}
_RESERVED = {"then", "do", "done", "fi", "elif", "else", "esac", "}"}


def parse(text: str, line: int = 1) -> Command:
    """The commands of a script that begins at ``line``; a `ShellSyntaxError` where they cannot be read."""
    parser = _Parser(text, line)
    body = parser.sequence(())
    parser.expect_end()
    return body


class _Parser:
    def __init__(self, text: str, line: int) -> None:
        self._lexer = Lexer(text, parse, line)
        self._ahead: list[Token] = []

    # Tokens

    def _peek(self) -> Token:
        if not self._ahead:
            self._ahead.append(self._lexer.next())
        return self._ahead[0]

    def _next(self) -> Token:
        token = self._peek()
        self._ahead.clear()
        return token

    def _is(self, text: str) -> bool:
        """Whether the next token is an operator, or an unquoted word, with this text."""
        token = self._peek()
        return token.kind in ("operator", "word") and token.text == text

    def _take(self, text: str) -> bool:
        if self._is(text):
            self._next()
            return True
        return False

    def _expect(self, text: str) -> None:
        token = self._next()
        if token.text != text or token.kind not in ("operator", "word"):
            raise ShellSyntaxError(f"{text!r} is missing before {token.text!r}", token.line)

    def _skip_newlines(self) -> None:
        while self._is("\n"):
            self._next()

    def expect_end(self) -> None:
        token = self._peek()
        if token.kind != "end":
            raise ShellSyntaxError(f"{token.text!r} in an unexpected place", token.line)

    # Commands

    def sequence(self, ends: tuple[str, ...]) -> Sequence:
        """Commands up to one of the words or operators that end them, which stays."""
        line = self._peek().line
        commands: list[Command] = []
        while True:
            while self._is("\n") or self._is(";"):
                self._next()
            token = self._peek()
            if token.kind == "end" or any(self._is(end) for end in ends):
                return Sequence(line, tuple(commands))
            commands.append(self._and_or())
            if not (self._is(";") or self._is("\n") or self._is("&")):
                token = self._peek()
                if token.kind != "end" and not any(self._is(end) for end in ends):
                    raise ShellSyntaxError(f"{token.text!r} in an unexpected place", token.line)
            elif self._is("&"):
                self._next()

    def _and_or(self) -> Command:
        line, first = self._peek().line, self._pipeline()
        rest: list[tuple[str, Command]] = []
        while self._is("&&") or self._is("||"):
            operator = self._next().text
            self._skip_newlines()
            rest.append((operator, self._pipeline()))
        return AndOr(line, first, tuple(rest)) if rest else first

    def _pipeline(self) -> Command:
        line, negated = self._peek().line, False
        while self._take("!"):
            negated = not negated
        commands = [self._command()]
        while self._take("|"):
            self._skip_newlines()
            commands.append(self._command())
        return Pipeline(line, tuple(commands), negated) if negated or len(commands) > 1 else commands[0]

    def _command(self) -> Command:
        token = self._peek()
        compound = self._compound(token)
        if compound is None:
            return self._simple()
        redirects = self._redirects()
        if isinstance(compound, Group):
            return Group(compound.line, compound.body, compound.subshell, redirects)
        return Group(token.line, compound, False, redirects) if redirects else compound

    def _compound(self, token: Token) -> Command | None:
        line = token.line
        if self._take("("):
            body = self.sequence((")",))
            self._expect(")")
            return Group(line, body, subshell=True)
        if token.kind != "word":
            return None
        if token.text in _RESERVED:
            raise ShellSyntaxError(f"{token.text!r} in an unexpected place", line)
        match token.text:
            case "{":
                self._next()
                body = self.sequence(("}",))
                self._expect("}")
                return Group(line, body, subshell=False)
            case "if":
                self._next()
                return self._if(line)
            case "case":
                self._next()
                return self._case(line)
            case "for":
                self._next()
                return self._for(line)
            case "while" | "until":
                self._next()
                condition = self.sequence(("do",))
                return While(line, condition, self._do(), token.text == "until")
            case "function":
                self._next()
                name = self._next().text
                if self._take("("):
                    self._expect(")")
                return self._function(line, name)
        return None

    def _function(self, line: int, name: str) -> Function:
        self._skip_newlines()
        return Function(line, name, self._command())

    def _if(self, line: int) -> If:
        branches = []
        otherwise: Command | None = None
        while True:
            condition = self.sequence(("then",))
            self._expect("then")
            branches.append((condition, self.sequence(("elif", "else", "fi"))))
            if self._take("elif"):
                continue
            if self._take("else"):
                otherwise = self.sequence(("fi",))
            self._expect("fi")
            return If(line, tuple(branches), otherwise)

    def _case(self, line: int) -> Case:
        word = self._word()
        self._skip_newlines()
        self._expect("in")
        items: list[tuple[tuple[Word, ...], Command]] = []
        while True:
            self._skip_newlines()
            if self._take("esac"):
                return Case(line, word, tuple(items))
            self._take("(")
            patterns = [self._word()]
            while self._take("|"):
                patterns.append(self._word())
            self._expect(")")
            items.append((tuple(patterns), self.sequence((";;", "esac"))))
            if not self._take(";;") and not self._is("esac"):
                raise ShellSyntaxError("a case has no end", line)

    def _for(self, line: int) -> For:
        name = self._next().text
        self._skip_newlines()
        words: list[Word] | None = None
        if self._take("in"):
            words = []
            while self._peek().kind == "word":
                words.append(self._word())
        if self._is(";"):
            self._next()
        return For(line, name, None if words is None else tuple(words), self._do())

    def _do(self) -> Sequence:
        self._skip_newlines()
        self._expect("do")
        body = self.sequence(("done",))
        self._expect("done")
        return body

    def _word(self) -> Word:
        token = self._next()
        if token.word is None:
            raise ShellSyntaxError(f"a word is missing before {token.text!r}", token.line)
        return token.word

    def _simple(self) -> Command:
        line = self._peek().line
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect | HereDocument] = []
        while True:
            token = self._peek()
            if self._at_redirect(token):
                redirects.append(self._redirect())
            elif token.word is not None:
                assignment = None if words else _assignment(token.word)
                self._next()
                if assignment is not None:
                    assignments.append(assignment)
                elif not words and not assignments and self._is("(") and token.word.literal():
                    self._next()
                    self._expect(")")
                    return self._function(line, token.text)
                else:
                    words.append(token.word)
            else:
                break
        if not (assignments or words or redirects):
            raise ShellSyntaxError(f"a command is missing before {token.text!r}", token.line)
        return Simple(line, tuple(assignments), tuple(words), tuple(redirects))

    def _at_redirect(self, token: Token) -> bool:
        return token.kind == "descriptor" or (token.kind == "operator" and token.text in _REDIRECTS)

    def _redirects(self) -> tuple[Redirect | HereDocument, ...]:
        found: list[Redirect | HereDocument] = []
        while self._at_redirect(self._peek()):
            found.append(self._redirect())
        return tuple(found)

    def _redirect(self) -> Redirect | HereDocument:
        token = self._next()
        descriptor = None
        if token.kind == "descriptor":
            descriptor, token = int(token.text), self._next()
        if token.text not in _REDIRECTS:
            raise ShellSyntaxError(f"{token.text!r} is not a redirection", token.line)
        number = _REDIRECTS[token.text] if descriptor is None else descriptor
        word = self._word()
        if token.text in ("<<", "<<-"):
            return HereDocument(number, self._lexer.here_document(word, strip=token.text == "<<-"))
        return Redirect(number, token.text, word)


def _assignment(word: Word) -> tuple[str, Word] | None:
    first = word.parts[0] if word.parts else None
    match = _ASSIGNMENT.match(first.text) if isinstance(first, Text) and not first.quoted else None
    if match is None or not isinstance(first, Text):
        return None
    rest = first.text[match.end() :]
    return match[1], Word((*([Text(rest, quoted=False)] if rest else ()), *word.parts[1:]))
