"""The report's data: what ``report.json`` holds, typed and versioned.

Rule: measured or unknown. A `Figure` is a number with its unit and the way it was measured, or
``value: null`` when it could not be measured. Lengths are in the unit that ``scale.unit`` names.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WrapValidator

from oberih.i18n import Said

__all__ = [
    "Comparison",
    "Coverage",
    "Fidelity",
    "Figure",
    "Holes",
    "MeasuredError",
    "Model",
    "PhotoReport",
    "PosesReport",
    "Report",
    "Scale",
    "SkippedFile",
    "StageReport",
    "SurfaceReport",
    "Up",
    "figure",
    "scaled",
]


# A string that a person reads: kept as it was said, so that the page can say it in other languages.
Text = Annotated[str, WrapValidator(lambda value, check: value if isinstance(value, Said) else check(value))]


class Model(BaseModel):
    """A frozen part of a report; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(Model):
    """A measured number."""

    value: float | None = Field(description="null: unknown")
    unit: str = Field(default="", description="empty for a plain number or a share of 1")
    method: Text = Field(description="how it was measured, or why it could not be")


class PhotoReport(Model):
    """One photo that was given."""

    name: str = Field(description="as in sparse/")
    sha256: str = Field(description="empty if the file cannot be read")
    width: int | None = Field(description="pixels, as stored in the file; null: unknown")
    height: int | None
    camera: str = Field(default="", description="maker and model, from EXIF")
    orientation: int = Field(default=1, description="EXIF orientation, 1 to 8")
    used: bool
    reason: Text = Field(default="", description="why it was not used")
    advice: Text = Field(default="", description="what could be better about it")
    copy_of: str = Field(default="", description="the photo of which it is a copy and not missed")
    blur_px: float | None = Field(default=None, description="width of the blur in a version of one megapixel")
    clipped: float | None = Field(default=None, description="share of pixels that are black or white")
    observations: int | None = Field(default=None, description="sparse points that it sees")
    rms_px: float | None = Field(default=None, description="reprojection error, original pixels")
    covered: float | None = Field(default=None, description="share of its pixels that show the surface")
    psnr_db: float | None = Field(
        default=None, description="the model seen from this camera against the photo"
    )
    ssim: float | None = None


class SkippedFile(Model):
    """A file that was found and is not a photo that can be used."""

    name: str
    reason: Text
    photo: bool = Field(default=False, description="a photo, but damaged or unreadable; among the photos too")


class PosesReport(Model):
    """How well the cameras were found."""

    reprojection_rms: Figure
    points: int
    observations: int
    track_length: Figure = Field(description="mean number of photos that see a point")
    angle: Figure = Field(description="median over points of the widest angle between two rays")
    track_lengths: dict[int, int] = Field(description="number of points by number of photos that see them")
    other_parts: tuple[tuple[str, ...], ...] = Field(
        default=(), description="photos that belong together but could not be tied to the largest part"
    )


class Coverage(Model):
    """How much of the surface the photos see, and of the photos the surface fills."""

    seen_by_2: Figure
    seen_by_3: Figure
    photos_filled: Figure


class Holes(Model):
    count: int
    area: Figure
    share: Figure = Field(description="of the area of the surface with its holes closed")
    perimeter: Figure
    rim: Figure = Field(description="length of the outer edges, where the surface ends")


class SurfaceReport(Model):
    """What was measured on the surface."""

    vertices: int
    triangles: int = Field(description="of mesh.ply")
    model_triangles: int | None = Field(description="of model.glb, which is simplified to be drawn easily")
    points: int = Field(description="of points.ply")
    area: Figure
    size: tuple[float, float, float] = Field(description="width, height and depth of model.glb")
    ground_sample_distance: Figure
    working_sample_distance: Figure
    texel: Figure = Field(description="size of a texel of the texture on the surface")
    coverage: Coverage
    holes: Holes
    confidence: Figure = Field(description="median over the vertices, 0 to 1")
    confidence_histogram: tuple[int, ...] = Field(description="vertices in ten equal steps from 0 to 1")


class MeasuredError(Model):
    """How far a place on the model may be from where it is, 95 % of the time."""

    surface: Figure
    network: Figure
    scale: Figure
    total: Figure
    drawing_scale: Figure = Field(description="N of the largest drawing scale 1:N that the total supports")


class Scale(Model):
    known: bool
    unit: Literal["m", "unit"] = Field(description="unit of every length here, and of model.glb")
    factor: float = Field(default=1.0, description="from the frame of sparse/ to metres")
    distance_m: float | None = None
    distance_error_m: float | None = Field(
        default=None, description="95 %, as given; null: not given, taken as none"
    )
    residual_px: float | None = Field(default=None, description="of the marked points, RMS")
    relative_error: float | None = Field(default=None, description="95 %")
    method: Text


class Up(Model):
    direction: tuple[float, float, float] = Field(description="unit vector in the frame of sparse/")
    method: Text
    spread_deg: float | None = Field(description="median angle of the evidence from it")
    known: bool


class Comparison(Model):
    photo: str
    psnr_db: float
    ssim: float


class Fidelity(Model):
    """The model seen from the photos' cameras, compared to the photos."""

    method: Text
    psnr: Figure
    ssim: Figure
    left_out_psnr: Figure
    left_out_ssim: Figure
    left_out: tuple[Comparison, ...] = ()


class StageReport(Model):
    name: str
    wall_s: float
    cpu_s: float
    peak_bytes: int
    reused: bool


class Report(Model):
    """The whole report."""

    schema_version: Literal["1"] = "1"
    made_by: str
    made_at: str = Field(description="UTC, ISO 8601")
    preset: str
    complete: bool = Field(description="all photos that were given, but for copies, are in the model")
    remarks: tuple[Text, ...] = ()
    photos: tuple[PhotoReport, ...]
    skipped_files: tuple[SkippedFile, ...]
    poses: PosesReport
    surface: SurfaceReport
    error: MeasuredError
    scale: Scale
    up: Up
    model_from_sparse: tuple[tuple[float, ...], ...] = Field(
        description="4x4, row by row: from the frame of sparse/, mesh.ply and points.ply to model.glb"
    )
    fidelity: Fidelity | None
    stages: tuple[StageReport, ...]
    settings: dict[str, object]
    software: dict[str, str]


def figure(value: float | None, unit: str, method: str) -> Figure:
    return Figure(value=value, unit=unit, method=method)


def scaled(value: float | None, factor: float) -> float | None:
    """``value`` times ``factor``; unknown stays unknown."""
    return None if value is None else value * factor
