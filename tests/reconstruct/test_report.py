"""The page: whole, quiet, in every language, and safe with names that people give to files."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from oberih import i18n
from oberih.i18n import Language, available
from oberih.reconstruct.figures import (
    Comparison,
    Coverage,
    Fidelity,
    Figure,
    Holes,
    PhotoReport,
    Report,
    SkippedFile,
    StageReport,
    SurfaceReport,
)
from oberih.reconstruct.measure import measure_poses
from oberih.reconstruct.page import thumbnail
from oberih.reconstruct.precision import measure_error
from oberih.reconstruct.report import Pair, Pictures, Plan, json_schema, report_html
from oberih.reconstruct.scale import unknown_scale
from oberih.reconstruct.upright import find_up
from synthetic import Shot, World, sparse_scene

NASTY = 'IMG "><script>alert(1)</script>.jpg'


def figure(value: float | None, unit: str = "", method: str = "counted") -> Figure:
    return Figure(value=value, unit=unit, method=method)


@pytest.fixture(scope="module")
def report(shots: list[Shot], world: World) -> Report:
    scene, mesh = sparse_scene(shots, 1000, 0.3), world.mesh(0.1)
    photos = [
        PhotoReport(name=shot.view.name, sha256="0" * 64, width=640, height=480, used=True, blur_px=0.9,
                    rms_px=0.4, observations=100, covered=0.8, psnr_db=25, ssim=0.8)
        for shot in shots
    ]  # fmt: skip
    photos.append(PhotoReport(name=NASTY, sha256="0" * 64, width=640, height=480, used=False, reason="<b>"))
    return Report(
        made_by="Oberih 0.1.0", made_at="2026-11-20T20:00:00+00:00", preset="standard", complete=False,
        photos=tuple(photos), skipped_files=(SkippedFile(name="a&b.txt", reason="<i>"),),
        poses=measure_poses(scene),
        surface=SurfaceReport(
            vertices=1, triangles=1234567, model_triangles=1000, points=3,
            area=figure(3, "unit²"), size=(1, 2, 3),
            ground_sample_distance=figure(0.002, "unit"), working_sample_distance=figure(0.004, "unit"),
            texel=figure(None, "unit"),
            coverage=Coverage(seen_by_2=figure(0.9, "share"), seen_by_3=figure(0.8, "share"),
                              photos_filled=figure(0.7, "share")),
            holes=Holes(count=2, area=figure(0.1, "unit²"), share=figure(0.01, "share"),
                        perimeter=figure(1, "unit"), rim=figure(9, "unit")),
            confidence=figure(0.7), confidence_histogram=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
        ),
        error=measure_error(scene, mesh, unknown_scale()),
        scale=unknown_scale(), up=find_up(scene, [1] * 6, mesh),
        model_from_sparse=tuple(tuple(row) for row in np.eye(4).tolist()),
        fidelity=Fidelity(method="counted", psnr=figure(25, "dB"), ssim=figure(0.8),
                          left_out_psnr=figure(24, "dB"), left_out_ssim=figure(0.7),
                          left_out=(Comparison(photo="photo-000.jpg", psnr_db=24, ssim=0.7),)),
        stages=(StageReport(name="poses", wall_s=200, cpu_s=20, peak_bytes=1 << 30, reused=True),),
        settings={"depth": {"scales": 3}}, software={"oberih": "0.1.0"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def page(report: Report, shots: list[Shot]) -> str:
    centres = np.array([shot.view.pose.centre for shot in shots])
    directions = np.array([shot.view.pose.direction for shot in shots])
    plan = Plan(centres, directions, np.random.default_rng(0).random((500, 3)))
    pairs = [Pair(shots[0].view.name, shots[0].image, shots[0].image)]
    return report_html(report, Pictures(shots[0].image, {NASTY: shots[0].image}, pairs, plan))


class Elements(HTMLParser):
    """Collects elements; complains about tags that are not closed in order."""

    VOID = frozenset({"meta", "input", "img", "br", "line", "rect", "polygon"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID or tag == "rect":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_page_is_whole_and_loads_nothing(page: str) -> None:
    elements = Elements(page)
    for _, attributes in elements.found:
        for name in ("src", "href", "action", "xlink:href", "srcset", "data"):
            assert (attributes.get(name) or "data:").startswith("data:") or attributes[name] == "model.glb"
    assert "url(" not in page and "@import" not in page and "http://" not in page and "https://" not in page
    policy = next(
        a["content"] for a in elements.all("meta") if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None and policy.startswith("default-src 'none'")
    assert len(page) < 3_000_000


def test_page_can_be_used_by_everybody(page: str) -> None:
    elements = Elements(page)
    assert all(image.get("alt") for image in elements.all("img"))
    assert len(elements.all("h1")) == 1
    assert all(th.get("scope") for th in elements.all("th"))
    identities = [attributes["id"] for _, attributes in elements.found if attributes.get("id")]
    assert len(identities) == len(set(identities))
    for _, attributes in elements.found:
        for name in ("aria-labelledby", "for"):
            assert attributes.get(name) is None or attributes[name] in identities
    labels = {label.get("for") for label in elements.all("label")}
    assert {control.get("id") for control in elements.all("input")} <= labels


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        digits = colour.lstrip("#")
        digits = "".join(2 * d for d in digits) if len(digits) == 3 else digits
        channels = np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)]) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_has_enough_contrast_in_light_and_dark(page: str) -> None:
    for block in re.findall(r":root\{(.*?)\}", page):
        colours = dict(re.findall(r"--(\w+):(#[0-9a-f]{3,6})", block))
        for ground in ("paper", "card"):
            for text in ("ink", "soft", "accent", "warm"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        assert contrast(colours["fill"], colours["paper"]) >= 2.4


def test_names_of_files_are_escaped(page: str) -> None:
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert page.count("<script>") == 1


def test_page_speaks_every_language(
    report: Report, shots: list[Shot], monkeypatch: pytest.MonkeyPatch
) -> None:
    missing: set[str] = set()
    find = Language._found

    def found(self: Language, template: str, count: object = None) -> str | None:
        text = find(self, template, count)
        if self.code != "en" and text is None and template:
            missing.add(template)
        return text

    monkeypatch.setattr(Language, "_found", found)
    i18n.language.cache_clear()  # it has not said anything yet
    for scale in (report.scale, report.scale.model_copy(update={"known": True, "unit": "m"})):
        report_html(report.model_copy(update={"scale": scale}), Pictures(shots[0].image))
    own = {report.photos[-1].reason, report.skipped_files[0].reason}
    assert missing - own == set()
    assert set(available()) >= {"en", "uk"}
    assert i18n.language("uk").name == "Українська"


def test_report_json_fits_its_schema_and_reads_back(report: Report) -> None:
    assert Report.model_validate_json(report.model_dump_json()) == report
    schema = json.loads(json_schema())
    assert set(json.loads(report.model_dump_json())) == set(schema["properties"])
    with pytest.raises(ValueError, match="Extra"):
        Report.model_validate(report.model_dump() | {"latitude": 50.45})


def test_schema_in_the_documentation_is_up_to_date() -> None:
    """Write it anew with: python -m oberih.reconstruct.report > docs/report.schema.json"""
    path = Path(__file__).parents[2] / "docs" / "report.schema.json"
    assert path.read_text() == json_schema()


def test_thumbnails_are_upright_and_small() -> None:
    image = np.zeros((300, 600, 3), np.uint8)
    image[:, :300] = 255  # white on the left of the stored photo
    small = thumbnail(image, 6, 200)
    assert small.shape == (200, 100, 3)
    assert small[:90].min() == 255 and small[110:].max() == 0  # ... is at the top when upright
