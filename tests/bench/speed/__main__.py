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
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bench.speed.cases import CASES, LIKE
from tests.bench.speed.tree import prepare

PROGRAMS = {"skopeo_gzip": "skopeo", "umoci_insert": "umoci", "zstd_program": "zstd", "tar_openssl": "openssl"}
SLOW = {"umoci_insert", "guix_like", "gzip_program", "skopeo_gzip", "tarfile_twice", "tarfile_twice_file"}
"""Run three times at most."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.speed", description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="case", help=f"all by default: {', '.join(CASES)}")
    parser.add_argument("--tree", type=Path, default=Path("build/bench/tree"), help="made if missing; or any directory")
    parser.add_argument("--bytes", type=float, default=1e9, help="how much to download for a tree that is made")
    parser.add_argument("--scratch", type=Path, default=Path("build/bench/scratch"))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--small", action="store_true", help="only the items with many small files")
    parser.add_argument("--json", type=Path, help="write every single measurement to this file")
    given = parser.parse_args()
    if unknown := sorted(set(given.cases) - set(CASES)):
        parser.error(f"no such case: {', '.join(unknown)}")
    if not given.tree.is_dir() or (given.tree / "items").is_dir():
        prepare(given.tree, int(given.bytes))
    cases = [name for name in CASES if name in {"limit", *(given.cases or CASES)} and _possible(name)]
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in cases}
    for number in range(given.repeat):
        for name in cases:
            if number < 3 or name not in SLOW:
                print(f"\r{number + 1}/{given.repeat} {name:24}", end="", file=sys.stderr, flush=True)
                runs[name].append(_run(name, given))
    print("\r" + " " * 40, file=sys.stderr)
    _print(runs)
    if given.json:
        given.json.write_text(json.dumps(runs, indent=1))


def _possible(name: str) -> bool:
    program = PROGRAMS.get(name)
    return program is None or shutil.which(program) is not None


def _run(name: str, given: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.speed.one", LIKE.get(name, name), given.tree, given.scratch]
    command += [f"--workers={1 if name in LIKE else given.workers}", *(["--small"] if given.small else [])]
    busy, idle = _machine()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr}")
    value: dict[str, Any] = json.loads(done.stdout)
    after_busy, after_idle = _machine()
    value["machine"] = (after_busy - busy) / max(1, after_busy - busy + after_idle - idle)
    return value


def _machine() -> tuple[int, int]:
    """Ticks in which any core was busy, and idle, since the machine started."""
    words = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    idle = int(words[3]) + int(words[4])
    return sum(map(int, words[:8])) - idle, idle


def _print(runs: dict[str, list[dict[str, Any]]]) -> None:
    medians = {name: statistics.median(run["wall"] for run in of) for name, of in runs.items()}
    limit = medians["limit"]
    baseline = medians.get("tarfile_twice")
    first = runs["limit"][0]
    print(f"{first['bytes'] / 1e9:.2f} GB in {first['layers']} layers; H = {limit:.2f} s\n")
    print("| case | wall s | least | CPU s | x H | baseline / this | memory MiB | output MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, of in runs.items():
        wall = medians[name]
        faster = f"{baseline / wall:.1f}" if baseline else ""
        print(
            f"| {name} | {wall:.2f} | {min(run['wall'] for run in of):.2f} "
            f"| {statistics.median(run['cpu'] for run in of):.2f} | {wall / limit:.2f} | {faster} "
            f"| {max(run['memory'] for run in of) / 1024:.0f} | {of[-1]['output'] / 1e6:.0f} |"
        )


if __name__ == "__main__":
    main()
