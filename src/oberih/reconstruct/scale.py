"""Scale from a known distance: two points on the thing, marked in photos, a tape measure between them.

Each point is marked in at least two photos and triangulated with the poses that were found. The error
that the marks leave (their residual, at least a third of a pixel each) is carried to the scale.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from oberih.capture import Photo
from oberih.capture.listing import printable
from oberih.errors import InputError
from oberih.geometry import Scene, View
from oberih.i18n import say
from oberih.reconstruct.figures import Scale

__all__ = ["KnownDistance", "Mark", "check_marks", "find_scale", "to_stored", "unknown_scale"]

Floats = NDArray[np.float64]

MARK_SD_PX = 1 / 3  # nobody points better than this
SHORTEST_M, LONGEST_M = 1e-4, 1e6  # between them lies all that photos are taken of
WORST_PX = 20.0  # a mark this far from where the others put it is a mistake


@dataclass(frozen=True)
class Mark:
    """A point in a photo: pixels from the upper left corner of the photo **as viewers show it** (upright)."""

    photo: str
    x: float
    y: float


@dataclass(frozen=True)
class KnownDistance:
    """The distance in metres between point a and point b, each marked in at least two photos."""

    metres: float
    a: tuple[Mark, ...]
    b: tuple[Mark, ...]
    error_m: float | None = None  # 95 %; None: not known

    def __post_init__(self) -> None:
        if not SHORTEST_M <= self.metres <= LONGEST_M:  # nor is "not a number" between them
            raise InputError(
                say("The known distance is {metres} m.", metres=self.metres),
                "Give it in metres: between a tenth of a millimetre and a thousand kilometres.",
            )
        if self.error_m is not None and not 0 <= self.error_m < self.metres:
            raise InputError(
                say("The error of the known distance is {error} m.", error=self.error_m),
                "Give it in metres: 0 or more, and less than the distance itself.",
            )
        for name, marks in (("a", self.a), ("b", self.b)):
            if len({mark.photo for mark in marks}) < 2:
                raise InputError(
                    say("Point {name} is not marked in two photos.", name=name),
                    "Mark each end of the known distance in two photos at least, better in three or more.",
                )
        if set(self.a) == set(self.b):
            raise same_place()


def same_place() -> InputError:
    return InputError(
        "Points a and b are marked at the same place.", "Mark the two ends of the known distance."
    )


def check_marks(known: KnownDistance, photos: Sequence[Photo]) -> None:
    """Whether the marks lie in photos that were given: told before any work."""
    by_name = {photo.name: photo for photo in photos}
    for mark in (*known.a, *known.b):
        photo = by_name[named(mark, list(by_name))]
        check_inside(mark, photo.width, photo.height, photo.orientation)


def check_inside(mark: Mark, width: int, height: int, orientation: int) -> None:
    """Whether ``mark`` lies in its photo, whose file is ``width`` x ``height``."""
    if orientation >= 5:
        width, height = height, width
    if not (0 <= mark.x <= width and 0 <= mark.y <= height):
        raise InputError(
            say(
                "A point is marked at {x},{y} in {photo}, which is only {width} x {height} pixels.",
                x=f"{mark.x:g}", y=f"{mark.y:g}", photo=printable(mark.photo), width=width, height=height,
            ),
            "Give pixels from the upper left corner of the photo in full size, as viewers show it.",
        )  # fmt: skip


def unknown_scale() -> Scale:
    return Scale(
        known=False,
        unit="unit",
        method="unknown: photos alone do not tell how large a thing is; give a known distance",
    )


def find_scale(known: KnownDistance, scene: Scene, orientations: Mapping[str, int]) -> Scale:
    """The scale that ``known`` gives. ``orientations`` are EXIF orientations by view name (1 if absent)."""
    ends, covariances, squares, count = [], [], 0.0, 0
    for name, marks in (("a", known.a), ("b", known.b)):
        views = [view_of(mark, scene) for mark in marks]
        for mark, v in zip(marks, views, strict=True):
            check_inside(mark, v.camera.width, v.camera.height, orientations.get(v.name, 1))
        pixels = np.array(
            [to_stored(mark.x, mark.y, v.camera.width, v.camera.height, orientations.get(v.name, 1))
             for mark, v in zip(marks, views, strict=True)]
        )  # fmt: skip
        point, residuals, information = triangulate(views, pixels, name)
        ends.append(point)
        sd = max(MARK_SD_PX, float(np.sqrt(np.sum(residuals**2) / max(1, 2 * len(views) - 3))))
        covariances.append(np.linalg.inv(information) * sd**2)
        squares += float(np.sum(residuals**2))
        count += len(views)
    between = ends[1] - ends[0]
    length = float(np.linalg.norm(between))
    if length == 0:
        raise same_place()
    along = between / length
    sd = float(np.sqrt(along @ (covariances[0] + covariances[1]) @ along))
    if length <= 1.96 * sd:
        raise same_place()
    marks_95, tape_95 = 1.96 * sd / length, (known.error_m or 0.0) / known.metres
    return Scale(
        known=True,
        unit="m",
        factor=known.metres / length,
        distance_m=known.metres,
        distance_error_m=known.error_m,
        residual_px=float(np.sqrt(squares / count)),
        relative_error=float(np.hypot(marks_95, tape_95)),
        method="known distance between two points marked in photos"
        if known.error_m is not None
        else "known distance between two points marked in photos; the distance itself is taken as exact",
    )


def view_of(mark: Mark, scene: Scene) -> View:
    """The view that ``mark.photo`` names: by its name in sparse/ or its file name."""
    wanted = named(mark, [view.name for view in scene.views])
    return next(view for view in scene.views if view.name == wanted)


def named(mark: Mark, names: Sequence[str]) -> str:
    """The one of ``names`` that ``mark.photo`` is: the whole name, or only that of the file."""
    wanted = PurePath(printable(mark.photo))
    exact = [name for name in names if name == wanted.as_posix()]
    found = exact or [name for name in names if PurePath(name).name == wanted.name]
    if len(found) != 1:
        told = printable(mark.photo)
        raise InputError(
            say("A point is marked in {photo}, which is not one of the photos in the model.", photo=told)
            if not found
            else say("Several photos are called {photo}.", photo=told),
            "Mark the point in photos that the report lists as used, by the names given there.",
        )
    return found[0]


def to_stored(x: float, y: float, width: int, height: int, orientation: int) -> tuple[float, float]:
    """A point of the upright photo in the pixels of the file, which are ``width`` x ``height``."""
    return {
        1: (x, y),
        2: (width - x, y),
        3: (width - x, height - y),
        4: (x, height - y),
        5: (y, x),
        6: (y, height - x),
        7: (width - y, height - x),
        8: (width - y, x),
    }.get(orientation, (x, y))


def triangulate(views: Sequence[View], pixels: Floats, name: str) -> tuple[Floats, Floats, Floats]:
    """The ``(3,)`` point that projects to ``(N, 2)`` pixels, its residuals and ``(3, 3)`` information."""
    try:
        with np.errstate(all="ignore"):  # marks that do not fit can lead anywhere; checked at the end
            return met(views, pixels, name)
    except np.linalg.LinAlgError as error:
        raise unfit(name) from error


def unfit(name: str) -> InputError:
    return InputError(say("The marks of point {name} do not fit together.", name=name), SAME_SPOT)


SAME_SPOT = "Check that they show the same spot, in pixels of the photos in full size."


def met(views: Sequence[View], pixels: Floats, name: str) -> tuple[Floats, Floats, Floats]:
    """`triangulate`, which may end in a matrix that has no inverse."""
    origins = np.array([view.pose.centre for view in views])
    rays = np.array([ray(view, pixel) for view, pixel in zip(views, pixels, strict=True)])
    # Closest point to all rays to begin with, then Gauss-Newton on the pixels.
    across = np.eye(3) - rays[:, :, None] * rays[:, None, :]
    normal = across.sum(axis=0)
    if np.linalg.cond(normal) > 1e8:
        raise InputError(
            say("The photos in which point {name} is marked see it from the same direction.", name=name),
            "Mark it in photos taken from places further apart.",
        )
    point = np.linalg.solve(normal, np.einsum("nij,nj->i", across, origins))
    for _ in range(10):
        residuals, slope = residuals_and_slope(views, pixels, point)
        information = slope.T @ slope
        point = point - np.linalg.solve(information, slope.T @ residuals.ravel())
    residuals, slope = residuals_and_slope(views, pixels, point)
    worst = float(np.abs(residuals).max())
    if not np.isfinite(worst) or any(view.pose.apply(point[None])[0, 2] <= 0 for view in views):
        raise unfit(name)
    if worst > WORST_PX:
        raise InputError(
            say("The marks of point {name} do not fit together: they are up to {px:.0f} pixels apart.",
                name=name, px=worst),
            SAME_SPOT,
        )  # fmt: skip
    return point, residuals, slope.T @ slope


def ray(view: View, pixel: Floats) -> Floats:
    """``(3,)`` unit direction in the world of what is seen at ``pixel``."""
    c = view.camera
    seen = np.array([(pixel[0] - c.cx) / c.fx, (pixel[1] - c.cy) / c.fy])
    ideal = seen.copy()
    for _ in range(20):  # inverts the lens model by fixed-point iteration
        projected = c.project(np.array([[*ideal, 1.0]]))[0]
        ideal += seen - (projected - [c.cx, c.cy]) / [c.fx, c.fy]
    direction = view.pose.R.T @ np.array([*ideal, 1.0])
    return np.asarray(direction / np.linalg.norm(direction))


def residuals_and_slope(views: Sequence[View], pixels: Floats, point: Floats) -> tuple[Floats, Floats]:
    """``(N, 2)`` projection errors of ``point`` and their ``(2N, 3)`` derivatives."""
    step = 1e-6 * float(np.mean([np.linalg.norm(point - view.pose.centre) for view in views]))
    moved = point + step * np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)])
    seen = np.stack([view.project(moved)[0] for view in views], axis=1)  # (7, N, 2)
    slope = (seen[1:4] - seen[4:7]) / (2 * step)
    return seen[0] - pixels, slope.reshape(3, -1).T
