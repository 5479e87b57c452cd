"""Who recorded: a pseudonym for everybody, a name for those who hold a key, nothing once they have left."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from oberih.archive.crypt import load_identities
from oberih.archive.deposit import ABOUT
from oberih.archive.people.records import PERSON, add_person, person_data
from oberih.catalogue.access import OPERATOR
from oberih.catalogue.accounts import leave
from oberih.catalogue.accounts.tables import Account
from oberih.catalogue.database import Database
from oberih.catalogue.ledger import entries_of
from oberih.catalogue.tables import Capture, Person, Rights
from oberih.errors import KeyNeeded
from oberih.work.engine import Job
from oberih.work.flow import received
from oberih.work.flow.ingest import preserve
from oberih.work.flow.persons import depart, person_of
from oberih.work.service import RECOVERY, Service
from work.site import brought, photo, site

JOB = Job("a test")


@pytest.fixture
def service(tmp_path: Path):
    made = site(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return [photo(tmp_path / f"{number}.jpg", number) for number in range(2)]


def preserved(service: Service, photos: list[Path], **details: object) -> str:
    arrived = brought(service, photos, **details)
    capture = received(service, arrived)
    preserve(JOB, "olha", arrived.contribution.id, capture)
    return capture


def row(service: Service, kind: type, identifier: str):
    with service.database.reading() as session:
        return session.get_one(kind, identifier)


def test_a_first_contribution_makes_a_pseudonym_and_seals_the_name(
    service: Service, photos: list[Path]
) -> None:
    first, second = (row(service, Capture, preserved(service, photos)) for _ in range(2))
    assert first.person == second.person == row(service, Account, "olha").pseudonym
    assert first.person.startswith("person-") and not row(service, Person, first.person).credited
    assert json.loads(service.archive.object(first.id).read(ABOUT))["person"] == first.person
    custodian = load_identities(service.folder / RECOVERY)
    told = {"account": "olha", "name": "Olha", "public_name": "Olha P."}
    assert person_data(service.archive, first.person, custodian) == told
    with service.database.reading() as session:
        assert set(session.scalars(select(Rights.person).where(Rights.kind == "consent"))) == {first.person}
    stored = [path for path in (service.folder / "archive" / "main").rglob("*") if path.is_file()]
    assert not any(b"Olha" in path.read_bytes() for path in stored)


def test_only_who_wants_to_be_named_is_credited(service: Service, photos: list[Path]) -> None:
    capture = row(service, Capture, preserved(service, photos, consents=["own", "keep", "named"]))
    assert row(service, Person, capture.person).credited


def test_two_first_contributions_at_once_make_one_person(service: Service) -> None:
    with ThreadPoolExecutor(2) as pool:
        made = set(pool.map(lambda _: person_of(service, "olha"), range(2)))
    assert len(made) == 1
    assert [one.title for one in service.archive.index.objects(PERSON)] == list(made)


def test_what_stopped_half_way_goes_on_under_the_same_pseudonym(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("oberih.work.flow.persons.add_person", stopped)
        with pytest.raises(KeyboardInterrupt):
            person_of(service, "olha")
    begun = row(service, Account, "olha").pseudonym
    with monkeypatch.context() as patched:
        patched.setattr(Database, "writing", stopped)  # later: it is sealed, and not written down
        with pytest.raises(KeyboardInterrupt):
            person_of(service, "olha")
    assert person_of(service, "olha") == begun
    assert [one.title for one in service.archive.index.objects(PERSON)] == [begun]


def test_the_database_takes_others_while_somebody_is_sealed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store may be far away. (On SQLite a transaction that writes keeps all others waiting.)"""

    def slow(*given: object) -> str:
        with service.database.writing("service", "meanwhile") as session:
            session.get_one(Account, "olha").public_name = "O."
        return add_person(*given)

    monkeypatch.setattr("oberih.work.flow.persons.add_person", slow)
    assert person_of(service, "olha")
    assert row(service, Account, "olha").public_name == "O."


def test_who_leaves_while_they_are_sealed_is_not_forgotten(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, sealed = threading.Event(), threading.Event()

    def slow(*given: object) -> str:
        begun.set()
        assert not sealed.wait(0.3)  # whoever leaves waits until it is done
        return add_person(*given)

    monkeypatch.setattr("oberih.work.flow.persons.add_person", slow)
    with ThreadPoolExecutor(2) as pool:
        coming = pool.submit(person_of, service, "olha")
        assert begun.wait(10)
        going = pool.submit(depart, service, OPERATOR, "olha")
        going.add_done_callback(lambda _: sealed.set())
        pseudonym, _ = coming.result(), going.result()
    with pytest.raises(KeyNeeded, match="key is destroyed"):
        person_data(service.archive, pseudonym, load_identities(service.folder / RECOVERY))
    assert row(service, Person, pseudonym).withdrawn is not None


def test_who_leaves_takes_the_name_along_and_the_recording_stays(
    service: Service, photos: list[Path]
) -> None:
    capture = preserved(service, photos, consents=["own", "keep", "named"])
    pseudonym = row(service, Account, "olha").pseudonym
    depart(service, OPERATOR, "olha")
    found = row(service, Capture, capture)
    assert (found.person, found.credited) == (pseudonym, False)
    assert row(service, Person, pseudonym).withdrawn is not None
    with pytest.raises(KeyNeeded, match="key is destroyed"):
        person_data(service.archive, pseudonym, load_identities(service.folder / RECOVERY))
    with service.database.reading() as session:
        kept = [entry.data for kind in ("capture", "person") for of in (capture, pseudonym)
                for entry in entries_of(session, kind, of)]  # fmt: skip
    assert kept and "Olha" not in json.dumps(kept)
    assert service.archive.object(capture).read("originals/1.jpg") == photos[1].read_bytes()


def test_a_contribution_of_somebody_who_left_meanwhile_has_no_person(
    service: Service, photos: list[Path]
) -> None:
    arrived = brought(service, photos)
    capture = received(service, arrived)
    leave(service.database, OPERATOR, "olha")
    preserve(JOB, "olha", arrived.contribution.id, capture)
    assert row(service, Capture, capture).person == ""
