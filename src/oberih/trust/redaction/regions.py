"""What is to be hidden in a picture, and what a custodian says about it.

A detector cannot tell a person from a statue: the face of a statue is found as surely as one of flesh. So
everything that is found is hidden until a custodian clears it (`Corrections.cleared`); what was missed is
added (`Corrections.added`). Corrections are fractions of the picture's sides: they hold for the photo, its
thumbnail and every size between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Box", "Corrections", "Kind", "Region"]

Kind = Literal["face", "plate", "by hand"]
SAME = 0.3  # intersection over union from which a found region is the one that was cleared


@dataclass(frozen=True)
class Region:
    """An upright rectangle of a picture, in pixels, with what was found in it and how surely (0..1)."""

    kind: Kind
    left: float
    top: float
    width: float
    height: float
    score: float = 1.0

    @property
    def centre(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height / 2

    def scaled(self, across: float, down: float) -> "Region":
        """The same region in a picture whose sides are so many times as long."""
        return Region(
            self.kind,
            self.left * across,
            self.top * down,
            self.width * across,
            self.height * down,
            self.score,
        )


class Box(BaseModel):
    """A rectangle in fractions (0..1) of a picture's width and height, from its upper left corner."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    left: float = Field(ge=0, le=1)
    top: float = Field(ge=0, le=1)
    width: float = Field(gt=0, le=1)
    height: float = Field(gt=0, le=1)

    def region(self, shape: Sequence[int]) -> Region:
        """What it covers of a picture of ``shape`` (rows, columns, ...)."""
        down, across = shape[:2]
        return Region("by hand", self.left * across, self.top * down, self.width * across, self.height * down)

    @classmethod
    def of(cls, region: Region, shape: Sequence[int]) -> "Box":
        """Where a region lies in a picture of ``shape``, as far as it is inside."""
        down, across = shape[:2]
        left, top = min(max(region.left, 0.0), across), min(max(region.top, 0.0), down)
        right = min(max(region.left + region.width, left + 1e-3), across)
        bottom = min(max(region.top + region.height, top + 1e-3), down)
        return cls(
            left=left / across, top=top / down, width=(right - left) / across, height=(bottom - top) / down
        )


class Corrections(BaseModel):
    """What a custodian changed of what was found in one picture. Kept and passed on as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    added: tuple[Box, ...] = Field(default=(), max_length=1000)
    cleared: tuple[Box, ...] = Field(default=(), max_length=1000)

    def applied(self, found: Sequence[Region], shape: Sequence[int]) -> tuple[Region, ...]:
        """What is to be hidden in a picture of ``shape``: what was found and not cleared, and what was added.

        What is cleared is where it was found, and of about its size: another face beside it stays hidden.
        """
        cleared = [box.region(shape) for box in self.cleared]
        left = [one for one in found if all(overlap(one, other) < SAME for other in cleared)]
        return (*left, *(box.region(shape) for box in self.added))


def overlap(one: Region, other: Region) -> float:
    """Intersection over union."""
    across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    shared = max(0.0, across) * max(0.0, down)
    whole = one.width * one.height + other.width * other.height - shared
    return shared / whole if whole > 0 else 0.0
