"""The day after the fire: an archive, a custodian's key, perhaps a backup, and an empty machine."""

import shutil
from datetime import date
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest
from sqlalchemy import inspect, select

from oberih.archive import deposit_model
from oberih.archive.crypt import load_identities, new_identity
from oberih.archive.reuse import deposited
from oberih.catalogue.accounts import (
    Gate,
    Profile,
    begin_codes,
    confirm_codes,
    join_with_password,
    log_in,
)
from oberih.catalogue.accounts.keys import Key
from oberih.catalogue.accounts.tables import Account, Grant
from oberih.catalogue.ledger import Entry, keep_entries, state_of
from oberih.catalogue.public import PublicAnnotation, PublicRecord, Withdrawn, is_current, record, search
from oberih.catalogue.public import query_of as asked
from oberih.catalogue.public.tables import state
from oberih.catalogue.tables import (
    HERITAGE,
    Capture,
    ConditionReport,
    Model,
    Organisation,
    Place,
    Publication,
    Review,
    Zone,
)
from oberih.errors import Conflict, Damaged, InputError, KeyNeeded
from oberih.formats import format_named
from oberih.i18n import from_json
from oberih.products import Choices, pictures, studio, web
from oberih.reconstruct.imported import import_model
from oberih.work.backup import back_up, refuse_used
from oberih.work.engine import Job
from oberih.work.flow import Decision, decide, presenting, received, unpublish
from oberih.work.flow.drafting import draft, draft_lost, drafted
from oberih.work.flow.here import work_for
from oberih.work.flow.ingest import look, preserve, release
from oberih.work.flow.mending import Mender
from oberih.work.flow.modelling import open_review
from oberih.work.flow.publishing import expose, files_lost, missing_files, reveal
from oberih.work.flow.recovering import begin_again, rebuild_service
from oberih.work.service import RECOVERY, Service, open_service, prepare_service
from people import HOME, PASSWORD, app_code, present, quick_hashes
from postgres import fresh_database
from products.chapel import chapel
from work.site import brought, photo, site

__all__ = ["quick_hashes"]  # the fixture

