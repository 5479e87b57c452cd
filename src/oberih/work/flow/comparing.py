"""Does a new model of a subject measure better than the one before?

The more recordings, the better the model, but not always: blurred or unlike photos can spoil one. What is
compared are measured figures that mean the same for both: how well the model shows photos that were kept out
of its texture, how much of the surface is missing, how fine its texture is, on how many photos it rests. A
new one is better if it loses in none of them by more than they vary from run to run, and wins in one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oberih.i18n import say

__all__ = ["Compared", "compared", "figures_of"]


@dataclass(frozen=True)
class Measure:
    name: str  # in the figures
    more_is_better: bool
    varies: float  # from run to run; a share of the value if ``relative``
    relative: bool = False


MEASURES = (
    Measure("left_out_psnr_db", more_is_better=True, varies=0.5),
    Measure("hole_share", more_is_better=False, varies=0.02),
    Measure("texel_per_size", more_is_better=False, varies=0.1, relative=True),
    Measure("photos_used", more_is_better=True, varies=0.0),
)


@dataclass(frozen=True)
class Compared:
    """Whether the new one is better."""

    better: bool

    @property
    def reason(self) -> str:
        if self.better:
            return say("It measures better than the model before it.")
        return say("It does not measure better than the model before it, which stays.")


def compared(new: Mapping[str, Any], old: Mapping[str, Any]) -> Compared:
    """Of `figures_of` two models of the same subject. What one of them does not know decides nothing."""
    better = False
    for measure in MEASURES:
        ours, theirs = new.get(measure.name), old.get(measure.name)
        if ours is None or theirs is None:
            continue
        gain = (ours - theirs) * (1 if measure.more_is_better else -1)
        room = measure.varies * (abs(theirs) if measure.relative else 1)
        if gain < -room:
            return Compared(better=False)
        better |= gain > room
    return Compared(better)


def figures_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """What ``report.json`` measured, flat; what is unknown is not there. Lengths are in its unit."""

    def part(*names: str) -> Any:
        value: Any = report
        for name in names:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    size = part("surface", "size")
    texel = part("surface", "texel", "value")
    photos = part("photos") or []
    found = {
        "unit": part("scale", "unit"),
        "size": size,
        "triangles": part("surface", "model_triangles") or part("surface", "triangles"),
        "points": part("surface", "points"),
        "photos_used": sum(bool(photo.get("used")) for photo in photos),
        "photos": len(photos),
        "texel": texel,
        "texel_per_size": texel / max(size) if texel and size and max(size) > 0 else None,
        "error": part("error", "total", "value"),
        "drawing_scale": part("error", "drawing_scale", "value"),
        "reprojection_rms_px": part("poses", "reprojection_rms", "value"),
        "hole_share": part("surface", "holes", "share", "value"),
        "photos_filled": part("surface", "coverage", "photos_filled", "value"),
        "left_out_psnr_db": part("fidelity", "left_out_psnr", "value"),
        "psnr_db": part("fidelity", "psnr", "value"),
    }
    return {name: value for name, value in found.items() if value is not None}
