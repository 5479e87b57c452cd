"""The report of a model that came from elsewhere: what it has, what it lacks, what was measured on it."""

import numpy as np
from markupsafe import Markup
from pydantic import Field

from oberih import __version__
from oberih.formats import Model as Given
from oberih.geometry import Mesh, PointCloud
from oberih.i18n import say
from oberih.reconstruct import paradata
from oberih.reconstruct.figures import Figure, Holes, Model, Scale, Text, figure
from oberih.reconstruct.measure import area, find_holes, texel_size
from oberih.reconstruct.page import DIGITS, PREVIEW_PX, Image, Page, inline

__all__ = ["ImportReport", "Source", "import_html", "import_report"]

UNKNOWN = "unknown: nothing tells how the model was made, nor from what"
FROM_FILE = "as the file says; it was not measured again"
NO_UNIT = "unknown: the file does not say in which unit its numbers are"
MOVED = "The coordinates lay far from zero and were moved there; the original keeps them."
NO_AREA = "Its surface has no area."
AS_GIVEN = "as the person said who imported it"


class Source(Model):
    """The file that was imported, as it came."""

    name: str
    format: str
    bytes: int
    sha256: str
    files: tuple[str, ...] = Field(description="under originals/, this one first")


class ImportedError(Model):
    total: Figure
    drawing_scale: Figure


class ImportedSurface(Model):
    """What was measured on the model."""

    parts: int
    vertices: int
    triangles: int
    model_triangles: int | None = Field(description="of model.glb")
    points: int
    area: Figure
    size: tuple[float, float, float] = Field(description="width, height and depth of model.glb")
    texel: Figure
    textures: tuple[tuple[int, int], ...] = Field(description="width and height in pixels")
    holes: Holes | None = Field(description="null: there is no surface")


class ImportReport(Model):
    """The whole report."""

    schema_version: str = "1"
    kind: str = "import"
    made_by: str
    made_at: str = Field(description="UTC, ISO 8601")
    source: Source
    has: tuple[Text, ...]
    lacks: tuple[Text, ...]
    remarks: tuple[Text, ...] = Field(description="what the file holds and Oberih did not take")
    surface: ImportedSurface
    error: ImportedError
    scale: Scale
    software: dict[str, str]


def import_report(given: Given, source: Source, *, unit_given: bool = False) -> ImportReport:
    """Measure a model that came from elsewhere."""
    unit = "m" if given.scale_known else "unit"
    how = AS_GIVEN if unit_given else FROM_FILE if given.scale_known else NO_UNIT
    points = len(given.points) if given.points is not None else 0
    whole = bare(given.parts)
    texels = [size for part in given.parts if (size := texel_size(part)) is not None]
    low, high = given.bounds()
    width, height, depth = (float(value) for value in high - low)
    surface = ImportedSurface(
        parts=len(given.parts),
        vertices=sum(len(part.vertices) for part in given.parts),
        triangles=given.triangles,
        model_triangles=given.triangles or None,
        points=points,
        area=figure(area(whole) if given.parts else None, f"{unit}²", "sum over the triangles"),
        size=(width, height, depth),
        texel=figure(float(np.median(texels)) if texels else None, unit, "median side of a texel"),
        textures=tuple(
            (p.texture.shape[1], p.texture.shape[0]) for p in given.parts if p.texture is not None
        ),
        holes=find_holes(welded(whole), 1.0, unit) if given.parts else None,
    )
    return ImportReport(
        made_by=f"Oberih {__version__}",
        made_at=paradata.now(),
        source=source,
        has=tuple(has(given, surface)),
        lacks=tuple(lacks(given)),
        remarks=(
            *given.notes,
            *([MOVED] if given.origin.any() else []),
            *([NO_AREA] if given.parts and not surface.area.value else []),
        ),
        surface=surface,
        error=ImportedError(total=figure(None, unit, UNKNOWN), drawing_scale=figure(None, "1:N", UNKNOWN)),
        scale=Scale(known=given.scale_known, unit="m" if given.scale_known else "unit", method=how),
        software=paradata.software(),
    )


