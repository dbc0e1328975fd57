"""The figures as one picture: bytes pulled for updates against bytes stored for the fleet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from xml.sax.saxutils import escape

from tests.bench.layering.score import Score

WIDTH, HEIGHT, MARGIN = 430, 300, 56
MOST = 3.0
"""Excess over the bound at the far end of both axes; what is beyond is drawn on the edge."""


def draw(results: Mapping[tuple[str, int, str], Score]) -> str:
    """An SVG with a panel for each mode and limit. Both axes show the excess over the bound, as its square root, so
    that what is close to the bound can be distinguished; nearer to the lower left corner is better."""
    panels = list(dict.fromkeys((mode, limit) for mode, limit, _ in results))
    columns = max(1, len({limit for _, limit in panels}))
    rows = -(-len(panels) // columns)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * WIDTH} {rows * HEIGHT}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{columns * WIDTH}" height="{rows * HEIGHT}" fill="white"/>',
    ]
    for number, (mode, limit) in enumerate(panels):
        left, top = number % columns * WIDTH, number // columns * HEIGHT
        scores = {name: score for (m, n, name), score in results.items() if (m, n) == (mode, limit)}
        parts.append(_panel(f"{mode}, {limit} layers", scores, left, top))
    return "\n".join([*parts, "</svg>", ""])


def _panel(title: str, scores: Mapping[str, Score], left: int, top: int) -> str:
    inner_width, inner_height = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN

    def x(ratio: float) -> float:
        return left + MARGIN + inner_width * _near(ratio)

    def y(ratio: float) -> float:
        return top + HEIGHT - MARGIN - inner_height * _near(ratio)

    parts = [f'<text x="{left + MARGIN}" y="{top + 24}" font-weight="bold">{escape(title)}</text>']
    for ratio in (1.0, 1.05, 1.25, 1.5, 2.0, 3.0, 4.0):
        parts.append(
            f'<path d="M{x(ratio):.1f} {y(1):.1f}V{y(4):.1f}M{x(1):.1f} {y(ratio):.1f}H{x(4):.1f}" stroke="#ddd"/>'
            f'<text x="{x(ratio):.1f}" y="{y(1) + 14:.1f}" text-anchor="middle" fill="#666">{ratio:g}</text>'
            f'<text x="{x(1) - 6:.1f}" y="{y(ratio) + 4:.1f}" text-anchor="end" fill="#666">{ratio:g}</text>'
        )
    parts.append(f'<text x="{x(1):.1f}" y="{y(1) + 30:.1f}" fill="#666">update: bytes pulled / bound</text>')
    parts.append(f'<text x="{left + 8}" y="{top + 42}" fill="#666">fleet: bytes stored / bound</text>')
    for name, score in scores.items():
        ours = name.startswith("ours")
        colour = "#b00020" if ours else "#335"
        parts.append(
            f'<circle cx="{x(score.update):.1f}" cy="{y(score.fleet):.1f}" r="{4 if ours else 3}" fill="{colour}"/>'
            f'<text x="{x(score.update) + 6:.1f}" y="{y(score.fleet) - 4:.1f}" fill="{colour}">{escape(name)}</text>'
        )
    return "\n".join(parts)


def _near(ratio: float) -> float:
    excess: float = min(max(ratio - 1.0, 0.0), MOST)
    return math.sqrt(excess / MOST)
