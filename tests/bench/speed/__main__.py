"""Measures how fast images are written, ours and the peers' in turn, and prints medians and ratios.

    python -m tests.bench.speed [--tree DIRECTORY] [--bytes N] [--repeat N] [--workers N] [case ...]

Every case runs in a process of its own, all cases once before any comes a second time, so that whatever else the
machine does hits all alike. Read the ratios; seconds belong to the machine.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

from tests.bench.speed.cases import ALONE, CASES, ONCE, PROGRAMS
from tests.bench.speed.chart import draw
from tests.bench.speed.memory import run_watched
from tests.bench.speed.tree import prepare

_BASELINES = {
    "tarfile_twice_file": ("docker_archive", "archive", "cached_archive"),
    "tarfile_twice_cold": ("diff_ids_cold",),
}
"""What a case is compared with, where that is not the archive thrown away."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.speed", description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="case", help=f"all by default: {', '.join(CASES)}")
    parser.add_argument("--tree", type=Path, default=Path("build/bench/tree"), help="made if missing; or any directory")
    parser.add_argument("--bytes", type=float, default=1e9, help="how much to download for a tree that is made")
    parser.add_argument("--scratch", type=Path, default=Path("build/bench/scratch"))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--small", action="store_true", help="only the items with many small files")
    parser.add_argument("--nixpkgs-script", type=Path, help="nixpkgs' stream_layered_image.py, as one more peer")
    parser.add_argument("--skip", action="append", default=[], metavar="CASE", help="leave a case out")
    parser.add_argument("--json", type=Path, help="write every single measurement to this file")
    parser.add_argument("--chart", type=Path, help="draw the medians into this SVG file")
    given = parser.parse_args()
    if unknown := sorted({*given.cases, *given.skip} - set(CASES)):
        parser.error(f"no such case: {', '.join(unknown)}")
    if not given.tree.is_dir() or (given.tree / "items").is_dir():
        prepare(given.tree, int(given.bytes))
    wanted = {"limit", *(given.cases or CASES)} - set(given.skip)
    cases = [name for name in CASES if name in wanted and _possible(name, given)]
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in cases}
    memory: dict[str, int] = {}
    for number in range(given.repeat + 1):  # the first time for memory: looking at it takes time, too
        for name in cases:
            if number < 1 or name not in ONCE:
                print(f"\r{number}/{given.repeat} {name:24}", end="", file=sys.stderr, flush=True)
                run, most = _run(name, given, watched=number < 1)
                memory.setdefault(name, most)
                if number > 0 or name in ONCE:
                    runs[name].append({**run, "memory": memory[name]})
    print("\r" + " " * 40, file=sys.stderr)
    medians = {name: statistics.median(run["wall"] for run in of) for name, of in runs.items()}
    _print(runs, medians)
    if given.json:
        given.json.write_text(json.dumps(runs, indent=1))
    if given.chart:
        given.chart.write_text(draw(medians, runs["limit"][0]["bytes"]))


def _possible(name: str, given: argparse.Namespace) -> bool:
    if name.startswith("nixpkgs_script"):
        return given.nixpkgs_script is not None
    program = PROGRAMS.get(name)
    return program is None or shutil.which(program) is not None


def _run(name: str, given: argparse.Namespace, *, watched: bool) -> tuple[dict[str, Any], int]:
    """What it took, and the most memory, if it is watched."""
    command = [sys.executable, "-m", "tests.bench.speed.one", ALONE.get(name, name), given.tree, given.scratch]
    command += [f"--workers={1 if name in ALONE else given.workers}", *(["--small"] if given.small else [])]
    command += [f"--nixpkgs-script={given.nixpkgs_script}"] if given.nixpkgs_script else []
    busy, idle = _machine()
    done, memory = run_watched([str(word) for word in command], every=0.2 if watched else None)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr}")
    value: dict[str, Any] = json.loads(done.stdout)
    after_busy, after_idle = _machine()
    value["machine"] = (after_busy - busy) / max(1, after_busy - busy + after_idle - idle)
    return value, memory


def _machine() -> tuple[int, int]:
    """Ticks in which any core was busy, and idle, since the machine started."""
    words = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    idle = int(words[3]) + int(words[4])
    return sum(map(int, words[:8])) - idle, idle


def _print(runs: dict[str, list[dict[str, Any]]], medians: dict[str, float]) -> None:
    first = runs["limit"][0]
    limit = medians["limit"]
    busy = statistics.median(run["machine"] for of in runs.values() for run in of)
    print(
        f"{first['bytes'] / 1e9:.2f} GB, {first['entries']} entries in {first['layers']} layers; H = {limit:.2f} s; "
        f"the machine was busy {busy:.0%} of its time\n"
    )
    print("| case | wall s | least | CPU s | x H | baseline / this | us an entry beyond H | memory MiB | output MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, of in runs.items():
        wall = medians[name]
        baseline = medians.get(next((other for other, like in _BASELINES.items() if name in like), "tarfile_twice"))
        print(
            f"| {name} | {wall:.2f} | {min(run['wall'] for run in of):.2f} "
            f"| {statistics.median(run['cpu'] for run in of):.2f} | {wall / limit:.2f} "
            f"| {f'{baseline / wall:.1f}' if baseline else ''} | {(wall - limit) / first['entries'] * 1e6:.1f} "
            f"| {max(run['memory'] for run in of) / 2**20:.0f} | {of[-1]['output'] / 1e6:.0f} |"
        )


if __name__ == "__main__":
    main()
