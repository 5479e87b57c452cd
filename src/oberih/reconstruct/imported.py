"""A model that came from elsewhere becomes a folder like those that `reconstruct` makes.

model.glb       what was taken of it          originals/      the file, byte for byte as it came
mesh.ply        its surface, if it has one    report.json     what it has, lacks, and measures
points.ply      its points, if it has them    report.html     the same for people
preview.png     a picture                     paradata.json   how this came about
"""

import hashlib
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from oberih.errors import InputError
from oberih.formats import Model, format_named, points_of, read_model, write_ply
from oberih.formats.registry import formats_of
from oberih.geometry import Camera, Mesh, PointCloud, Pose, Scene, View
from oberih.geometry.render import looking
from oberih.i18n import say
from oberih.progress import Progress
from oberih.reconstruct import paradata
from oberih.reconstruct.import_report import ImportReport, Source, bare, import_html, import_report
from oberih.reconstruct.measure import area, doubled_areas, sampled
from oberih.reconstruct.output import Output
from oberih.reconstruct.preview import SUPERSAMPLING, Studio

__all__ = ["ORIGINALS", "UNITS", "Imported", "import_model"]

ORIGINALS = "originals"
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "km": 1000.0, "ft": 0.3048, "in": 0.0254}
SIZE = (1200, 900)
MOST_PIXELS = 3e9  # that the faces of the preview may cover, one behind the other: some seconds
DOTS = 400_000  # that stand for the surface beyond that
MOST_TEXELS = 2048  # of one side of one texture in the preview


@dataclass(frozen=True)
class Imported:
    """What an import made."""

    out: Path
    report: ImportReport


def import_model(
    path: Path, out: Path, *, files: Sequence[Path] = (), name: str = "", unit: str = "",
    progress: Progress | None = None,
) -> Imported:  # fmt: skip
    """Read the file ``path``, which nobody vouches for, and put what it holds into the folder ``out``.

    ``files``: those it refers to (`companions`), beside or below it. ``name``: of its format. ``unit``: of
    its numbers, one of `UNITS`, if it does not say. Raises `UnreadableModel` with the reason; ``out`` then
    holds no result.
    """
    progress, started = progress or Progress(), (time.monotonic(), time.process_time())
    with Output.opened(out) as output, progress.stage("importing", 4) as stage:
        given = in_metres(read_model(path, name, progress=progress), unit)
        refuse_empty(given, path)
        stage.tick(1)
        output.begin()
        source = kept(output, path, files, name)
        output.write("paradata.json", "")  # keeps its place among the files
        write_parts(output, given, progress)
        stage.tick(1)
        report = import_report(given, source, unit_given=bool(unit))
        picture = preview(given)
        cv2.imwrite(str(output.target("preview.png")), picture[..., ::-1])
        stage.tick(1)
        wall, cpu = time.monotonic() - started[0], time.process_time() - started[1]
        output.write("paradata.json", how(report, unit, wall, cpu).model_dump_json(indent=1))
        output.write("report.html", import_html(report, picture))
        output.write("report.json", report.model_dump_json(indent=1))
        output.publish(source.sha256)
        stage.tick(1)
    return Imported(out, report)


def in_metres(given: Model, unit: str) -> Model:
    """The model, its numbers taken as ``unit`` if it does not say itself."""
    if not unit:
        return given
    if unit not in UNITS:
        names = ", ".join(UNITS)
        raise InputError(
            say("{unit} is no unit that is known.", unit=unit[:20]), say("Give one of: {names}", names=names)
        )
    if given.scale_known:
        raise InputError(
            "The file says itself in which unit its numbers are.", "Run the same command without --unit."
        )
    factor = np.float32(UNITS[unit])
    parts = tuple(replace(part, vertices=part.vertices * factor) for part in given.parts)
    points = given.points and replace(given.points, points=given.points.points * factor)
    return replace(given, parts=parts, points=points, scale_known=True, origin=given.origin * UNITS[unit])


def refuse_empty(given: Model, path: Path) -> None:
    if not given.triangles and not (given.points is not None and len(given.points)):
        raise InputError(
            say("{path} holds neither a surface nor points.", path=path.name),
            "Export it again where it was made, with its mesh or its point cloud.",
        )


