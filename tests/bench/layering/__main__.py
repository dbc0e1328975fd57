"""Measures how many bytes move, with our layers and with those of other rules.

    python -m tests.bench.layering [--limits 100,40,20] [--start 2023-01-01] [--steps 27] [--systems a,b] [--chart FILE]
                                   [--rules ours,guix-size] [--quick]

The rules of others get the source packages and the upload dates from the data up to the day; ours sees closures.
"""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

from tests.bench.layering.chart import draw
from tests.bench.layering.contestants import contestants
from tests.bench.layering.replay import TURNOVER, Replay
from tests.bench.layering.score import Course, Score


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.layering", description=__doc__.splitlines()[0])
    parser.add_argument("--limits", default="100,40,20")
    parser.add_argument("--start", type=datetime.date.fromisoformat, default=datetime.date(2023, 1, 1))
    parser.add_argument("--steps", type=int, default=27, help="images, a fortnight apart")
    parser.add_argument("--systems", default="", help="all by default")
    parser.add_argument("--rules", default="", help="beginnings of names; all by default")
    parser.add_argument("--modes", default="isolated,propagating", help="whether rebuilds propagate")
    parser.add_argument("--chart", type=Path, help="write the figures as an SVG")
    parser.add_argument("--quick", action="store_true", help="four systems, six images")
    args = parser.parse_args()
    systems = [system for system in args.systems.split(",") if system]
    results: dict[tuple[str, int, str], Score] = {}
    for mode in args.modes.split(","):
        replay = Replay(propagates=mode == "propagating", turnover=TURNOVER + (args.start - datetime.date(2023, 1, 1)))
        if args.quick:
            systems = systems or sorted(replay.systems)[:4]
        steps = 6 if args.quick else args.steps
        course = Course(propagates=replay.propagates, start=args.start, steps=steps, systems=systems, replay=replay)
        rules = contestants(course)
        wanted = [word for word in args.rules.split(",") if word]
        for limit in (int(word) for word in args.limits.split(",")):
            print(f"\n{mode}, at most {limit} layers")
            print(
                f"{'':24}{'update':>8}{'chain':>8}{'fleet':>8}{'together':>10}{'stacked':>9}{'wait':>8}{'layers':>8}"
                f"{'moving':>8}{'slowest':>9}"
            )
            for name, rule in rules.items():
                if wanted and not any(name.startswith(word) for word in wanted):
                    continue
                score = course.run(rule, limit, fleet=name == "ours, both")
                results[mode, limit, name] = score
                together = f"{score.together:10.3f}" if score.together else " " * 10
                stacked = f"{score.stacked:9.3f}" if score.stacked else " " * 9
                print(
                    f"{name:24}{score.update:8.3f}{score.chain:8.3f}{score.fleet:8.3f}{together}{stacked}"
                    f"{score.wait:8.4f}{score.layers:8.1f}{score.moving:8.1f}{score.slowest:9.2f}",
                    flush=True,
                )
    if args.chart:
        args.chart.write_text(draw(results))


if __name__ == "__main__":
    main()
