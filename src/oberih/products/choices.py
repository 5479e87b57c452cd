"""What a custodian chooses for the public files of one model."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from oberih.errors import InputError
from oberih.formats.registry import format_named
from oberih.i18n import say

__all__ = ["POINT_DOWNLOADS", "SURFACE_DOWNLOADS", "Box", "Choices"]

SURFACE_DOWNLOADS = ("glb", "obj", "ply", "stl", "usdz")
POINT_DOWNLOADS = ("ply", "laz", "e57")
Coordinate = Annotated[float, Field(ge=-1e6, le=1e6)]
Side = Annotated[float, Field(gt=0, le=1e6)]


class Box(BaseModel):
    """An upright box in the frame of the model that is made public."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    centre: tuple[Coordinate, Coordinate, Coordinate]
    size: tuple[Side, Side, Side] = Field(description="along its own x, y (upwards) and z")
    turn_deg: float = Field(0.0, ge=-360, le=360, description="about the vertical, from z towards x")


class Choices(BaseModel):
    """What becomes public, and how large."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    crop: Box | None = Field(None, description="what lies outside is cut away")
    smallest_piece: float = Field(
        0.002, ge=0, le=1, description="separate pieces below this share of the largest one's area go"
    )
    triangles: int = Field(1_000_000, ge=100, le=20_000_000, description="of the finest level, at most")
    points: int = Field(3_000_000, ge=100, le=50_000_000, description="of a cloud, at most")
    texture_px: int = Field(8192, ge=64, le=16_384, description="texels a side, at most")
    downloads: tuple[str, ...] | None = Field(
        None, max_length=30, description="names of formats; null: the usual ones"
    )
    turntable: int = Field(24, ge=0, le=72, description="pictures of the turntable")

    @field_validator("downloads")
    @classmethod
    def known(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """Formats that can be written and hold no cameras."""
        for name in names or ():
            form = format_named(name)
            if not form.writes or "cameras" in form.keeps or not form.extension:
                raise InputError(
                    say("{name} is no format for the public.", name=form.title),
                    "Choose among the 3D formats that are one file: oberih formats",
                )
        return None if names is None else tuple(dict.fromkeys(name.lower() for name in names))