def has(given: Given, surface: ImportedSurface) -> list[str]:
    found: list[str] = []
    if surface.triangles:
        found.append(say("{count:,d} triangle", "{count:,d} triangles", count=surface.triangles))
    if surface.points:
        found.append(say("{count:,d} point", "{count:,d} points", count=surface.points))
    for width, height in surface.textures:
        found.append(say("a texture of {width} × {height} pixels", width=width, height=height))
    clouds: list[Mesh | PointCloud] = [*given.parts]
    if given.points is not None:
        clouds.append(given.points)
    if any(one.colours is not None for one in clouds):
        found.append("colours of vertices or points")
    if any(one.normals is not None for one in clouds):
        found.append("normals")
    if given.points is not None and given.points.intensity is not None:
        found.append("intensities")
    return found


def lacks(given: Given) -> list[str]:
    missing = []
    if not given.parts:
        missing.append("a surface")
    elif not any(part.texture is not None for part in given.parts):
        missing.append("a texture")
    if given.points is None:
        missing.append("measured points")
    if not given.scale_known:
        missing.append("a unit of length: its scale is unknown")
    missing += ["the recordings that it was made from", "cameras", "a stated error"]
    return missing


def bare(parts: tuple[Mesh, ...]) -> Mesh:
    """All parts as one mesh without colours."""
    starts = np.cumsum([0] + [len(part.vertices) for part in parts])
    faces = [part.faces + start for part, start in zip(parts, starts, strict=False)]
    return Mesh(
        np.concatenate([part.vertices for part in parts] or [np.zeros((0, 3), np.float32)]),
        np.concatenate(faces or [np.zeros((0, 3), np.int32)]).astype(np.int32),
    )


def welded(mesh: Mesh) -> Mesh:
    """Vertices at the same place made one: formats split them at seams, which are no edges of a surface."""
    _, first, number = np.unique(mesh.vertices, axis=0, return_index=True, return_inverse=True)
    faces = number.reshape(-1)[mesh.faces].astype(np.int32)
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return Mesh(mesh.vertices[first], faces[whole])


# -- the page ---


def import_html(report: ImportReport, picture: Image) -> str:
    """The page of a model that came from elsewhere."""
    page = Page()
    words, surface = page.words, report.surface
    unit = "m" if report.scale.known else "unit"
    figures = [("Area", surface.area), ("Texel on the surface", surface.texel)]
    if surface.holes is not None:
        figures += [("Area of holes", surface.holes.area), ("Outline of holes", surface.holes.perimeter)]
    rows = [
        ("Parts", words.value(surface.parts, 0), "counted"),
        ("Vertices", words.value(surface.vertices, 0), "counted"),
        ("Triangles", words.value(surface.triangles, 0), "counted"),
        ("Points", words.value(surface.points, 0), "counted"),
    ]
    rows += [(name, words.number(one, DIGITS.get(one.unit, 3)), one.method) for name, one in figures]
    size = Markup(" × ").join(words.number(Figure(value=x, unit=unit, method="")) for x in surface.size)
    return page.render(
        "import.html.j2", report=report, rows=rows, size=size, preview=inline(picture, PREVIEW_PX, 82),
        lead=words.t(
            "Somebody else made this model. Oberih checked it, measured it and keeps it as it came; "
            "how exact it is, nobody knows."
        ),
        remarks=[words.t(remark) for remark in report.remarks],
        has=[words.t(one) for one in report.has], lacks=[words.t(one) for one in report.lacks],
        scale_value=words.t("known") if report.scale.known else words.t("unknown"),
        size_of_file=words.t("{megabytes:,.1f} MB", megabytes=report.source.bytes / 1e6),
    )  # fmt: skip
