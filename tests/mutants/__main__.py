"""Changes the code in small ways and looks whether the tests that mirror it notice.

    python -m tests.mutants [--sample N] [--seed N] [--jobs N] [--json FILE] [ROOM|MODULE.py ...]

A sample of all mutants of the rooms (by default, those whose tests are fast), the same for the same seed, runs against
the tests of its room, those of its module first. A mutant that survives is printed: a preference, a guard or an
order that no test is about. Nothing here is changed: every mutant is put into a copy of the project.

Own code, because mutmut and cosmic-ray run whole suites over whole packages, and choose their samples by time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.mutations import Mutant, mutants_of

ROOT = Path(__file__).parents[2]
PACKAGES = {"bootstrap": "bootstrap/sysimage_bootstrap", "vm": "vmtests/sysimage_vm"}
FAST = (
    "sysimage/files",
    "sysimage/streams",
    "sysimage/store",
    "sysimage/closure",
    "sysimage/layerplan",
    "sysimage/layers",
    "sysimage/blobs",
    "sysimage/rules",
    "sysimage/verify",
)
"""Rooms by their directories."""
COPIED = ("sysimage", "bootstrap", "vmtests", "tests", "examples", "docs", "pyproject.toml", "Makefile", "README.md")
_TIMES, _MORE = 4, 20
"""A run that takes so many times as long as without a mutant, and so many seconds more, is one that noticed."""


@dataclass(frozen=True, slots=True)
class Case:
    """One mutant and the tests that should notice it."""

    room: str
    module: Path
    """Relative to the project."""
    tests: tuple[str, ...]
    original: str
    mutant: Mutant


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("places", nargs="*", default=FAST, metavar="ROOM", help="directories or modules of the project")
    parser.add_argument("--project", type=Path, default=ROOT, help="another checkout to look at")
    parser.add_argument("--sample", type=int, default=12, help="mutants of each room")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write every result to this file")
    given = parser.parse_args()
    cases = [case for place in given.places for case in sampled(given.project, Path(place), given.sample, given.seed)]
    if not cases:
        parser.error("no mutants there")
    print(f"{len(cases)} mutants of {len(given.places)} rooms, seed {given.seed}", flush=True)
    found: dict[str, list[tuple[Case, bool]]] = defaultdict(list)
    for case, noticed in judged(given.project, cases, given.jobs):
        found[case.room].append((case, noticed))
        if not noticed:
            print(f"SURVIVED {case.module} {case.mutant}", flush=True)
    report(found)
    if given.json:
        rows = [
            {"room": room, "module": str(case.module), "mutant": str(case.mutant), "killed": noticed}
            for room, results in found.items()
            for case, noticed in results
        ]
        given.json.write_text(json.dumps(rows, indent=1))


def report(found: dict[str, list[tuple[Case, bool]]]) -> None:
    """Print how many were noticed, by room and in all."""
    everything = [noticed for results in found.values() for _, noticed in results]
    for room, results in sorted(found.items()):
        killed = sum(noticed for _, noticed in results)
        print(f"{room:32} {killed:4} of {len(results):4} killed  {killed / len(results):5.0%}")
    print(f"{'all':32} {sum(everything):4} of {len(everything):4} killed  {sum(everything) / len(everything):5.0%}")


def sampled(project: Path, place: Path, size: int, seed: int) -> list[Case]:
    """``size`` of the mutants of a room or module, or all if there are fewer; each line counts once at most."""
    top = project / place
    room = place if top.is_dir() else place.parent
    mutants = []
    for path in sorted(top.rglob("*.py")) if top.is_dir() else [top]:
        by_line: dict[int, list[Mutant]] = defaultdict(list)
        text = path.read_text()
        for mutant in mutants_of(text):
            by_line[mutant.line].append(mutant)
        mutants += [(path.relative_to(project), text, alike) for alike in by_line.values()]
    chooser = random.Random(f"{seed} {place}")
    chosen = chooser.sample(mutants, min(size, len(mutants)))
    return [Case(str(room), path, mirrored(project, path), text, chooser.choice(alike)) for path, text, alike in chosen]


def mirrored(project: Path, module: Path) -> tuple[str, ...]:
    """The tests of a module's room, relative to the project; the module's own come first."""
    for name, package in PACKAGES.items():
        if module.is_relative_to(package):
            module = Path(name) / module.relative_to(package)
    within = Path(*module.parts[1:]) if module.parts[0] == "sysimage" else module
    own = Path("tests", within.parent, f"test_{within.name}")
    room = next(folder for folder in (own.parent, *own.parent.parents) if (project / folder).is_dir())
    alone = [str(own)] if (project / own).is_file() else []
    return (*alone, str(room)) if room != Path("tests") else tuple(alone)


def judged(project: Path, cases: Sequence[Case], jobs: int) -> Iterator[tuple[Case, bool]]:
    """Every case with whether its tests noticed, as they come."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(jobs):
            copies.put(copied(project, Path(scratch) / str(number)))
        seconds = {}
        copy = copies.get()
        for tests in sorted({case.tests[-1] for case in cases}):  # the room's hold the module's own
            began = time.monotonic()
            if failure := failed(copy, (tests,), None):
                sys.exit(f"{failure}\n{tests} fails without any mutant")
            seconds[tests] = time.monotonic() - began
        copies.put(copy)

        def judge(numbered: tuple[int, Case]) -> tuple[Case, bool]:
            number, case = numbered
            copy = copies.get()
            try:
                place = copy / case.module
                put(place, case.mutant.text, 2 * number)
                noticed = failed(copy, case.tests, seconds[case.tests[-1]] * _TIMES + _MORE) is not None
                put(place, case.original, 2 * number + 1)
                return case, noticed
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(judge, enumerate(cases))


def copied(project: Path, copy: Path) -> Path:
    """A copy of what the tests need, without what Python keeps."""
    for name in COPIED:
        if (project / name).is_dir():
            shutil.copytree(project / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        elif (project / name).exists():
            shutil.copy2(project / name, copy / name)
    return copy


def put(path: Path, text: str, number: int) -> None:
    """Write a module that Python takes for another than it was: it looks at seconds and length alone."""
    path.write_text(text)
    os.utime(path, (1_000_000_000 + number,) * 2)


def failed(copy: Path, tests: Sequence[str], seconds: float | None) -> str | None:
    """What the tests print in a copy if they fail or take too long, otherwise None.

    Properties try the same examples each time, so that a mutant lives or dies by its change alone.
    """
    paths = [copy, *(copy / Path(package).parent for package in PACKAGES.values())]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", *tests]
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen(words, cwd=copy, env=environ, stdout=output, stderr=output, start_new_session=True)
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            return "too slow"
        finally:
            if child.poll() is None:
                os.killpg(child.pid, 9)
                child.wait()
        output.seek(0)
        return output.read() if status else None


if __name__ == "__main__":
    main()
