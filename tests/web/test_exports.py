"""Partners take records away: with their own rights, as these are when it is made and when it is fetched."""

import csv
import io
import json
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, insert, select

from oberih.catalogue.access import NotAllowed
from oberih.catalogue.accounts.keys import digest, new_token
from oberih.catalogue.accounts.tables import Grant, Token
from oberih.catalogue.database import now
from oberih.catalogue.ledger import Entry
from oberih.catalogue.rebuild import FIRST
from oberih.catalogue.tables import Collection, Subject
from oberih.work.engine import Job
from oberih.work.flow.exporting import write_export
from web.office import OTHER, PLACE, captured, house_at, person
from web.visitors import House, Visitor

JOB = Job("a test")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = house_at(tmp_path_factory.mktemp("exports") / "data")
    captured(made, title="Дзвіниця", place_in_words="behind the mill")
    captured(made, title='=HYPERLINK("https://evil.example")')
    captured(made, OTHER, title="Another")
    yield made
    made.close()


def asked(visitor: Visitor, collection: str = FIRST, **more: Any) -> httpx.Response:
    visitor.go("/account")
    return visitor.script("/api/v1/exports", {"collection": collection, **more})


def exported(house: House, visitor: Visitor, **more: Any) -> dict[str, bytes]:
    """The files in an export that was asked for, made and fetched."""
    begun = asked(visitor, **more).json()
    assert [job.name for job in house.service.engine.jobs(person=visitor.name).jobs][:1] == ["export"]
    assert visitor.client.get(begun["url"]).json()["state"] == "waiting"
    for _ in range(2):  # the step may be run again
        write_export(JOB, begun["id"])
    answer = visitor.client.get(f"{begun['url']}/records.zip")
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as package:
        return {name: package.read(name) for name in package.namelist()}


def rows(files: dict[str, bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files["records.csv"].decode("utf-8-sig"))))


def looks(house: House, account: str) -> list[tuple[str, str]]:
    wanted = select(Entry).where(Entry.actor == account, Entry.kind == "collection").order_by(Entry.number)
    with house.service.database.reading() as session:
        return [(one.action, one.of) for one in session.scalars(wanted)]


def test_a_partner_gets_the_records_of_a_collection_and_no_place(house: House) -> None:
    partner = person(house, "partner", FIRST)
    files = exported(house, partner)
    first, second = rows(files)
    assert (first["title"], first["photos"], first["public"]) == ("Дзвіниця", "3", "no")
    assert second["title"].startswith("'=HYPERLINK")  # no spreadsheet program runs it
    assert "latitude_deg" not in first
    told = files["records.json"].decode()
    assert str(PLACE[0]) not in told and "behind the mill" not in told and "olha" not in told
    assert json.loads(told)[0]["title"] == "Дзвіниця"
    assert looks(house, partner.name) == [("export", FIRST)] * 3  # made twice, fetched once


def test_places_are_for_those_who_may_see_them(house: House) -> None:
    partner = person(house, "partner", FIRST)
    first, _ = rows(exported(house, partner, places=True))
    assert (float(first["latitude_deg"]), float(first["longitude_deg"])) == PLACE
    assert ("see place", FIRST) in looks(house, partner.name)


def test_however_large_a_collection_is_little_of_it_is_in_memory(house: House) -> None:
    large = {"titles": {"uk": "Хата"}, "summary": {"uk": "x" * 50_000}}
    made = [
        {"id": f"ark:/99999/large{number}", "collection": "large", "title": "Хата", "description": large}
        for number in range(500)
    ]
    with house.service.database.writing("service", "test") as session:
        session.add(Collection(id="large", titles={"en": "Large"}))
        session.flush()
        session.execute(insert(Subject), made)
    partner = person(house, "partner", "large")
    begun = asked(partner, "large").json()
    tracemalloc.start()
    try:
        write_export(JOB, begun["id"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12e6  # of 25 MB
    answer = partner.client.get(f"{begun['url']}/records.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as package:
        files = {name: package.read(name) for name in package.namelist()}
    assert len(rows(files)) == len(json.loads(files["records.json"])) == 500


@pytest.mark.parametrize("role", ["", "contributor", "coordinator", "admin"])
def test_others_get_nothing(house: House, role: str) -> None:
    assert asked(person(house, role)).status_code == 403


def test_nothing_of_another_collection_and_nothing_of_somebody_else(house: House) -> None:
    partner, other = person(house, "partner", FIRST), person(house, "partner", FIRST)
    assert asked(partner, OTHER).status_code == 403
    begun = asked(partner).json()
    write_export(JOB, begun["id"])
    assert other.client.get(begun["url"]).status_code == 404
    assert other.client.get(f"{begun['url']}/records.zip").status_code == 404
    assert other.client.get("/api/v1/exports/secrets.toml").status_code == 404
    assert partner.client.get("/api/v1/exports/" + "0" * 32).status_code == 404


def test_whose_access_ended_meanwhile_gets_nothing(house: House) -> None:
    partner = person(house, "partner", FIRST)
    begun, made = asked(partner).json(), asked(partner).json()
    write_export(JOB, made["id"])
    with house.service.database.writing("service", "test") as session:
        grant = session.scalars(select(Grant).where(Grant.account == partner.name)).one()
        grant.until = now() - timedelta(seconds=1)
    before = looks(house, partner.name)
    with pytest.raises(NotAllowed):
        write_export(JOB, begun["id"])
    for path in (made["url"], f"{made['url']}/records.zip"):
        assert partner.client.get(path).status_code == 403
    assert looks(house, partner.name) == before
    assert not any(stat.key.endswith(f"{begun['id']}/records.zip") for stat in house.service.drafts.list())


def test_a_program_whose_token_was_revoked_gets_nothing(house: House) -> None:
    partner = person(house, "partner", FIRST)
    token = made_token(house, partner.name, "read:originals")
    visitor = house.visitor()
    headers = {"Authorization": f"Bearer {token}"}

    def ask(**wanted: Any) -> httpx.Response:
        return visitor.client.post("/api/v1/exports", json={"collection": FIRST, **wanted}, headers=headers)

    assert ask(places=True).status_code == 403  # its scope holds no places
    begun = ask().json()
    with house.service.database.writing("service", "test") as session:
        session.execute(delete(Token).where(Token.account == partner.name))
    with pytest.raises(NotAllowed):
        write_export(JOB, begun["id"])
    assert visitor.client.get(begun["url"], headers=headers).status_code == 401


def made_token(house: House, account: str, *scopes: str) -> str:
    token = new_token("oberih_")
    with house.service.database.writing("service", "test") as session:
        session.add(Token(
            hash=digest(token), account=account, name="script", scopes=list(scopes), strong=True,
            expires=now() + timedelta(days=1),
        ))  # fmt: skip
    return token


@pytest.mark.parametrize(
    "body", [{}, {"collection": "none"}, {"collection": FIRST, "x": 1}, {"collection": 5}]
)
def test_what_cannot_be_asked_is_told(house: House, body: dict[str, Any]) -> None:
    custodian = person(house, "custodian")
    custodian.go("/account")
    answer = custodian.script("/api/v1/exports", body)
    assert answer.status_code == 422 and answer.json()["message"]
