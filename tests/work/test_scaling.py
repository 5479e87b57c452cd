"""A custodian knows one length of the thing: then its public files and figures are in metres."""

from collections.abc import Iterator
from functools import partial
from math import hypot, sqrt
from pathlib import Path

import pytest
from pydantic import ValidationError

from oberih.catalogue.public import PublicRecord, record
from oberih.catalogue.tables import Model, Review
from oberih.errors import Conflict
from oberih.formats import format_named
from oberih.formats import load_model as loaded
from oberih.products import Choices, make_public, pictures
from oberih.work.engine import Job
from oberih.work.flow import drafting, give_length, publishing
from oberih.work.flow.drafting import draft
from oberih.work.flow.scaling import KnownLength, scaled_figures
from oberih.work.service import Service
from products.chapel import DEPTH, chapel
from work.site import photo, site
from work.test_flow import in_review, ingested, passed, row

DOOR = KnownLength(share=0.25, share_error=0.001, metres=2.4, error_m=0.003, what="the door")
FIGURES = {
    "unit": "unit", "size": [2.0, 6.0, 3.0], "error": 0.001, "texel": 0.0005, "photos_used": 30,
    "drawing_scale": 1.0,
}  # fmt: skip


def review_with(known: KnownLength | None, metres_per_unit: float | None) -> Review:
    return Review(known_length=known.model_dump() if known else {}, metres_per_unit=metres_per_unit)


def test_figures_are_in_metres_and_hold_the_error_of_the_scale() -> None:
    """A model 6 units high, of which a quarter is 2.4 m: 9.6 m, so 1.6 m for each unit."""
    told = scaled_figures(Model(figures=FIGURES), review_with(DOOR, 1.6))
    assert told["unit"] == "m" and told["size"] == pytest.approx([3.2, 9.6, 4.8])
    assert told["texel"] == pytest.approx(0.0008) and told["photos_used"] == 30
    # A share: of the ends on the model, of who clicked there, and of the tape.
    scale = hypot(sqrt(2) * 0.0016, 0.001 * 9.6, 0.003) / 2.4
    assert told["error"] == pytest.approx(hypot(0.0016, scale * hypot(3.2, 9.6, 4.8)))
    assert told["drawing_scale"] == 200 and told["error"] == pytest.approx(0.049, abs=0.001)
    assert told["place_error"] == pytest.approx(0.0016) and told["scale_error"] == pytest.approx(scale)
    longer = KnownLength(share=0.5, share_error=0.001, metres=4.8, error_m=0.003)  # is more exact
    assert scaled_figures(Model(figures=FIGURES), review_with(longer, 1.6))["drawing_scale"] == 100


@pytest.mark.parametrize(
    "wrong", [{"error_m": 2.4}, {"share": 0.001}, {"share": 2.0}, {"metres": 1e6}, {"metres": 1e-4}]
)
def test_lengths_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        KnownLength.model_validate({"share": 0.25, "metres": 2.4, **wrong})


def test_what_is_not_known_stays_unknown() -> None:
    rough = {name: one for name, one in FIGURES.items() if name != "error"}
    assert "error" not in scaled_figures(Model(figures=rough), review_with(DOOR, 1.6))
    assert scaled_figures(Model(figures=FIGURES), review_with(None, None)) == FIGURES
    assert scaled_figures(Model(figures=FIGURES), review_with(DOOR, None)) == FIGURES  # not made with it yet
    metric = {**FIGURES, "unit": "m"}
    assert scaled_figures(Model(figures=metric), review_with(DOOR, 1.6)) == metric


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = site(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def review(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One of a chapel whose size nobody knows, and that is drafted in no time."""
    monkeypatch.setattr(pictures, "POSTERS", ((160, 50_000),))
    monkeypatch.setattr(pictures, "SOCIAL", (320, 168, 100_000))
    small = Choices(downloads=("glb",), turntable=0)
    monkeypatch.setattr(drafting, "make_public", partial(make_public, choices=small))
    monkeypatch.setattr(drafting, "find", lambda _: ())
    source = tmp_path / "source"
    source.mkdir()
    format_named("glb").write(source / "model.glb", chapel())
    (source / "report.json").write_text('{"scale": {"known": false, "unit": "unit"}}')
    monkeypatch.setattr(drafting, "result_folder", lambda *_: source)
    monkeypatch.setattr(drafting, "photos_of", lambda *_: [])
    made = in_review(service, ingested(service, [photo(tmp_path / "1.jpg", 1)]))
    with service.database.writing("service", "test") as session:
        found = session.get_one(Review, made)
        session.get_one(Model, found.model).figures = {**FIGURES, "size": [6.0, 4.0, 10.0]}
    return made


def test_a_known_length_makes_public_files_in_metres(service: Service, review: str, tmp_path: Path) -> None:
    draft(Job("draft:1"), review)
    before = row(service, Review, review)
    assert before.manifest["unit"] == "unit" and max(before.manifest["size"]) == pytest.approx(1, abs=1e-3)
    give_length(service, review, "keeper", DOOR)
    assert row(service, Review, review).draft == ""  # nothing passes before it is made, and looked at
    (job,) = service.engine.jobs(name="draft", about=review).jobs
    assert job.going
    give_length(service, review, "keeper", DOOR.model_copy(update={"metres": 2.5}))
    assert sorted(one.going for one in service.engine.jobs(name="draft", about=review).jobs) == [False, True]
    give_length(service, review, "keeper", DOOR)
    draft(Job("draft:2"), review)
    found = row(service, Review, review)
    assert found.manifest["unit"] == "m" and max(found.manifest["size"]) == pytest.approx(9.6, abs=0.01)
    assert found.metres_per_unit == pytest.approx(9.6 / DEPTH, rel=1e-3)
    passed(service, review)
    publishing.publish(Job(f"publish:{review}"), review=review)
    seen = record(service.projection, found.subject)
    assert isinstance(seen, PublicRecord) and seen.scene is not None and seen.quality is not None
    assert seen.scene.unit == "m" and seen.quality.scale == "one length"
    assert seen.quality.size_mm == tuple(round(side / 1000) for side in seen.scene.size)
    assert max(seen.quality.size_mm) == pytest.approx(9600, abs=10)
    (kept,) = seen.files_for("download")
    path = tmp_path / "kept.glb"
    path.write_bytes(service.files.read(kept.path)[0])
    model = loaded(path, format_named("glb"))
    low, high = model.bounds()
    assert model.scale_known and max(high - low) == pytest.approx(9.6, abs=0.01)
    with pytest.raises(Conflict):
        give_length(service, review, "keeper", None)


def test_a_length_that_is_taken_back_leaves_no_metres(service: Service, review: str) -> None:
    give_length(service, review, "keeper", DOOR)
    draft(Job("draft:1"), review)
    give_length(service, review, "keeper", None)
    assert row(service, Review, review).metres_per_unit is None  # of files that are gone
    draft(Job("draft:2"), review)
    found = row(service, Review, review)
    assert found.manifest["unit"] == "unit" and found.metres_per_unit is None
    assert scaled_figures(row(service, Model, found.model), found)["unit"] == "unit"