def kept(output: Output, path: Path, files: Sequence[Path], name: str) -> Source:
    """Put the file and those it refers to under ``originals/``, untouched."""
    names = []
    for file in dict.fromkeys([path, *files]):
        inside = file.relative_to(path.parent).as_posix()
        shutil.copyfile(file, output.target(f"{ORIGINALS}/{inside}"))
        names.append(inside)
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    form = format_named(name) if name else next(formats_of(path))
    return Source(
        name=path.name, format=form.title, bytes=path.stat().st_size, sha256=digest, files=tuple(names)
    )


def write_parts(output: Output, given: Model, progress: Progress) -> None:
    """model.glb, mesh.ply and points.ply."""
    format_named("glb").write(output.target("model.glb"), given, progress)
    if given.parts:
        surface = bare(given.parts)
        if all(part.colours is not None for part in given.parts):
            colours = np.concatenate([part.colours for part in given.parts if part.colours is not None])
            surface = replace(surface, colours=colours)
        write_ply(output.target("mesh.ply"), surface)
    if given.points is not None and len(given.points):
        write_ply(output.target("points.ply"), given.points)


def how(report: ImportReport, unit: str, wall: float, cpu: float) -> paradata.Paradata:
    source = report.source
    return paradata.Paradata(
        made_at=report.made_at, software=report.software, preset="import", settings={"unit": unit},
        inputs=(paradata.Input(name=source.name, sha256=source.sha256, bytes=source.bytes),), stages=(),
        wall_s=round(wall, 3), cpu_s=round(cpu, 3), peak_bytes=0, machine=paradata.machine(),
    )  # fmt: skip


# -- a picture of it -----------------------------------------------------------------------------------------


def preview(given: Model) -> NDArray[np.uint8]:
    """``(H, W, 3)`` the model from the front, a little from above and from the side."""
    given = of_size_one(given)
    if not given.triangles or not area(bare(given.parts)):
        return dotted(points_of(given))
    shown = without_copies(one_texture(given.parts))
    studio = Studio(shown, around(given), np.array([0.0, 1.0, 0.0]))
    if pixels_to_draw(shown, studio.view(*SIZE, turn=0.2)) > MOST_PIXELS:
        places, _ = sampled(shown, DOTS, 0)
        return dotted(PointCloud(places))
    view = studio.view(*SIZE)
    coloured = any(part.texture is not None or part.colours is not None for part in given.parts)
    return studio.photographic(view) if coloured else studio.clay(view)


def of_size_one(given: Model) -> Model:
    """The model moved to zero and scaled: numbers of any size make the same picture."""
    low, high = given.bounds()
    middle, size = (low + high) / 2, float((high - low).max()) or 1.0

    def moved(places: NDArray[np.float32]) -> NDArray[np.float32]:
        return ((places - middle) / size).astype(np.float32)

    parts = tuple(replace(part, vertices=moved(part.vertices)) for part in given.parts)
    points = given.points and replace(given.points, points=moved(given.points.points))
    return replace(given, parts=parts, points=points)


def without_copies(mesh: Mesh) -> Mesh:
    """The mesh without faces that lie on others and those without area: many of them take long to draw."""
    rows = np.sort(mesh.faces, axis=1)
    order = np.lexsort(rows.T)
    rows = rows[order]
    new = np.r_[True, (rows[1:] != rows[:-1]).any(axis=1)]
    first = np.sort(order[new])
    first = first[doubled_areas(replace(mesh, faces=mesh.faces[first])) > 0]
    return replace(mesh, faces=mesh.faces[first], uv=None if mesh.uv is None else mesh.uv[first])


def pixels_to_draw(mesh: Mesh, view: View) -> float:
    """How many pixels the boxes about the faces have in the supersampled picture."""
    corners, _ = view.project(mesh.vertices.astype(np.float64))
    corners = np.clip(np.nan_to_num(corners), 0, SIZE)[mesh.faces]
    return float((np.prod(np.ptp(corners, axis=1), axis=1) * SUPERSAMPLING**2).sum())


