"""Memory of a process and all below it, pages that several share counted once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path


def run_watched(command: Sequence[str], every: float | None) -> tuple[subprocess.CompletedProcess[str], int]:
    """Run a program; also the most bytes that its processes had together (proportional set size), looked at ``every``
    so many seconds, which takes them up to three hundredths of their time; None does not look."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    most = 0
    while True:
        try:
            out, err = process.communicate(timeout=every)
        except subprocess.TimeoutExpired:
            most = max(most, sum(_proportional(pid) for pid in _family(process.pid)))
        else:
            return subprocess.CompletedProcess(command, process.returncode, out, err), most


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _said(children).split():
            yield from _family(int(child))


def _proportional(pid: int) -> int:
    lines = _said(Path(f"/proc/{pid}/smaps_rollup")).splitlines()
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))


def _said(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it has ended
        return ""
