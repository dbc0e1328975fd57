"""Runs one case in a process of its own and prints what it took as a line of JSON."""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from multiprocessing import get_context
from pathlib import Path

from tests.bench.speed.cases import CASES, COLD, PREPARE
from tests.bench.speed.job import Job, clean, warm
from tests.bench.speed.tree import entries_of, items_of


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=sorted(CASES))
    parser.add_argument("tree", type=Path)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--nixpkgs-script", type=Path)
    given = parser.parse_args()
    clean(given.scratch)
    job = Job(items_of(given.tree, given.small), given.scratch, given.workers, given.nixpkgs_script)
    size = job.bytes
    if prepare := PREPARE.get(given.case):
        prepare(job)
    if given.case not in COLD:
        other = get_context("fork").Process(target=warm, args=(job,))  # what that leaves in a process is not the case's
        other.start()
        other.join()
        if other.exitcode:
            raise SystemExit("the tree cannot be read")
    os.sync()  # what was prepared, and what the case before left, is written
    before = _cpu()
    start = time.perf_counter()
    CASES[given.case](job)
    wall = time.perf_counter() - start
    print(
        json.dumps(
            {
                "wall": wall,
                "cpu": _cpu() - before,
                "bytes": size,
                "layers": len(job.sources),
                "entries": entries_of(job.items),
                "output": sum(path.stat().st_size for path in given.scratch.rglob("*") if path.is_file()),
            }
        )
    )
    clean(given.scratch)


def _cpu() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    main()
