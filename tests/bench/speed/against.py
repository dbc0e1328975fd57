"""Measures this version against an older one by turns, and prints how much processor time each case takes in ratio.

    python -m tests.bench.speed.against OLD [--tree DIRECTORY] [--bytes N] [--repeat N] [--workers N] [case ...]

OLD is a checkout of the older version with its own ``.venv``. In each round a case runs in the old, in the new and in
the old version again, each in a process of its own: how far the two old ones are apart is the noise. The case
``rebuild`` is an unchanged ``sysimage build`` of examples/web.json, from Python's start to its end.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.speed.cases import OURS
from tests.bench.speed.tree import prepare
from tests.support.examples import ROOT

REBUILD = "rebuild"
_ALLOWED = 0.03
"""How much slower than the noise a case may be."""


@dataclass(frozen=True)
class Case:
    """What one case took, in seconds of processor time."""

    old: list[float] = field(default_factory=list)
    """Two for each round: before and after the new version."""
    new: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """New to old, the median of the rounds."""
        rounds = zip(self.new, self.old[::2], self.old[1::2], strict=True)
        return statistics.median(2 * new / (before + after) for new, before, after in rounds)

    @property
    def noise(self) -> float:
        """How far the old version is from itself, the median of the rounds."""
        rounds = zip(self.old[::2], self.old[1::2], strict=True)
        return statistics.median(abs(after / before - 1) for before, after in rounds)

    @property
    def is_slower(self) -> bool:
        return self.ratio > 1 + self.noise + _ALLOWED


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.speed.against", description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path, help="a checkout of the older version, with its .venv")
    parser.add_argument("cases", nargs="*", metavar="case", help=f"all by default: {', '.join((REBUILD, *OURS))}")
    parser.add_argument("--tree", type=Path, default=Path("build/bench/tree"), help="made if missing; or any directory")
    parser.add_argument("--bytes", type=float, default=1e9, help="how much to download for a tree that is made")
    parser.add_argument("--scratch", type=Path, default=Path("build/bench/against"))
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    given.old, given.tree, given.scratch = (path.absolute() for path in (given.old, given.tree, given.scratch))
    known = [REBUILD, *(name for name in _cases_of(given.old) if name in OURS)]
    if unknown := sorted({*given.cases} - {*known}):
        parser.error(f"no such case in both versions: {', '.join(unknown)}")
    wanted = [name for name in known if not given.cases or name in given.cases]
    if wanted != [REBUILD] and (not given.tree.is_dir() or (given.tree / "items").is_dir()):
        prepare(given.tree, int(given.bytes))
    for version in (given.old, ROOT):
        subprocess.run([_python(version), "-m", "compileall", "-q", "sysimage", "bootstrap"], cwd=version, check=True)
    found = {name: Case() for name in wanted}
    for number in range(given.repeat + 1):  # the first time fills caches
        for name, case in found.items():
            print(f"\r{number}/{given.repeat} {name:24}", end="", file=sys.stderr, flush=True)
            before, new, after = (_seconds(version, name, given) for version in (given.old, ROOT, given.old))
            if number:
                case.old.extend((before, after))
                case.new.append(new)
    print("\r" + " " * 40, file=sys.stderr)
    print("| case | old, CPU s | new, CPU s | new / old | noise | |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, case in found.items():
        old, new = statistics.median(case.old), statistics.median(case.new)
        verdict = "slower" if case.is_slower else ""
        print(f"| {name} | {old:.2f} | {new:.2f} | {case.ratio:.3f} | {case.noise:.1%} | {verdict} |")
    sys.exit(any(case.is_slower for case in found.values()))


def _python(version: Path) -> Path:
    return version / ".venv/bin/python"


def _cases_of(version: Path) -> list[str]:
    code = "from tests.bench.speed.cases import OURS; print(*OURS)"
    asked = subprocess.run([_python(version), "-c", code], cwd=version, capture_output=True, text=True, check=True)
    return asked.stdout.split()


def _seconds(version: Path, name: str, given: argparse.Namespace) -> float:
    """The processor time of a case in a version."""
    if name == REBUILD:
        return _rebuild_seconds(version, given.scratch / ("new" if version == ROOT else "old"))
    words = [_python(version), "-m", "tests.bench.speed.one", name, given.tree, given.scratch / "run"]
    done = subprocess.run(
        [*words, f"--workers={given.workers}"], cwd=version, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{name} failed in {version}:\n{done.stderr}")
    return float(json.loads(done.stdout)["cpu"])


def _rebuild_seconds(version: Path, directory: Path) -> float:
    directory.mkdir(parents=True, exist_ok=True)
    words: list[str | Path] = [
        "build",
        "--output",
        directory / "web.tar",
        "--cache-dir",
        directory / "cache",
        "examples/web.json",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SYSIMAGE_"))}
    before = _of_children()
    done = subprocess.run(
        [version / ".venv/bin/sysimage", *words],
        cwd=version,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{REBUILD} failed in {version}:\n{done.stderr}")
    return _of_children() - before


def _of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
