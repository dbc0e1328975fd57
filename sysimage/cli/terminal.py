"""Where words go: results to standard output, everything else to standard error; tables and colour only for people."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TextIO

from sysimage.characters import printable
from sysimage.errors import MachineError

if TYPE_CHECKING:
    from sysimage.documents import Document


_DIGEST = re.compile(r"\bsha256:[0-9a-f]{64}")
_INDENT = 2
"""Columns before the further lines of what does not fit on one."""
_NARROWEST_TEXT = 20
"""Columns that a text in a table needs; with fewer it would become a strip of half words."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """What the process was started with."""

    environ: Mapping[str, str]
    results_are_read: bool
    """Whether standard output is a terminal."""
    progress_is_read: bool
    """Whether standard error is a terminal on which lines can be redrawn."""

    @classmethod
    def of_process(cls, environ: Mapping[str, str]) -> Terminal:
        redraws = sys.stderr.isatty() and environ.get("TERM", "dumb") != "dumb" and not environ.get("CI")
        return cls(environ, sys.stdout.isatty(), redraws)

    @property
    def debugs(self) -> bool:
        """Whether SYSIMAGE_DEBUG asks for tracebacks."""
        return self.environ.get("SYSIMAGE_DEBUG", "") not in ("", "0")

    @property
    def width(self) -> int:
        """Columns that a line of results may take."""
        import shutil

        return max(shutil.get_terminal_size((80, 24)).columns, 40) if self.results_are_read else 100

    def result(self, text: str) -> None:
        """Print a result. A terminal gets a digest that does not fit on a line of its own, where it can be marked."""
        _say(_with_whole_digests(text, self.width) if self.results_are_read else text, sys.stdout)

    def fact(self, label: str, text: str, column: int) -> None:
        """Print a text after its label: on a terminal as `labelled`, and otherwise in one line."""
        lines = labelled(label, text, self.width, column) if self.results_are_read else [label.ljust(column) + text]
        self.result("\n".join(lines))

    def document(self, document: Document) -> None:
        """Print a result for machines."""
        from sysimage.documents import document_value

        self.json(document_value(document))

    def json(self, value: Any) -> None:
        """Print JSON as it is."""
        # What is escaped can only be inside of strings, where JSON reads the escape as the character.
        _say(json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False), sys.stdout)

    def note(self, text: str) -> None:
        """Print a note for people, not a result."""
        _say(text, sys.stderr)

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
        """Print rows under headers. ``right`` are the columns of numbers; words wrap where there is little room."""
        rows = [[printable(cell) for cell in row] for row in rows]
        # What is one word, such as the name of a package, is of no use when it is cut.
        is_word = [not any(" " in row[index] for row in rows) for index in range(len(headers))]
        if self.results_are_read:
            if self._are_narrow(headers, rows, is_word):
                self._stacked(rows, is_word)
                return
            from rich import box
            from rich.console import Console
            from rich.table import Table
            from rich.text import Text

            table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
            for index, header in enumerate(headers):
                justify: Literal["right", "left"] = "right" if index in right else "left"
                table.add_column(header, justify=justify, no_wrap=is_word[index], overflow="fold")
            for row in rows:
                table.add_row(*map(Text, row))
            with _printing():
                Console(file=sys.stdout).print(table)
            return
        widths = [max(len(row[index]) for row in [headers, *rows]) for index in range(len(headers))]
        for row in [headers, *rows]:
            cells = [
                cell.rjust(width) if index in right else cell.ljust(width)
                for index, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            self.result("  ".join(cells).rstrip())

    def _are_narrow(self, headers: Sequence[str], rows: Sequence[Sequence[str]], is_word: Sequence[bool]) -> bool:
        """Whether columns of words leave too little room for those of text."""
        words = [max(len(row[index]) for row in [headers, *rows]) + 2 for index, word in enumerate(is_word) if word]
        texts = len(headers) - len(words)
        return bool(texts) and self.width - sum(words) < _NARROWEST_TEXT * texts

    def _stacked(self, rows: Sequence[Sequence[str]], is_word: Sequence[bool]) -> None:
        """Rows one below the other: words in a line, texts below them."""
        import textwrap

        for row in rows:
            self.result("  ".join(cell for cell, word in zip(row, is_word, strict=True) if word))
            for cell in (cell for cell, word in zip(row, is_word, strict=True) if not word):
                for line in textwrap.wrap(cell, max(self.width - 4, 20)):
                    self.result(f"    {line}")

    def flush(self) -> None:
        """Bring to its place what was printed as results."""
        with _printing():
            sys.stdout.flush()


def _say(text: str, file: TextIO) -> None:
    """Print lines in which nothing is an order to the terminal, wherever their words came from."""
    text = printable(text, keep="\n\t")
    encoding = file.encoding or "utf-8"
    with _printing() if file is sys.stdout else contextlib.nullcontext():
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=file)


@contextlib.contextmanager
def _printing() -> Iterator[None]:
    """Whatever is wrong with standard output, but that its reader has left, is the machine's fault."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is still held for it must not fail once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise MachineError(f"cannot write to standard output: {error.strerror}") from error


def labelled(label: str, text: str, width: int, column: int) -> Iterator[str]:
    """The lines of a text that begins in a ``column``, after its ``label``; below it where a word has no room. No word
    is cut."""
    import textwrap

    first, further = label.ljust(column), " " * column
    if label and max(map(len, text.split()), default=0) > width - column:
        yield label
        first = further = " " * _INDENT
    yield from textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=further or " " * _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _with_whole_digests(text: str, width: int) -> str:
    lines: list[str] = []
    for line in text.split("\n"):
        wraps = len(line) > width and _DIGEST.search(line)
        lines += labelled("", line, width, 0) if wraps else [line]
    return "\n".join(lines)


def in_bytes(count: int) -> str:
    """A number of bytes for people: three digits that count, decimal units."""
    if count < 1000:
        return f"{count} B"
    value, units = count / 1000, ["kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.1f} {units[0]}" if value < 99.95 else f"{value:.0f} {units[0]}"
