"""``report.html``: the report as one page that opens anywhere, needs no network and tells no place.

Everything is inside: pictures as JPEG data, plots as SVG, every language with a switch that works
without scripts. A content security policy forbids the page to load anything.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from oberih.reconstruct import plots
from oberih.reconstruct.figures import Figure, PhotoReport, Report
from oberih.reconstruct.page import DIGITS, PREVIEW_PX, THUMBNAIL_PX, Image, Page, Words, inline

__all__ = ["Pair", "Pictures", "Plan", "json_schema", "report_html", "shown_photos"]

Floats = NDArray[np.float64]

PAIR_PX = 560
MOST_THUMBNAILS = 80  # of photos that were used; the others are told in the table
MOST_UNUSED = 60
MOST_PAIRS = 4


@dataclass(frozen=True)
class Pair:
    """A photo and the model drawn from the same camera, both upright."""

    name: str
    photo: Image
    model: Image


@dataclass(frozen=True)
class Plan:
    """What the plot from above shows, in the frame of ``model.glb``."""

    centres: Floats  # (V, 3) of the cameras
    directions: Floats  # (V, 3)
    surface: Floats  # (S, 3) samples of the surface


@dataclass(frozen=True)
class Pictures:
    """What the page shows; all of it may be absent."""

    preview: Image | None = None
    thumbnails: Mapping[str, Image] = field(default_factory=dict)  # by photo name, upright
    pairs: Sequence[Pair] = ()
    plan: Plan | None = None


def json_schema() -> str:
    """The JSON schema of ``report.json``, as in ``docs/report.schema.json``."""
    return json.dumps(Report.model_json_schema(), indent=1, ensure_ascii=False) + "\n"


def report_html(report: Report, pictures: Pictures) -> str:
    """The page."""
    page = Page()
    words = page.words
    used, unused = chosen(report)
    more = sum(photo.used for photo in report.photos) - len(used)

    def tile(photo: PhotoReport) -> dict[str, object]:
        picture = pictures.thumbnails.get(photo.name)
        return {
            "name": photo.name,
            "reason": words.t(photo.reason),
            "advice": words.t(photo.advice),
            "thumbnail": None if picture is None else inline(picture, THUMBNAIL_PX, 70),
        }

    pairs = [
        {
            "name": pair.name,
            "photo": inline(pair.photo, PAIR_PX, 78),
            "model": inline(pair.model, PAIR_PX, 78),
            "words": pair_words(report, pair.name, words),
        }
        for pair in list(pictures.pairs)[:MOST_PAIRS]
    ]
    return page.render(
        "report.html.j2", report=report, s=report.surface,
        preview=None if pictures.preview is None else inline(pictures.preview, PREVIEW_PX, 82),
        lead=lead(report, words), remarks=[words.t(remark) for remark in report.remarks],
        photos_used=words.t("{used} of {count}", used=len(used) + more, count=len(report.photos)),
        scale_value=words.t("known") if report.scale.known else words.t("unknown"),
        scale_words=words.t("Lengths are in metres.") if report.scale.known
        else words.t("Lengths are in units of the model. Give a known distance to measure on it."),
        drawing=drawing(report, words),
        unused=[tile(photo) for photo in unused], used=[tile(photo) for photo in used],
        more_used=words.t("{count} more photo was used.", "{count} more photos were used.",
                          count=more) if more else "",
        other_files=[file for file in report.skipped_files if not file.photo],
        pairs=pairs, plots=all_plots(report, pictures.plan), rows=all_rows(report, words),
        settings=flat(report.settings),
    )  # fmt: skip


def chosen(report: Report) -> tuple[list[PhotoReport], list[PhotoReport]]:
    """The photos shown as used (spread over all of them) and as not used."""
    used = [photo for photo in report.photos if photo.used]
    some = np.unique(np.linspace(0, len(used) - 1, min(len(used), MOST_THUMBNAILS)).astype(int))
    return [used[i] for i in some], [photo for photo in report.photos if not photo.used][:MOST_UNUSED]


def shown_photos(report: Report) -> frozenset[str]:
    """Names of the photos of which the page shows a small picture."""
    used, unused = chosen(report)
    return frozenset(photo.name for photo in [*used, *unused])


def lead(report: Report, words: Words) -> Markup:
    """The first sentences."""
    used = sum(photo.used for photo in report.photos)
    became = words.t(
        "{used} of {count} photo became a surface of {triangles:,d} triangles.",
        "{used} of {count} photos became a surface of {triangles:,d} triangles.",
        used=used, count=len(report.photos), triangles=report.surface.triangles,
    )  # fmt: skip
    if not report.scale.known:
        return became + " " + words.t("How large it is, photos alone do not tell: the scale is unknown.")
    width, height, depth = report.surface.size
    return became + " " + words.t(
        "It is {width:.2f} m wide, {height:.2f} m high and {depth:.2f} m deep.",
        width=width, height=height, depth=depth,
    )  # fmt: skip


def drawing(report: Report, words: Words) -> Markup:
    figure = report.error.drawing_scale
    if figure.value is None and report.scale.known and report.error.total.value is not None:
        return words.t("none")
    return words.number(figure)


def pair_words(report: Report, name: str, words: Words) -> Markup:
    photo = next((photo for photo in report.photos if photo.name == name), None)
    if photo is None or photo.psnr_db is None or photo.ssim is None:
        return Markup("")
    return words.t("PSNR {psnr:.1f} dB, SSIM {ssim:.3f}", psnr=photo.psnr_db, ssim=photo.ssim)


def all_plots(report: Report, plan: Plan | None) -> list[dict[str, object]]:
    used = [photo for photo in report.photos if photo.used]
    numbers, names = [str(i + 1) for i in range(len(used))], [photo.name for photo in used]
    lengths = sorted(report.poses.track_lengths)
    longest = min(max(lengths, default=2), 30)
    tracks = [float(report.poses.track_lengths.get(n, 0)) for n in range(2, longest + 1)]
    tracks[-1] += sum(count for n, count in report.poses.track_lengths.items() if n > longest)
    found = [
        ("From above", "The surface and where the photos were taken from.",
         None if plan is None else plots.from_above(plan.centres, plan.directions, plan.surface)),
        ("Error of each photo", "Reprojection error in pixels, in the order of the names.",
         plots.columns([photo.rms_px or 0.0 for photo in used], numbers, 2, names)),
        ("How full each photo is", "Share of its pixels that show the surface, in per cent.",
         plots.columns([100 * (photo.covered or 0.0) for photo in used], numbers, 0, names)),
        ("Photos per point", "Number of sparse points by how many photos see them; more is safer.",
         plots.columns(tracks, [str(n) for n in range(2, longest + 1)])),
        ("Confidence",
         "Share of the surface's vertices in per cent; near 1 many photos agree on the place, near 0 few do.",
         histogram(report.surface.confidence_histogram)),
    ]  # fmt: skip
    return [
        {"title": title, "words": words, "svg": Markup(str(svg).replace("PLOT", f"plot-{i + 1}"))}  # noqa: S704
        for i, (title, words, svg) in enumerate((a, b, c) for a, b, c in found if c is not None)
    ]


def histogram(counts: Sequence[int]) -> Markup | None:
    total = sum(counts)
    if not total:
        return None
    labels = [f"{i / len(counts):.1f}" for i in range(len(counts))]
    return plots.columns([100 * count / total for count in counts], labels)


def all_rows(report: Report, words: Words) -> list[tuple[str, Markup, str]]:
    poses, s, e, f = report.poses, report.surface, report.error, report.fidelity
    figures: list[tuple[str, Figure]] = [
        ("Reprojection error", poses.reprojection_rms),
        ("Photos per sparse point", poses.track_length),
        ("Angle between rays", poses.angle),
        ("Area", s.area),
        ("Pixel of a photo on the surface", s.ground_sample_distance),
        ("Pixel of the depth maps on the surface", s.working_sample_distance),
        ("Texel on the surface", s.texel),
        ("Surface seen by two photos or more", s.coverage.seen_by_2),
        ("Surface seen by three photos or more", s.coverage.seen_by_3),
        ("Photos filled with surface", s.coverage.photos_filled),
        ("Area of holes", s.holes.area),
        ("Share of holes", s.holes.share),
        ("Outline of holes", s.holes.perimeter),
        ("Outer edge", s.holes.rim),
        ("Confidence of the surface", s.confidence),
        ("Error of the surface", e.surface),
        ("Error of the cameras", e.network),
        ("Error of the scale", e.scale),
        ("Error in all", e.total),
    ]
    if f is not None:
        figures += [
            ("Likeness to the photos, PSNR", f.psnr),
            ("Likeness to the photos, SSIM", f.ssim),
            ("Likeness to photos left out, PSNR", f.left_out_psnr),
            ("Likeness to photos left out, SSIM", f.left_out_ssim),
        ]
    rows = [
        ("Sparse points", words.value(poses.points, 0), "counted"),
        ("Points", words.value(s.points, 0), "counted"),
        ("Triangles", words.value(s.triangles, 0), "counted"),
        ("Triangles of the textured model", words.value(s.model_triangles, 0), "counted"),
        ("Holes", words.value(s.holes.count, 0), "counted"),
    ]
    rows += [
        (name, words.number(figure, DIGITS.get(figure.unit, 3)), figure.method) for name, figure in figures
    ]
    spread = Markup("") if report.up.spread_deg is None else words.value(report.up.spread_deg, 1) + "°"
    up = words.t("known") if report.up.known else words.t("unknown")
    rows.append(("Up", up + (Markup(" ± ") + spread if spread else ""), report.up.method))
    return rows


def flat(settings: Mapping[str, object], before: str = "") -> list[tuple[str, str]]:
    """Nested settings as ("depth.scales", "3") rows."""
    rows = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            rows += flat(value, f"{before}{name}.")
        else:
            rows.append((before + name, str(value)))
    return rows


if __name__ == "__main__":  # python -m oberih.reconstruct.report > docs/report.schema.json
    print(json_schema(), end="")  # noqa: T201
