"""Small plots as inline SVG. Colours come from the page's style; numbers only, words stand beside them."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

__all__ = ["columns", "from_above"]

WIDTH, HEIGHT = 480, 190
LEFT, RIGHT, TOP, BOTTOM = 40, 6, 16, 22

Floats = NDArray[np.float64]


def columns(
    values: Sequence[float], labels: Sequence[str], digits: int = 0, names: Sequence[str] = ()
) -> Markup:
    """Upright bars. ``labels`` stand below (as many as fit), ``names`` show when a bar is pointed at."""
    top = max([*values, 0.0]) or 1.0
    step = (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    floor, tall = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    parts = [frame(HEIGHT)]
    for share in (0.0, 0.5, 1.0):
        y = floor - tall * share
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{top * share:.{digits}f}</text>'
        )
    every = max(1, int(np.ceil(len(labels) * 34 / (WIDTH - LEFT - RIGHT))))
    for i, value in enumerate(values):
        x, tall_here = LEFT + i * step, tall * value / top
        name = f"<title>{escape(names[i])}: {value:.{digits}f}</title>" if names else ""
        parts.append(
            f'<rect class="bar" x="{x + step * 0.1:.1f}" y="{floor - tall_here:.1f}" '
            f'width="{step * 0.8:.1f}" height="{tall_here:.1f}">{name}</rect>'
        )
        if i < len(labels) and i % every == 0:
            parts.append(
                f'<text x="{x + step / 2:.1f}" y="{HEIGHT - 6}" text-anchor="middle">'
                f"{escape(labels[i])}</text>"
            )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - built from numbers and escaped names


def from_above(centres: Floats, directions: Floats, surface: Floats) -> Markup:
    """The surface and the cameras seen from above, z (towards the photographer) downwards.

    ``(V, 3)`` camera centres and viewing directions and ``(S, 3)`` points of the surface, in the frame of
    ``model.glb``.
    """
    plan, cameras = surface[:, [0, 2]], centres[:, [0, 2]]
    low, high = np.percentile(plan, [1, 99], axis=0)
    low, high = np.minimum(low, cameras.min(axis=0)), np.maximum(high, cameras.max(axis=0))
    size = float((high - low).max()) or 1.0
    low, high = low - 0.06 * size, high + 0.06 * size
    scale = WIDTH / max(float(high[0] - low[0]), 1e-9)
    tall = float(np.clip((high[1] - low[1]) * scale, 120, 520))
    scale = min(scale, tall / float(high[1] - low[1]))
    shift = np.array([(WIDTH - (high[0] - low[0]) * scale) / 2, (tall - (high[1] - low[1]) * scale) / 2])

    cell = 6.0
    place = np.floor(((plan - low) * scale + shift) / cell).astype(int)
    inside = ((place >= 0) & (place < [WIDTH / cell, tall / cell])).all(axis=1)
    cells, counts = np.unique(place[inside], axis=0, return_counts=True)
    strong = np.sqrt(counts / counts.max()) if len(counts) else counts
    parts = [frame(round(tall))]
    parts += [
        f'<rect class="ground" x="{x * cell:.0f}" y="{y * cell:.0f}" width="6" height="6" '
        f'opacity="{0.12 + 0.7 * s:.2f}"/>'
        for (x, y), s in zip(cells, strong, strict=True)
    ]
    for centre, direction in zip((cameras - low) * scale + shift, directions[:, [0, 2]], strict=True):
        length = float(np.linalg.norm(direction))
        ahead = direction / length if length > 1e-6 else np.array([0.0, -1.0])
        aside = np.array([-ahead[1], ahead[0]])
        corners = [centre, centre + 13 * ahead + 7 * aside, centre + 13 * ahead - 7 * aside]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        parts.append(f'<polygon class="camera" points="{points}"/>')
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - built from numbers


def frame(height: int) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="PLOT">'
