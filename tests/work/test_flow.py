"""From what a phone sent to what everybody sees: each step again and again, with the same end."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from oberih.archive.ocfl import object_key, read_object
from oberih.archive.reuse import deposited
from oberih.catalogue.database import now
from oberih.catalogue.public import Withdrawn, record, search
from oberih.catalogue.public import query_of as asked
from oberih.catalogue.rebuild import rebuild_catalogue
from oberih.catalogue.tables import Capture, Model, Place, Publication, Review, Rights, Subject, Zone
from oberih.errors import Conflict, InputError
from oberih.products.manifest import Manifest, PublicFile, Viewpoint
from oberih.work.engine import Job
from oberih.work.flow import Decision, decide, due, pick_up, received, release, unpublish
from oberih.work.flow.comparing import compared
from oberih.work.flow.contributing import language_of
from oberih.work.flow.ingest import RECEIPT, look, preserve
from oberih.work.flow.ingest import release as free
from oberih.work.flow.modelling import open_review, usable
from oberih.work.flow.publishing import expose, reveal
from oberih.work.flow.withdrawing import cancel, withdraw
from oberih.work.service import Service, open_service, prepare_service
from work.site import brought, photo, site

JOB = Job("a test")
LVIV = (49.84, 24.03)
POSTER = b"a poster"
ANSWERS = {"military": "none", "people": "none", "plates": "none"}


@pytest.fixture
def service(tmp_path: Path):
    made = site(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return [photo(tmp_path / f"{number}.jpg", number) for number in range(3)]


def ingested(service: Service, photos: list[Path], **details: object) -> str:
    arrived = brought(service, photos, **details)
    capture = received(service, arrived)
    for _ in range(2):  # every step may be run again
        preserve(JOB, "olha", arrived.contribution.id, capture)
        look(JOB, "olha", arrived.contribution.id, capture)
    free(JOB, "olha", arrived.contribution.id, capture)
    return capture


@pytest.mark.parametrize(
    ("title", "pages", "language"),
    [
        ("Млин над річкою", "en", "uk"),
        ("Млин над Mill", "en", "uk"),
        ("The mill", "en", "en"),
        ("Mill «М»", "en", "en"),
        ("1891", "en", "en"),
        ("The mill", "uk", "uk"),
        ("Млин", "uk", "uk"),
        ("Воденица", "bg", "bg"),
    ],
)
def test_a_title_has_the_language_of_its_letters(title: str, pages: str, language: str) -> None:
    assert language_of(title, pages) == language


def test_a_ukrainian_title_written_on_english_pages_is_ukrainian(
    service: Service, photos: list[Path]
) -> None:
    capture = received(service, brought(service, photos, title="Млин", language="en"))
    subject = row(service, Subject, row(service, Capture, capture).subject)
    assert subject.description["titles"] == {"uk": "Млин"}


def row(service: Service, kind: type, identifier: str):
    with service.database.reading() as session:
        return session.get_one(kind, identifier)


def in_review(service: Service, capture: str) -> str:
    """A review of a model of ``capture``, whose public files are a poster."""
    model = service.archive.mint()
    with service.database.writing("service", "record model") as session:
        subject = session.get_one(Capture, capture).subject
        session.add(Model(id=model, subject=subject, captures=[capture], figures={"photos_used": 3}))
        session.flush()
        review = open_review(session, subject, model)
        found = session.get_one(Review, review)
        found.draft, found.manifest = f"{review}/1", manifest().model_dump(mode="json")
        session.get_one(Capture, capture).state = "in review"
    service.drafts.write(f"{review}/1/poster.webp", iter([POSTER]))
    return review


def manifest() -> Manifest:
    poster = PublicFile(
        path="poster.webp", role="poster", media_type="image/webp", bytes=len(POSTER), sha256="0" * 64
    )
    view = Viewpoint(eye=(0, 0, 1), target=(0, 0, 0), field_deg=40)
    return Manifest(
        scale_known=False, unit="unit", size=(1, 1, 1), step=1e-4, triangles=10, points=0, viewpoint=view,
        turntable_deg=(), files=(poster,),
    )  # fmt: skip


def passed(service: Service, review: str, **more: object) -> None:
    version = row(service, Review, review).version
    given = {"precision": "withheld", "reason": "a monument that everybody knows", "checked": ANSWERS, **more}
    decide(service, review, "custodian", Decision(outcome="passed", seen_version=version, **given))
    if row(service, Subject, row(service, Review, review).subject).embargo_until is None:
        for _ in range(2):
            expose(JOB, review)
            reveal(JOB, review)


def test_a_service_makes_what_it_needs_once(tmp_path: Path) -> None:
    first, second = open_service(tmp_path / "data"), open_service(tmp_path / "data")
    assert prepare_service(first)
    assert not prepare_service(second)
    assert first.secrets == second.secrets and first.node == second.node
    assert (first.private / "secrets.toml").stat().st_mode & 0o777 == 0o600
    assert first.private.stat().st_mode & 0o777 == 0o700
    assert sorted(first.archive.settings.custodians) == ["recovery", "service"]
    assert first.secrets.key not in repr(first) and "AGE-SECRET" not in repr(first)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OBERIH_SECRET_KEY", "change-me-change-me-change-me-change-me"),
        ("OBERIH_SECRET_KEY", "aVeryShortOne"),
        ("OBERIH_DATABASE_URL", "postgresql://oberih:oberih@db/oberih"),
        ("OBERIH_FILES_SECRET_KEY", "minioadmin"),
        ("OBERIH_PUBLIC_FILES_SECRET_KEY", "minioadmin"),
    ],
)
def test_secrets_of_examples_are_refused(tmp_path: Path, monkeypatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match="could guess") as refused:
        open_service(tmp_path / "data")
    assert value not in str(refused.value) + refused.value.advice
    monkeypatch.setenv("OBERIH_DEVELOPMENT", "true")
    open_service(tmp_path / "data")


def test_a_contribution_is_preserved_with_its_receipt(service: Service, photos: list[Path]) -> None:
    capture = ingested(service, photos)
    kept = read_object(service.archive.main, object_key(capture))
    assert kept.read("originals/1.jpg") == photos[1].read_bytes()
    found = row(service, Capture, capture)
    assert (found.state, found.photos, found.devices) == ("waiting", 3, ["Maker Phone"])
    assert json.loads(kept.read(RECEIPT))["sha256"] == found.receipt
    assert found.digest == deposited(service.archive, capture).digest
    with service.database.reading() as session:
        rights = session.scalars(
            select(Rights).where(Rights.of == capture).order_by(Rights.kind, Rights.uri)
        ).all()
    assert [(one.kind, one.uri) for one in rights] == [
        ("consent", "keep"), ("consent", "own"), ("licence", "https://creativecommons.org/licenses/by/4.0/"),
    ]  # fmt: skip
    assert list(service.arrivals.all_received()) == []  # what is safe is not kept twice


def test_keeping_what_arrived_waits_for_nobody_s_models(service: Service, photos: list[Path]) -> None:
    for number in range(service.settings.running_per_person + 1):
        arrived = brought(service, photos, title=str(number))
        received(service, arrived)
        job = service.engine.state(f"ingest:{arrived.contribution.id}")
        assert job.queue.split("@")[0] == "ingest" and "at a time" not in job.reason


def test_received_twice_it_is_one_capture(service: Service, photos: list[Path]) -> None:
    arrived = brought(service, photos)
    assert received(service, arrived) == received(service, arrived)
    assert pick_up(service) == 0


def test_what_arrived_before_a_crash_is_picked_up(service: Service, photos: list[Path]) -> None:
    arrived = brought(service, photos)
    assert pick_up(service) == 1
    assert service.engine.state(f"ingest:{arrived.contribution.id}").status == "waiting"


def test_where_it_was_recorded_is_kept_sealed(service: Service, tmp_path: Path) -> None:
    capture = ingested(service, [photo(tmp_path / f"{n}.jpg", n, LVIV) for n in range(3)])
    place = row(service, Place, capture)
    assert (place.latitude_deg, place.longitude_deg) == pytest.approx(LVIV)
    assert place.source == "photos"


def test_what_comes_from_a_danger_zone_waits_for_a_custodian(service: Service, tmp_path: Path) -> None:
    ring = [[23, 49], [25, 49], [25, 51], [23, 51], [23, 49]]
    with service.database.writing("coordinator", "mark zone") as session:
        session.add(Zone(name="front", polygon={"type": "Polygon", "coordinates": [ring]}, reason="mines"))
    capture = ingested(service, [photo(tmp_path / f"{n}.jpg", n, LVIV) for n in range(3)])
    found = row(service, Capture, capture)
    assert found.state == "quarantined" and "danger zone" in found.reason
    assert usable_of(service, found) == []
    release(service, capture, "custodian", "it was years ago")
    assert row(service, Capture, capture).state == "waiting"
    assert usable_of(service, found) == [capture]
    assert [job.name for job in service.engine.jobs(name="model").jobs] == ["model"]


def usable_of(service: Service, capture: Capture) -> list[str]:
    with service.database.reading() as session:
        return usable(session, capture.subject)


def test_a_video_is_kept_and_not_reconstructed(service: Service, tmp_path: Path) -> None:
    video = tmp_path / "walk.mp4"
    video.write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(1000))
    found = row(service, Capture, ingested(service, [video]))
    assert (found.state, found.videos) == ("preserved only", 1)
    assert "videos" in found.reason and "as soon as models can be made of videos" in found.advice


@pytest.mark.parametrize(("photos", "state"), [(1, "preserved only"), (3, "waiting")])
def test_files_that_are_no_photos_are_known_by_name(
    service: Service, tmp_path: Path, photos: int, state: str
) -> None:
    page = tmp_path / "page.jpg"
    page.write_text("<html>Not found</html>")
    files = [page, *(photo(tmp_path / f"{number}.jpg", number) for number in range(photos))]
    found = row(service, Capture, ingested(service, files))
    assert (found.state, found.photos, found.unused) == (state, photos, ["page.jpg"])


@pytest.mark.parametrize(
    "details",
    [
        {"licence": "mine"},
        {"consents": ["own"]},
        {"latitude": 5.0},
        {"subject": "ark:/99999/nothing"},
        {"x": 1},
    ],
)
def test_what_was_not_allowed_is_not_taken(service: Service, photos: list[Path], details: dict) -> None:
    with pytest.raises(InputError):
        received(service, brought(service, photos, **details))
    with service.database.reading() as session:
        assert session.scalars(select(Capture)).all() == []


def test_what_passed_its_review_is_public_and_can_be_taken_back(service: Service, photos: list[Path]) -> None:
    capture = ingested(service, photos, consents=["own", "keep", "named"])
    review = in_review(service, capture)
    subject = row(service, Review, review).subject
    assert record(service.projection, subject) is None
    passed(service, review, names_people=True)
    shown = record(service.projection, subject)
    assert shown.titles == {"uk": "Дерев'яна церква"}
    assert [one.name for one in shown.people] == ["Olha P."]
    assert service.files.read(shown.files[0].path)[0] == POSTER
    assert row(service, Capture, capture).state == "published"
    assert search(service.projection, asked(text="tserkva")).count == 1
    unpublish(service, subject, "custodian", "somebody asked")
    assert isinstance(record(service.projection, subject), Withdrawn)
    assert list(service.files.list()) == []
    reveal(JOB, review)  # a step that comes late brings nothing back
    assert isinstance(record(service.projection, subject), Withdrawn)
    assert deposited(service.archive, capture) is not None


def test_a_length_is_not_lost_when_it_is_reviewed_again(service: Service, photos: list[Path]) -> None:
    review = in_review(service, ingested(service, photos))
    length = {"share": 0.25, "share_error": 0.001, "metres": 2.4, "error_m": 0.0, "what": "a door"}
    with service.database.writing("custodian", "measure") as session:
        session.get_one(Review, review).known_length = length
    passed(service, review)
    unpublish(service, row(service, Review, review).subject, "custodian", "somebody asked")
    with service.database.reading() as session:
        (again,) = session.scalars(select(Review).where(Review.state == "open"))
    assert again.id != review and again.known_length == length


def test_nothing_is_public_before_the_end_of_an_embargo(service: Service, photos: list[Path]) -> None:
    review = in_review(service, ingested(service, photos))
    passed(service, review, embargo_until="2999-01-01")
    assert due(service) == 0
    subject = row(service, Review, review).subject
    with service.database.writing("custodian", "end embargo") as session:
        session.get_one(Subject, subject).embargo_until = now()
    assert due(service) == 1
    assert due(service) == 0


def test_a_decision_is_whole_and_made_once(service: Service, photos: list[Path]) -> None:
    review = in_review(service, ingested(service, photos))
    version = row(service, Review, review).version
    with pytest.raises(ValueError, match="check list"):
        Decision(outcome="passed", seen_version=version, reason="fine", checked={"military": "none"})
    decision = Decision(outcome="refused", seen_version=version, reason="a checkpoint is in it")
    decide(service, review, "custodian", decision)
    with pytest.raises(Conflict):
        decide(service, review, "another", decision)
    capture = row(service, Model, row(service, Review, review).model).captures[0]
    assert row(service, Capture, capture).state == "refused"


def test_a_contributor_takes_a_contribution_back(service: Service, photos: list[Path]) -> None:
    capture = ingested(service, photos)
    review = in_review(service, capture)
    passed(service, review)
    withdraw(service, capture, "olha")
    assert isinstance(record(service.projection, row(service, Review, review).subject), Withdrawn)
    assert row(service, Capture, capture).state == "withdrawn"
    with pytest.raises(Conflict):
        cancel(service, capture, "olha")


def test_a_new_version_takes_the_place_of_the_old_one(service: Service, photos: list[Path]) -> None:
    capture = ingested(service, photos)
    passed(service, in_review(service, capture))
    again = in_review(service, capture)
    passed(service, again)
    subject = row(service, Review, again).subject
    assert row(service, Publication, subject).review == again
    assert record(service.projection, subject).version == 2
    assert [stat.key.split("/")[1] for stat in service.files.list()] == ["v2"]


def test_which_of_two_models_measures_better() -> None:
    old = {"left_out_psnr_db": 24.0, "hole_share": 0.1, "photos_used": 20}
    assert compared({**old, "photos_used": 40}, old).better
    assert compared({**old, "left_out_psnr_db": 25.0}, old).better
    assert not compared(old, old).better
    assert not compared({**old, "photos_used": 60, "hole_share": 0.3}, old).better  # more photos, more holes
    assert not compared({"left_out_psnr_db": 24.2}, old).better  # as much as it varies from run to run


def test_all_of_it_comes_back_from_the_archive(service: Service, photos: list[Path], tmp_path: Path) -> None:
    from oberih.catalogue.database import open_database
    from oberih.catalogue.ledger import keep_entries
    from oberih.catalogue.migrations import migrate

    review = in_review(service, ingested(service, photos))
    passed(service, review)
    keep_entries(service.database, service.archive)
    again = open_database(f"sqlite:///{tmp_path}/again.sqlite")
    migrate(again)
    rebuild_catalogue(again, service.archive, [service.secrets.identity])
    subject = row(service, Review, review).subject
    with again.reading() as session:
        assert session.get_one(Publication, subject).published is not None
        assert session.get_one(Review, review).reason == "a monument that everybody knows"
    again.close()