def around(given: Model) -> Scene:
    """Cameras in a half circle before the model, as if photographed from there."""
    low, high = given.bounds()
    focus, radius = (low + high) / 2, max(float(np.linalg.norm(high - low)), 1e-9)
    views = []
    for turn in np.radians([-60, -30, 0, 30, 60]):
        direction = np.array([np.sin(turn), 0.25, np.cos(turn)])
        R = looking(-direction / np.linalg.norm(direction), np.array([0.0, 1.0, 0.0]))
        centre = focus + 1.5 * radius * direction
        views.append(View("", Camera(*SIZE, 1400, 1400, SIZE[0] / 2, SIZE[1] / 2), Pose(R, -R @ centre)))
    nothing = np.zeros(0, np.int32)
    return Scene(
        tuple(views), focus[None], np.zeros((1, 3), np.uint8), np.zeros(1), nothing, nothing, np.zeros((0, 2))
    )


def one_texture(parts: Sequence[Mesh]) -> Mesh:
    """All parts as one mesh with one texture: theirs, made smaller, or their colours, below each other."""
    pictures, coordinates = [], []
    for part in parts:
        picture, uv = pictured(part)
        pictures.append(picture)
        coordinates.append(uv)
    width = max(picture.shape[1] for picture in pictures)
    height = sum(picture.shape[0] for picture in pictures)
    sheet, top = np.zeros((height, width, 3), np.uint8), 0
    placed = []
    for picture, uv in zip(pictures, coordinates, strict=True):
        rows, columns = picture.shape[:2]
        sheet[top : top + rows, :columns] = picture
        placed.append(uv * [columns / width, rows / height] + [0, top / height])
        top += rows
    return replace(bare(tuple(parts)), uv=np.concatenate(placed).astype(np.float32), texture=sheet)


def pictured(part: Mesh) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A small texture of a part and its coordinates ``(F, 3, 2)``; of colours, one texel for each face."""
    if part.texture is not None and part.uv is not None:
        height, width = part.texture.shape[:2]
        factor = min(1.0, MOST_TEXELS / max(height, width))
        size = max(1, round(width * factor)), max(1, round(height * factor))
        small = cv2.resize(part.texture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        least = np.floor(part.uv.min(axis=1, keepdims=True))  # a face that repeats the texture stays whole
        return small, np.clip(part.uv - least, 0, 1).astype(np.float32)
    side = max(1, int(np.ceil(np.sqrt(len(part.faces)))))
    colours = np.full((side * side, 3), 190, np.uint8)
    if part.colours is not None:
        colours[: len(part.faces)] = part.colours[part.faces].mean(axis=1)
    number = np.arange(len(part.faces))
    middle = np.stack([number % side + 0.5, number // side + 0.5], axis=1) / side
    return colours.reshape(side, side, 3), np.repeat(middle[:, None], 3, axis=1).astype(np.float32)


def dotted(cloud: PointCloud) -> NDArray[np.uint8]:
    """``(H, W, 3)`` points as small squares, near ones before far ones."""
    width, height = SIZE
    view = around(Model(points=cloud)).views[3]
    pixels, depth = view.project(cloud.points.astype(np.float64))
    low, high = np.quantile(pixels, (0.01, 0.99), axis=0)
    factor = 0.9 * min(SIZE / np.maximum(high - low, 1e-9))
    column, row = ((pixels - (low + high) / 2) * factor + np.array(SIZE) / 2).astype(int).T
    colours = cloud.colours
    if colours is None and cloud.intensity is not None:
        colours = np.repeat((cloud.intensity * 255).astype(np.uint8)[:, None], 3, axis=1)
    if colours is None:
        tone = (200 - 120 * (depth - depth.min()) / max(float(np.ptp(depth)), 1e-9)).astype(np.uint8)
        colours = np.repeat(tone[:, None], 3, axis=1)
    image = np.full((height, width, 3), 240, np.uint8)
    order = np.argsort(-depth)  # far ones first: what is drawn later stays
    size = int(np.clip(np.sqrt(width * height / max(len(depth), 1)) * 0.8, 1, 6))
    for dy in range(size):
        for dx in range(size):
            y, x = row[order] + dy, column[order] + dx
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            image[y[inside], x[inside]] = colours[order][inside]
    return image
