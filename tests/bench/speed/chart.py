"""The medians as one picture: how much longer each way takes than hashing the bytes once."""

from __future__ import annotations

from collections.abc import Mapping
from math import log10
from xml.sax.saxutils import escape

from tests.bench.speed.cases import PEERS

WIDTH, LINE, LEFT, RIGHT, TOP = 860, 20, 190, 70, 46
LOWEST = 0.01
"""What takes less than this part of H is drawn as long as this."""


def draw(medians: Mapping[str, float], size: int) -> str:
    """An SVG with a bar for each case, ours and the peers' in two colours, on a logarithmic scale of multiples of H."""
    limit = medians["limit"]
    ratios = {name: wall / limit for name, wall in medians.items() if name != "limit"}
    most = max([10.0, *ratios.values()])
    height = TOP + LINE * len(ratios) + 30

    def x(ratio: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (log10(max(ratio, LOWEST)) - log10(LOWEST)) / (
            log10(most) - log10(LOWEST)
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="12" y="20" font-weight="bold">{size / 1e9:.2f} GB: time as a multiple of hashing them (H)</text>',
    ]
    ticks = [ratio for ratio in (0.01, 0.1, 1, 10, 100, 1000) if ratio <= most]
    for ratio in ticks:
        parts.append(
            f'<path d="M{x(ratio):.1f} {TOP - 8}V{height - 26}" stroke="{"#888" if ratio == 1 else "#ddd"}"/>'
            f'<text x="{x(ratio):.1f}" y="{height - 10}" text-anchor="middle" fill="#666">{ratio:g} H</text>'
        )
    for number, (name, ratio) in enumerate(ratios.items()):
        y = TOP + LINE * number
        colour = "#99a" if name in PEERS else "#b00020"
        parts.append(
            f'<text x="{LEFT - 8}" y="{y + 11}" text-anchor="end">{escape(name.replace("_", " "))}</text>'
            f'<rect x="{LEFT}" y="{y}" width="{max(1.0, x(ratio) - LEFT):.1f}" height="14" fill="{colour}"/>'
            f'<text x="{max(x(ratio), LEFT) + 6:.1f}" y="{y + 11}" fill="#333">{ratio:.3g}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])
