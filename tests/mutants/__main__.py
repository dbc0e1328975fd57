"""Changes the code in small ways and looks whether a test notices it.

    python -m tests.mutants [--sample N] [--seed N] [--jobs N] [--json FILE] [--again FILE] [ROOM|MODULE.py ...]

A sample of all mutants of the rooms, the same for the same seed. The fast tests of these rooms run once to see which
lines each of them runs (build/mutants keeps that until code or tests change); then every mutant is tried with the tests
that run its line: those of its own room first, then those of the other rooms, the shortest first. They run in a fork of
a pytest that has collected them, which takes well under a second; or in a new one if the change is in what a module
does while it is imported. A mutant that survives is printed: a preference, a guard or an order that no test is about.
Mutants that no test can notice are listed in equivalent.py and count as neither. Nothing here is changed: every mutant
is put into a copy of the project.

Own code, because mutmut and cosmic-ray run whole suites over whole packages, and choose their samples by time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.copies import PACKAGES, Copy
from tests.mutants.equivalent import is_equivalent
from tests.mutants.mutations import Mutant, mutants_of
from tests.mutants.pytest_plugin import TRACED
from tests.mutants.traces import Traces

ROOT = Path(__file__).parents[2]
ROOMS = (
    *(
        f"sysimage/{room}"
        for room in (
            *("api", "bases", "blobs", "closure", "compare", "conversion", "destinations", "files", "from_store"),
            *("image", "jars", "language_packages", "layerplan", "layers", "npm_packages", "pipeline", "preflight"),
            *("report", "rootfs", "rules", "spec", "store", "streams", "trees", "verify", "wheels"),
        )
    ),
    *(f"bootstrap/sysimage_bootstrap/{room}" for room in ("packages", "planning", "scripts", "system", "units")),
)
"""Directories: what is tried if no other is named."""
ALSO = {
    "tests/verify": ("tests/hostile", "tests/pipeline/test_package_rows.py", "tests/store/test_derivations.py"),
    "tests/bases": ("tests/hostile",),
}
"""Other rooms of tests that are about the code of a room."""
_TIMES, _MORE = 5, 30
"""A run that takes so many times as long as without a mutant, and so many seconds more, is one that noticed."""
LIMIT = 40.0
"""Seconds that the tests of the room, and those of others, take for one mutant without it."""


@dataclass(frozen=True, slots=True)
class Case:
    """One mutant of a module."""

    room: str
    module: Path
    """Relative to the project."""
    original: str
    mutant: Mutant


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which tests noticed a mutant: those of its room, those of another one, or none."""

    case: Case
    by_room: bool
    by_others: bool

    @property
    def killed(self) -> bool:
        return self.by_room or self.by_others


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument(
        "places", nargs="*", default=ROOMS, metavar="ROOM", help="directories or modules of the project"
    )
    parser.add_argument("--project", type=Path, default=ROOT, help="another checkout to look at")
    parser.add_argument("--sample", type=int, default=12, help="mutants of each room")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--limit", type=float, default=LIMIT, help="seconds of tests for each mutant, its room's and others'"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write every result to this file")
    parser.add_argument("--again", type=Path, help="of such a file, try only those that survived")
    given = parser.parse_args()
    if absent := [place for place in given.places if not (given.project / place).exists()]:
        parser.error(f"there is no {' and no '.join(absent)} in {given.project}")
    cases = [case for place in given.places for case in sampled(given.project, Path(place), given.sample, given.seed)]
    if given.again:
        rows = json.loads(given.again.read_text())
        alive = {(row["module"], row["mutant"]) for row in rows if not row["killed"]}
        cases = [case for case in cases if (str(case.module), str(case.mutant)) in alive]
    if not cases:
        parser.error("no mutants there")
    print(f"{len(cases)} mutants of {len(given.places)} rooms, seed {given.seed}", flush=True)
    found: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in judged(given.project, cases, given.jobs, given.limit):
        found[verdict.case.room].append(verdict)
        if not verdict.killed:
            print(f"SURVIVED {verdict.case.module} {verdict.case.mutant}", flush=True)
        if given.json:
            given.json.write_text(json.dumps([row(each) for verdicts in found.values() for each in verdicts], indent=1))
    report(found)


def row(verdict: Verdict) -> dict[str, object]:
    """A verdict for the file of results."""
    return {
        "room": verdict.case.room,
        "module": str(verdict.case.module),
        "mutant": str(verdict.case.mutant),
        "by_room": verdict.by_room,
        "killed": verdict.killed,
    }


