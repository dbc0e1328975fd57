"""What it costs to move a byte, and what it costs to move a layer.

      1 layer    ├───────── bytes ─────────┤
    100 layers   ├───────── bytes ─────────┤┼┼┼┼┼┼┼┼┼┼┼┼┼┼┼┼   time →

A client waits for the bytes of the layers that it lacks, and for each of these layers beside: a request, a directory,
an unpacking that ends on the disk. A small layer is mostly that. So for each layer

    (THRIFT × size + LAYER) × chance that a step changes it   updates
  + LAYER × FIRST_PULLS                                       clients that hold nothing; their bytes are the same anyway

is kept small, and a boundary that saves less than its layer costs is not drawn. What was measured and what else was
tried: docs/decisions/0010-a-layer-costs-time.md.
"""

from __future__ import annotations

from dataclasses import dataclass

LAYER_PRICE = 1_300_000
"""Bytes of NARs (500 kB compressed) that take as long as a layer does besides its bytes: 65 ms at `SPEED`. Docker 20.10
took 68 to 92 ms for each layer that it loaded or pulled, 40 to 50 of them CPU."""
SPEED = 20_000_000
"""Bytes of NARs that a client pulls and unpacks in a second: 33 MB come at 100 Mbit/s, compressed to 38 %, and 50 MB
are unpacked."""
THRIFT = 4
"""How much more a byte of an update counts than the time it takes: it is paid for as traffic and kept on disks too.
With 1 updates grow by 3.7 % where rebuilds propagate, with 4 by about 2 %."""
WORTH_A_LAYER = LAYER_PRICE // THRIFT
"""Bytes that cost an update as much as a layer does besides its bytes."""
FIRST_PULLS = 0.5
"""First pulls for each update: by new machines, and by those that keep nothing."""


@dataclass(frozen=True, slots=True)
class Prices:
    """In possibilities (of `forecast.POSSIBILITIES`), except for `layer`."""

    aloof: float
    """For a byte in a mixture."""
    fresh: float
    """For a byte of a layer that was kept until now."""
    first: float = 0.0
    """For each `layer` in the plan."""
    layer: int = 0
    """The fixed cost of a layer in bytes, added to its own bytes each time it moves."""

    def cost(self, size: int, ahead: int, *, mixed: bool, kept: bool) -> float:
        """What a layer is expected to move, in bytes times possibilities; ``ahead`` are those in which it changes."""
        extra = (self.aloof if mixed else 0.0) + (0.0 if kept else self.fresh)
        return (size + self.layer) * ahead.bit_count() + self.layer * self.first + size * extra


def prices(possibilities: int, *, aloof: float = 0.0, fresh: float = 0.0) -> Prices:
    """``aloof`` and ``fresh`` in pulls a step."""
    return Prices(aloof * possibilities, fresh * possibilities, FIRST_PULLS * possibilities, WORTH_A_LAYER)


def pull_seconds(size: float, layers: float) -> float:
    """About how long a client waits that pulls ``layers`` layers of ``size`` bytes in all, unpacking included."""
    return (size + layers * LAYER_PRICE) / SPEED
