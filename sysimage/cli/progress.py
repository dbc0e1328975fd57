"""How far things are: bars on a terminal, lines at a sane rate elsewhere, JSON for machines, or nothing."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Literal

from sysimage.cli.terminal import Terminal, in_bytes
from sysimage.notices import listen_to_notices
from sysimage.progress import Progress, silent

Style = Literal["auto", "plain", "tty", "json", "quiet", "notices"]
"""How progress is shown; ``notices`` shows none, but what people should know."""
STYLES: tuple[Style, ...] = ("auto", "plain", "tty", "json", "quiet")

_BAR = 16
"""Columns that a bar takes."""
_EVERY = 5.0
"""Seconds between two plain lines of one stage."""
_EVERY_JSON = 0.5
"""Seconds between two JSON lines of one stage."""


@contextlib.contextmanager
def shown_progress(style: Style, terminal: Terminal) -> Iterator[Progress]:
    """A progress that may be called from any thread, shown on standard error until the block ends; notices too."""
    if style == "auto":
        style = "tty" if terminal.progress_is_read else "plain"
    if style == "quiet":
        with listen_to_notices(lambda text: None):
            yield silent
    elif style == "notices":
        with listen_to_notices(_warn_plain):
            yield silent
    elif style == "tty":
        with _bars() as bars:
            yield bars
    elif style == "json":
        with listen_to_notices(_warn_json):
            yield Lines(_say_json, _EVERY_JSON)
    else:
        with listen_to_notices(_warn_plain):
            yield Lines(_say_plain, _EVERY)


class Lines:
    """Says each stage's beginning and end, and in between not more often than every so many seconds."""

    def __init__(
        self,
        say: Callable[[str, int, int | None, str], None],
        every: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say, self._every, self._clock = say, every, clock
        self._said: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def __call__(self, stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        with self._lock:
            now = self._clock()
            last = self._said.get(stage)
            ended = total is not None and done >= total
            if last is not None and (last[1] == done or not (ended or now - last[0] >= self._every)):
                return
            self._said[stage] = (now, done)
            self._say(stage, done, total, unit)


def amount(done: int, total: int | None, unit: str, *, share: bool = True) -> str:
    """How much is done, in words; with its ``share`` where no bar shows that."""
    of = "" if total is None else f" of {in_bytes(total) if unit == 'bytes' else total}"
    percent = f" ({100 * done // total} %)" if total and share else ""
    return (f"{in_bytes(done)}{of}" if unit == "bytes" else f"{done}{of} {unit}") + percent


def _say_plain(stage: str, done: int, total: int | None, unit: str) -> None:
    print(f"{stage}: {amount(done, total, unit)}", file=sys.stderr, flush=True)


def _say_json(stage: str, done: int, total: int | None, unit: str) -> None:
    line = json.dumps({"stage": stage, "done": done, "total": total, "unit": unit})
    print(line, file=sys.stderr, flush=True)


def _warn_plain(text: str) -> None:
    print(f"sysimage: {text}", file=sys.stderr, flush=True)


def _warn_json(text: str) -> None:
    print(json.dumps({"warning": text}), file=sys.stderr, flush=True)


@contextlib.contextmanager
def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars
    from rich.table import Column

    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=_BAR),
        TextColumn("{task.fields[amount]}", table_column=Column(no_wrap=True)),
        # What is at work takes the room that is left, and no line is longer than the terminal is wide.
        TextColumn("{task.fields[at]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
        TimeElapsedColumn(),
    )
    console = Console(file=sys.stderr, force_terminal=True)
    with Bars(*columns, console=console, transient=True, expand=True) as bars:
        tasks = {}
        lock = threading.Lock()

        def show(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
            with lock:
                if stage not in tasks:
                    tasks[stage] = bars.add_task(stage, total=total, amount="", at="")
                ended = total is not None and done >= total
                words, named = amount(done, total, unit, share=False), "" if ended else escape(at)
                bars.update(tasks[stage], completed=done, total=total, amount=words, at=named)

        def warn(text: str) -> None:
            bars.console.print(f"sysimage: {text}", markup=False, highlight=False, soft_wrap=True)

        with listen_to_notices(warn):
            yield show
