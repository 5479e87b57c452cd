"""A line chart as SVG: CPU-seconds of each stage against the number of photos. Light and dark."""

from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["drawn"]

COLOURS = ("#3f7cb8", "#d9a441", "#4f8a7b", "#c0603f", "#8d6fb0", "#8c8c8c", "#b05c86", "#6b8f3a")
LEFT, TOP, WIDTH, HEIGHT, RIGHT, BOTTOM = 64, 40, 480, 300, 190, 50
STYLE = (
    "<style>text{fill:#333}.grid{stroke:#8884}.all{stroke:#111}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.all{stroke:#eee}}</style>"
)


def drawn(counts: Sequence[int], costs: Sequence[Mapping[str, float]]) -> str:
    """Each stage, all of them together, and what all would be in proportion to the fewest photos."""
    totals = [sum(cost.values()) for cost in costs]
    proportional = [totals[0] * count / counts[0] for count in counts]
    highest = max(totals + proportional) * 1.05

    def x(count: float) -> float:
        return LEFT + WIDTH * count / counts[-1]

    def y(seconds: float) -> float:
        return TOP + HEIGHT * (1 - seconds / highest)

    size = f"0 0 {LEFT + WIDTH + RIGHT} {TOP + HEIGHT + BOTTOM}"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" font-size="13" role="img" '
        f'font-family="system-ui, DejaVu Sans, sans-serif" aria-label="CPU-seconds against photos">'
    )
    parts = [head, STYLE]
    for seconds in np.arange(0, highest, round_step(highest)):
        height = f"{y(seconds):.1f}"
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{height}" y2="{height}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(seconds) + 4:.1f}" text-anchor="end">{seconds:g}</text>')
    for count in counts:
        parts.append(f'<text x="{x(count):.1f}" y="{TOP + HEIGHT + 20}" text-anchor="middle">{count}</text>')
    parts.append(f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 42}" text-anchor="middle">photos</text>')
    parts.append(f'<text x="{LEFT - 46}" y="{TOP - 16}">CPU-seconds</text>')

    lines = [
        ("all stages", 'class="all" stroke-width="2.5"', totals),
        ("in proportion", 'class="all" stroke-dasharray="3 4"', proportional),
    ]
    costly = sorted(costs[-1], key=lambda name: -costs[-1][name])
    for name, colour in zip(costly, COLOURS, strict=False):
        seconds_of_stage = [cost.get(name, 0) for cost in costs]
        lines.append((name, f'stroke="{colour}" stroke-width="2"', seconds_of_stage))
    for row, (name, style, values) in enumerate(lines):
        points = " ".join(f"{x(c):.1f},{y(v):.1f}" for c, v in zip(counts, values, strict=True))
        parts.append(f'<polyline fill="none" points="{points}" {style}/>')
        across, down = LEFT + WIDTH + 16, TOP + 10 + 22 * row
        parts.append(f'<line x1="{across}" x2="{across + 22}" y1="{down}" y2="{down}" {style}/>')
        parts.append(f'<text x="{across + 28}" y="{down + 4}">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def round_step(highest: float) -> float:
    """A round distance between grid lines, for at most six of them."""
    unit = 10 ** np.floor(np.log10(highest / 6))
    return float(next(unit * k for k in (1, 2, 5, 10) if highest / (unit * k) <= 6))