def report(found: dict[str, list[Verdict]]) -> None:
    """Print how many were noticed, by room and in all."""
    print(f"{'room':36} {'mutants':>8} {'by its tests':>13} {'by all':>7}")
    everything = [each for verdicts in found.values() for each in verdicts]
    for room, verdicts in (*sorted(found.items()), ("all", everything)):
        own = sum(each.by_room for each in verdicts) / len(verdicts)
        every = sum(each.killed for each in verdicts) / len(verdicts)
        print(f"{room:36} {len(verdicts):8} {own:13.0%} {every:7.0%}")


def sampled(project: Path, place: Path, size: int, seed: int) -> list[Case]:
    """``size`` of the mutants of a room or module, or all if there are fewer; each line counts once at most."""
    top = project / place
    room = place if top.is_dir() else place.parent
    mutants = []
    for path in sorted(top.rglob("*.py")) if top.is_dir() else [top]:
        by_line: dict[int, list[Mutant]] = defaultdict(list)
        text = path.read_text()
        for mutant in mutants_of(text):
            if not is_equivalent(str(path.relative_to(project)), mutant):
                by_line[mutant.line].append(mutant)
        mutants += [(path.relative_to(project), text, alike) for alike in by_line.values()]
    chooser = random.Random(f"{seed} {place}")
    chosen = chooser.sample(mutants, min(size, len(mutants)))
    return [Case(str(room), path, text, chooser.choice(alike)) for path, text, alike in chosen]


def mirrored(project: Path, module: Path) -> str | None:
    """The tests of a module's room, relative to the project: a directory, a module if they are few, or none."""
    for name, package in PACKAGES.items():
        if module.is_relative_to(package):
            module = Path(name) / module.relative_to(package)
    within = Path(*module.parts[1:]) if module.parts[0] == "sysimage" else module
    own = Path("tests", within.parent, f"test_{within.name}")
    places = (place for place in (*own.parents, own) if len(place.parts) > 1)
    return next((str(place) for place in places if (project / place).exists()), None)


def judged(project: Path, cases: Sequence[Case], jobs: int, limit: float = LIMIT) -> Iterator[Verdict]:
    """Every case with the tests that noticed it, in the order of the cases."""
    own = {room for case in cases if (room := mirrored(project, case.module))}
    rooms = sorted(own.union(*(ALSO.get(room, ()) for room in own)))
    traces = Traces()
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch, ExitStack() as closing:
        copies: SimpleQueue[Copy] = SimpleQueue()
        for number in range(jobs):
            copies.put(closing.enter_context(Copy.of(project, Path(scratch) / str(number), rooms)))

        def trace(room: str) -> list[Path]:
            copy = copies.get()
            try:
                return traced(copy, room, project / "build" / "mutants")
            finally:
                copies.put(copy)

        def judge(case: Case) -> Verdict:
            copy = copies.get()
            try:
                return verdict(copy, case, traces, limit)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(jobs) as pool:
            for documents in pool.map(trace, rooms):
                for document in documents:
                    traces.add(document)
            for test in sorted(traces.failed):
                print(f"left out, fails without any mutant: {test}", flush=True)
            yield from pool.map(judge, cases)


def verdict(copy: Copy, case: Case, traces: Traces, limit: float) -> Verdict:
    """Try a mutant with the tests that run its line: those of its room, then the others."""
    tests = traces.tests_of(str(case.module), range(case.mutant.line, case.mutant.last_line + 1))
    room = mirrored(copy.path, case.module)
    own = {test for test in tests if room is not None and test.startswith((f"{room}/", f"{room}::"))}

    def is_noticed(names: Iterable[str]) -> bool:
        chosen = traces.shortest(names, limit)
        seconds = sum(traces.seconds[name] for name in chosen) * _TIMES + _MORE
        return bool(chosen) and copy.notices(case.module, case.original, case.mutant.text, chosen, seconds)

    if is_noticed(own):
        return Verdict(case, by_room=True, by_others=False)
    return Verdict(case, by_room=False, by_others=is_noticed(tests - own))


def traced(copy: Copy, room: str, kept: Path) -> list[Path]:
    """Which tests of a room run which lines, as documents; kept until code or the room's tests change."""
    found = kept / f"{room.replace('/', '-')}-{digest_of(copy.path, room)}"
    if not found.is_dir():
        partial = Path(tempfile.mkdtemp(dir=copy.path))
        output = copy.run(["-m", "not programs", "--trace-to", str(partial), room], None)
        if not any(partial.iterdir()):
            sys.exit(f"{output}\nno test of {room} runs")
        kept.mkdir(parents=True, exist_ok=True)
        shutil.move(partial, found)
    return sorted(found.iterdir())


def digest_of(project: Path, room: str) -> str:
    """Of all code and the room's tests."""
    digest = hashlib.sha256()
    for folder in (*TRACED, "tests/support", room):
        for path in sorted((project / folder).rglob("*.py")) if (project / folder).is_dir() else [project / folder]:
            digest.update(f"{path.relative_to(project)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    main()
