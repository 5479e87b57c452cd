"""The true size of a model. Photos alone do not tell it: a custodian gives one length of the thing.

It is measured twice: on the model, and on the thing, with a tape or by a scale bar in the photos. What would
be public is then made in metres, and its figures are.
"""

from collections.abc import Mapping
from math import hypot, sqrt
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from oberih.catalogue.tables import Model, Review
from oberih.reconstruct.precision import drawing_scale
from oberih.reconstruct.scale import LONGEST_M, SHORTEST_M

__all__ = ["KnownLength", "known_length", "scaled_figures"]

SHORTEST, LONGEST = 0.02, 1.8  # of the largest side: less says little, more is no part of the model
TYPED = 0.002  # how far off a share may be that nobody clicked: a pixel at each end of a picture of the model
SMALLEST_M, LARGEST_M = 1e-3, 1e5  # between them lies all that people record


class KnownLength(BaseModel):
    """A length on the model, and what it truly is. Errors are such that 95 % are smaller."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    share: float = Field(ge=SHORTEST, le=LONGEST, description="on the model: 1 is its largest side")
    share_error: float = Field(TYPED, ge=0, le=1, description="how exactly anybody could click its ends")
    metres: float = Field(ge=SHORTEST_M, le=LONGEST_M, description="of the thing")
    error_m: float | None = Field(None, ge=0, description="None: it is taken as exact")
    what: str = Field("", max_length=200, description="what was measured: the width of the door")

    @model_validator(mode="after")
    def possible(self) -> Self:
        if self.error_m is not None and self.error_m >= self.metres:
            raise ValueError("the error is as long as the length")
        if not SMALLEST_M <= self.largest_m <= LARGEST_M:
            raise ValueError("nothing that people record is so small, or so large")
        return self

    @property
    def largest_m(self) -> float:
        """The true length of the model's largest side."""
        return self.metres / self.share


def known_length(review: Review) -> KnownLength | None:
    """The length that a custodian gave."""
    return KnownLength.model_validate(review.known_length) if review.known_length else None


def scaled_figures(model: Model, review: Review) -> Mapping[str, Any]:
    """What was measured of a review's model: in metres, too, if its files were made with a known length.

    The error (95 %) then holds that of the scale over the whole size of the thing, as in
    `oberih.reconstruct.precision`: the model can be off at both ends of the length, and so can be who clicked
    there, and the tape.
    """
    figures, known, factor = model.figures, known_length(review), review.metres_per_unit
    if known is None or factor is None or figures.get("unit") == "m":
        return figures
    told: dict[str, Any] = {**figures, "unit": "m", "scale": "one length"}
    told.pop("drawing_scale", None)
    size, error = figures.get("size"), figures.get("error")
    if "texel" in figures:
        told["texel"] = figures["texel"] * factor
    if size is not None:
        told["size"] = [side * factor for side in size]
    if size is None or error is None:
        told.pop("error", None)
        return told
    clicked = known.share_error * known.largest_m
    relative = hypot(sqrt(2) * error * factor, clicked, known.error_m or 0.0) / known.metres
    told["error"] = hypot(error * factor, relative * hypot(*told["size"]))
    told |= {"place_error": error * factor, "scale_error": relative}
    if (scale := drawing_scale(told["error"])) is not None:
        told["drawing_scale"] = scale
    return told
