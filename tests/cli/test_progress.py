"""Progress at a sane rate."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from sysimage.cli.progress import Lines, amount, shown_progress
from sysimage.cli.terminal import Terminal, in_bytes

QUIET = Terminal({}, results_are_read=False, progress_is_read=False)


def test_a_stage_says_its_beginning_its_end_and_what_is_between_now_and_then() -> None:
    said: list[int] = []
    now = 0.0
    lines = Lines(lambda stage, done, total, unit: said.append(done), 5.0, lambda: now)
    for done in range(101):
        now += 0.25
        lines("download", done, 100)
    assert said == [0, 20, 40, 60, 80, 100]


def test_stages_do_not_hide_each_other_and_nothing_is_printed_twice() -> None:
    said: list[tuple[str, int]] = []
    lines = Lines(lambda stage, done, total, unit: said.append((stage, done)), 5.0, lambda: 0.0)
    for stage in ("a", "b", "a"):
        lines(stage, 0, 1)
        lines(stage, 1, 1)
        lines(stage, 1, 1)
    assert said == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


def test_many_threads_may_report(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress("json", QUIET) as progress, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda done: progress("x", done, None, unit="bytes"), range(200)))
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert all(json.loads(line)["stage"] == "x" for line in lines)


def test_plain_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress("auto", QUIET) as progress:
        progress("make items", 3, 12)
        progress("download", 5_000_000, 20_000_000, unit="bytes")
    captured = capsys.readouterr()
    assert captured.err.splitlines() == ["make items: 3 of 12 items (25 %)", "download: 5.0 MB of 20.0 MB (25 %)"]
    assert captured.out == ""


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress("quiet", QUIET) as progress:
        progress("x", 1, 1)
    assert capsys.readouterr().err == ""


def test_bars_are_shown_and_removed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with shown_progress("tty", QUIET) as progress:
        progress("download", 1, 2, unit="bytes")
        progress("download", 2, 2, unit="bytes")
    assert "download" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (99_950, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (2_500_000_000, "2.5 GB"),
        (10**16, "10000 TB"),
    ],
)
def test_bytes_have_three_digits_that_count(count: int, text: str) -> None:
    assert in_bytes(count) == text


def test_an_unknown_total_is_left_out() -> None:
    assert amount(5, None, "items") == "5 items"
    assert amount(0, 0, "items") == "0 of 0 items"


def test_no_bar_is_wider_than_the_terminal_and_each_names_what_is_at_work(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for width in (60, 80, 140):
        monkeypatch.setenv("COLUMNS", str(width))
        with shown_progress("tty", QUIET) as progress:
            progress("fetch packages", 0, 98_700_000, unit="bytes")
            progress("fetch packages", 8_700_000, 98_700_000, unit="bytes", at="libpython3.13-stdlib 3.13.5-2 [amd64]")
            progress("unpack", 3, 97, at="guile-3.0-libs")
        drawn = capsys.readouterr().err
        lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn).replace("\r", "\n").split("\n")
        assert max(map(len, lines)) <= width
        assert any("8.7 MB of 98.7 MB" in line and "libpy" in line for line in lines) or width < 80
        assert any("3 of 97 items" in line and ("guile-3.0-libs" in line or width < 80) for line in lines)