JOB = Job("a test")
LVIV = (49.84, 24.03)
ANSWERS = {"military": "none", "people": "none", "plates": "none"}


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "POSTERS", ((64, 100_000), (32, 50_000)))
    monkeypatch.setattr(pictures, "SOCIAL", (64, 34, 100_000))
    monkeypatch.setattr(pictures, "TURNTABLE", (32, 24, 40_000))
    monkeypatch.setattr(studio, "TURNS", 4)
    monkeypatch.setattr(studio, "SAMPLES", 1000)
    monkeypatch.setattr(web, "USUAL", Choices(turntable=2, downloads=("ply",)))
    monkeypatch.setattr("oberih.work.flow.drafting.PICTURES", 1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    format_named("glb").write(folder / "chapel.glb", chapel(2))
    import_model(folder / "chapel.glb", folder / "out")
    return folder / "out"


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return [photo(tmp_path / f"{number}.jpg", number, LVIV) for number in range(2)]


def filled(service: Service, photos: list[Path], model: Path) -> dict[str, str]:
    """A service in use: a public subject and one that was public, one that waits for a look, a zone, and
    contributions that have come half the way.
    """
    made = {name: in_review(service, photos, model) for name in ("shown", "hidden", "waiting")}
    for name in ("shown", "hidden"):
        passed(service, made[name])
    unpublish(service, subject_of(service, made["hidden"]), "custodian", "somebody asked")
    ring = [[30, 46], [31, 46], [31, 47], [30, 47], [30, 46]]
    with service.database.writing("coordinator", "mark zone") as session:
        session.add(Zone(name="front", polygon={"type": "Polygon", "coordinates": [ring]}, reason="mines"))
        session.add(Organisation(names={"en": "Museum"}))
        report = ConditionReport(subject=subject_of(service, made["shown"]), assessed=date(2022, 4, 10))
        session.add(report)
    door = PublicAnnotation(id="door", at=(0, 0, 0), titles={"en": "The door"})
    presenting.present(
        service, report.subject, "custodian", presenting.Told(annotations=(door,)), seen_version=0
    )
    made["ingested"] = ingested(service, photos)
    arrived = brought(service, photos)
    made["preserved"] = received(service, arrived)
    preserve(JOB, "olha", arrived.contribution.id, made["preserved"])
    made["received"] = received(service, brought(service, photos))
    keep_entries(service.database, service.archive)
    return made


def ingested(service: Service, photos: list[Path]) -> str:
    arrived = brought(service, photos, consents=["own", "keep", "named"])
    capture = received(service, arrived)
    for step in (preserve, look, release):
        step(JOB, "olha", arrived.contribution.id, capture)
    return capture


def in_review(service: Service, photos: list[Path], model: Path) -> str:
    capture = ingested(service, photos)
    kept = deposited(service.archive, capture)
    assert kept is not None
    made = deposit_model(service.archive, model, [kept])
    with service.database.writing("service", "record model") as session:
        row = session.get_one(Capture, capture)
        row.state = "in review"
        session.add(Model(id=made.id, subject=row.subject, captures=[capture], digest=made.digest))
        session.flush()
        review = open_review(session, row.subject or "", made.id)
    draft(JOB, review)
    return review


def passed(service: Service, review: str) -> None:
    with service.database.reading() as session:
        version = session.get_one(Review, review).version
    decision = Decision.model_validate({
        "outcome": "passed", "seen_version": version, "precision": "exact", "reason": "well known",
        "checked": ANSWERS, "names_people": True,
    })  # fmt: skip
    decide(service, review, "custodian", decision)
    publish(review)


def publish(review: str) -> None:
    """The workflow of that name, in this process."""
    if files_lost(JOB, review):
        draft_lost(JOB, review)
    expose(JOB, review)
    reveal(JOB, review)


def subject_of(service: Service, review: str) -> str:
    with service.database.reading() as session:
        return session.get_one(Review, review).subject


def heritage(service: Service) -> dict[str, Any]:
    """Every row of every table of heritage, and the ledger in its order."""
    columns = [column for column in inspect(Entry).columns if column.key != "number"]
    with service.database.reading() as session:
        told: dict[str, Any] = {
            kind.kind_of(): [state_of(row) for row in session.scalars(select(kind).order_by(kind.id))]
            for kind in HERITAGE
        }
        told["ledger"] = [tuple(row) for row in session.execute(select(*columns).order_by(Entry.number))]
    return told


def public(service: Service) -> dict[str, PublicRecord | Withdrawn | None]:
    with service.database.reading() as session:
        every = session.scalars(select(Publication.id)).all()
    return {one: record(service.projection, one) for one in every}


def files(service: Service) -> dict[str, bytes]:
    return {stat.key: service.files.read(stat.key)[0] for stat in service.files.list()}


def burnt(service: Service, to: Path) -> list[str]:
    """A new folder with nothing but the archive, and the identities in the custodian's key."""
    service.close()
    to.mkdir()
    shutil.move(service.folder / "archive", to / "archive")
    return load_identities(service.folder / RECOVERY)


@pytest.fixture
def service(tmp_path: Path):
    made = site(tmp_path / "data")
    yield made
    made.close()


def opened(folder: Path) -> Service:
    service = open_service(folder)
    work_for(service)
    return service


def test_everything_comes_back_from_the_archive_and_a_key(
    service: Service, photos: list[Path], model: Path, tmp_path: Path
) -> None:
    made = filled(service, photos, model)
    before, shown, content = heritage(service), public(service), files(service)
    assert all(before.values()), [name for name, rows in before.items() if not rows]
    names = {one.name for found in shown.values() if isinstance(found, PublicRecord) for one in found.people}
    assert len(content) == 10 and names == {"Olha P."}
    with service.projection.engine.begin() as connection:  # another version of Oberih wrote it
        connection.execute(state.update().where(state.c.name == "form").values(value="0"))
    prepare_service(service)
    assert not is_current(service.projection)  # killed here, the next start goes on
    prepare_service(service)
    Mender(service).look()
    assert public(service) == shown and is_current(service.projection)
    identities = burnt(service, tmp_path / "again")
    (tmp_path / "again" / "archive" / "index.sqlite").unlink()
    done = rebuild_service(tmp_path / "again", identities)
    assert (done.catalogue.troubles, done.catalogue.adopted, done.accounts) == ((), 0, 0)
    assert (done.public, done.new_custodian) == (1, True)
    again = opened(tmp_path / "again")
    assert heritage(again) == before
    words = {key: nameless(one) for key, one in shown.items()}
    assert {key: nameless(one) for key, one in public(again).items()} == words
    assert search(again.projection, asked(text="tserkva")).count == 1

    begun = begin_again(again)
    assert begun.lost == 1
    names_of_jobs = sorted(job.name for job in again.engine.jobs().jobs)
    assert names_of_jobs == ["draft", "draft", "ingest", "model", "publish"]
    publish(made["shown"])
    assert files(again) == content  # to the byte
    assert {key: without_names(one) for key, one in public(again).items()} == {
        key: without_names(one) for key, one in shown.items()
    }
    draft(JOB, made["waiting"])
    with again.database.reading() as session:
        assert drafted(again, session.get_one(Review, made["waiting"]))
        lost = session.get_one(Capture, made["received"])
    assert lost.state == "received" and "lost" in str(from_json(lost.reason))
    arguments = ("olha", contribution_of(again, made["preserved"]), made["preserved"])
    for step in (preserve, look, release):  # what is in the archive goes on from there
        step(JOB, *arguments)
    with again.database.reading() as session:
        assert session.get_one(Capture, made["preserved"]).state == "waiting"
        assert session.get_one(Place, made["preserved"]).latitude_deg == pytest.approx(LVIV[0])
    again.close()


def test_it_comes_back_on_postgresql_too(
    service: Service, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = ingested(service, photos)
    keep_entries(service.database, service.archive)
    before = heritage(service)
    identities = burnt(service, tmp_path / "again")
    monkeypatch.setenv("OBERIH_DATABASE_URL", fresh_database())
    for _ in range(2):  # again: nothing new
        rebuild_service(tmp_path / "again", identities)
        again = opened(tmp_path / "again")
        assert heritage(again) == before
        again.close()
    begin_again(again)
    assert [job.about for job in again.engine.jobs(name="model").jobs] == [(capture,)]
    again.close()


def test_an_archive_that_machines_share_comes_back_on_a_new_one(
    tmp_path: Path, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBERIH_ARCHIVE_URL", str(tmp_path / "shared"))
    monkeypatch.setenv("OBERIH_SECRET_KEY", token_urlsafe(32))
    monkeypatch.setenv("OBERIH_IDENTITY", new_identity()[0])
    service = opened(tmp_path / "data")
    prepare_service(service)
    with service.database.writing("test", "begin") as session:
        session.add(Account(id="olha", name="Olha"))
        session.flush()
        session.add(Grant(account="olha", role="contributor", collection="*", by="test"))
    capture = ingested(service, photos)
    keep_entries(service.database, service.archive)
    before, custodians = heritage(service), service.archive.settings.custodians
    service.close()
    identities = load_identities(service.folder / RECOVERY)
    shutil.rmtree(service.folder)
    monkeypatch.setenv("OBERIH_IDENTITY", new_identity()[0])  # the other one burnt too
    done = rebuild_service(tmp_path / "again", identities)
    again = opened(tmp_path / "again")
    prepare_service(again)
    assert heritage(again) == before and done.new_custodian
    found = again.archive.settings.custodians
    assert found == {**custodians, "service": again.secrets.recipient}
    assert again.archive.object(capture).read("originals/1.jpg") == photos[1].read_bytes()
    again.close()


def contribution_of(service: Service, capture: str) -> str:
    with service.database.reading() as session:
        return session.get_one(Capture, capture).contribution or ""


def without_names(found: PublicRecord | Withdrawn | None) -> Any:
    return found.model_copy(update={"people": ()}) if isinstance(found, PublicRecord) else found


def nameless(found: PublicRecord | Withdrawn | None) -> Any:
    """As long as the files are away, and nobody has an account."""
    return found.model_copy(update={"people": (), "files": ()}) if isinstance(found, PublicRecord) else found


def test_what_is_not_the_same_again_is_looked_at_again(
    service: Service, photos: list[Path], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = in_review(service, photos, model)
    passed(service, review)
    for stat in list(service.files.list()):
        service.files.delete(stat.key)
    monkeypatch.setattr(pictures, "TURNTABLE", (48, 36, 40_000))  # as another release would draw it
    publish(review)
    subject = subject_of(service, review)
    shown = record(service.projection, subject)
    assert isinstance(shown, PublicRecord) and shown.files == () and shown.titles
    assert list(service.files.list()) == []
    with service.database.reading() as session:
        again = session.scalars(select(Review).where(Review.state == "open")).one()
        assert drafted(service, again) and again.model == session.get_one(Review, review).model
    passed(service, again.id)
    with service.database.reading() as session:
        assert missing_files(service, session.get_one(Review, again.id)) == []
    shown = record(service.projection, subject)
    assert isinstance(shown, PublicRecord) and shown.files and shown.version == 2


def gate(service: Service) -> Gate:
    return Gate(Key(service.secrets.derived("accounts")), service.settings, "http://localhost:8000")


@pytest.mark.usefixtures("quick_hashes")
def test_a_backup_brings_people_and_secrets_back(
    service: Service, photos: list[Path], tmp_path: Path
) -> None:
    (service.folder / "oberih.toml").write_text('preset = "draft"\n')
    joined = join_with_password(
        service.database, gate(service), HOME, PASSWORD, profile=Profile("Petro", "petro")
    )
    here = present(service.database, joined)
    app = begin_codes(service.database, gate(service), here).secret
    confirm_codes(service.database, gate(service), HOME, here, app_code(app))
    ingested(service, photos)
    back_up(service, tmp_path / "backup.age")
    data = (tmp_path / "backup.age").read_bytes()
    assert (tmp_path / "backup.age").stat().st_mode & 0o777 == 0o600
    assert b"Petro" not in data and service.secrets.key.encode() not in data
    before, node, secrets = heritage(service), service.node, service.secrets
    identities = burnt(service, tmp_path / "again")
    done = rebuild_service(tmp_path / "again", identities, backup=data)
    assert (done.accounts, done.new_custodian) == (2, False)
    again = opened(tmp_path / "again")
    assert (again.secrets, again.node, again.settings.preset) == (secrets, node, "draft")
    assert heritage(again) == before
    assert log_in(again.database, gate(again), HOME, joined.login, PASSWORD, code=app_code(app, 1))
    with pytest.raises(Conflict, match="accounts already"):
        rebuild_service(tmp_path / "again", identities, backup=data)
    again.close()


def test_a_backup_that_cannot_be_used_is_told_in_words(service: Service, tmp_path: Path) -> None:
    back_up(service, tmp_path / "backup.age")
    data = (tmp_path / "backup.age").read_bytes()
    identities = burnt(service, tmp_path / "again")
    for bad, keys, error in (
        (data, [new_identity()[0]], KeyNeeded), (data[:-30], identities, Damaged), (b"", identities, Damaged),
    ):  # fmt: skip
        with pytest.raises(error):
            rebuild_service(tmp_path / "again", keys, backup=bad)
        assert [path.name for path in (tmp_path / "again").iterdir()] == ["archive"]
    with pytest.raises(InputError, match="no archive"):
        rebuild_service(tmp_path / "nowhere", identities)
    refuse_used(tmp_path / "again")
    (tmp_path / "again" / "private").mkdir()
    with pytest.raises(Conflict, match="not empty: private"):
        refuse_used(tmp_path / "again")
