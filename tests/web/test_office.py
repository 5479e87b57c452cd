"""The office: who may go where, danger zones, jobs, people, the audit trail."""

import re
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import select

from oberih.catalogue.accounts.tables import Account, Grant
from oberih.catalogue.rebuild import FIRST
from oberih.catalogue.tables import Review, Subject, Zone
from web.office import OTHER, PLACE, captured, house_at, in_review, person
from web.visitors import URL, Forms, House, Visitor

SQUARE = "50.0, 30.0\n50.0, 30.1\n50.1, 30.1"
ZONE = {"name": "front", "polygon": SQUARE, "margin": "500", "reason": "mines"}
PLACES = {  # path -> who may open it, besides those who may nothing
    "/review": {"custodian", "custodian here"},
    "/zones": {"coordinator", "custodian", "custodian here"},
    "/jobs": {"custodian", "custodian here", "admin"},
    "/people": {"coordinator", "custodian", "custodian here", "admin"},
    "/audit": {"custodian", "custodian here", "admin"},
}
ROLES = ("", "contributor", "partner", "coordinator", "custodian", "custodian here", "admin")
FORMS = {  # path -> who is not told that they may not, when nothing like that is there
    "/review/{review}": {"custodian", "custodian here"},
    "/review/{review}/words": {"custodian", "custodian here"},
    "/review/{review}/unpublish": {"custodian", "custodian here"},
    "/zones": {"coordinator", "custodian", "custodian here"},
    "/zones/none/end": {"coordinator", "custodian"},
    "/jobs/draft:none:1/cancel": {"custodian", "custodian here", "admin"},
    "/jobs/draft:none:1/again": {"custodian", "custodian here", "admin"},
    "/people/none/suspend": {"coordinator", "custodian", "custodian here", "admin"},
    "/people/none/recovery": {"coordinator", "custodian", "custodian here", "admin"},
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = house_at(tmp_path_factory.mktemp("office") / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def people(house: House) -> dict[str, Visitor]:
    made = {role: person(house, role) for role in ROLES if role != "custodian here"}
    made["custodian here"] = person(house, "custodian", FIRST)
    return made


def post(visitor: Visitor, path: str, **fields: str) -> httpx.Response:
    """A form with the right word, sent to any address."""
    told = fields | {"csrf": Forms(visitor.go("/account").text).csrf}
    visitor.page = visitor.client.post(path, data=told, headers={"Origin": URL, "Referer": f"{URL}/people"})
    return visitor.page


@pytest.mark.parametrize("path", PLACES)
def test_who_may_open_what(house: House, people: dict[str, Visitor], path: str) -> None:
    for role, visitor in people.items():
        assert visitor.go(path).status_code == (200 if role in PLACES[path] else 403), (role, path)
    assert house.visitor().client.get(path).headers["Location"].startswith("/login")


@pytest.mark.parametrize("path", FORMS)
def test_who_may_send_what(house: House, people: dict[str, Visitor], path: str) -> None:
    review = in_review(house, captured(house, OTHER))
    for role, visitor in people.items():
        status = post(visitor, path.format(review=review), some="thing").status_code
        assert (status != 403) == (role in FORMS[path]), (role, status)
        if role == "custodian here" and "{review}" in path:
            assert status == 404  # somebody else's is as unknown as what is not there
    bare = people["custodian"].client.post(path.format(review=review), data={"decision": "passed"})
    assert bare.status_code == 403  # without the word of our own page
    with house.service.database.reading() as session:
        assert session.get_one(Review, review).state == "open"


def test_a_zone_is_marked_and_ended(house: House, people: dict[str, Visitor]) -> None:
    coordinator = people["coordinator"]
    coordinator.go("/zones")
    assert coordinator.send("/zones", **ZONE | {"name": "<i>front</i>"}).status_code == 303
    coordinator.follow()
    assert "&lt;i&gt;front" in coordinator.text and "<i>front" not in coordinator.text
    with house.service.database.reading() as session:
        zone = session.scalars(select(Zone).where(Zone.name == "<i>front</i>")).one()
    assert (zone.margin_m, zone.polygon["coordinates"][0][0]) == (500, [30, 50])
    assert post(people["custodian here"], f"/zones/{zone.id}/end", some="thing").status_code == 403
    coordinator.go("/zones")
    assert coordinator.send(f"/zones/{zone.id}/end").status_code == 303
    assert "&lt;i&gt;front" not in coordinator.follow().text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"polygon": "here"}, "is not latitude and longitude"),
        ({"polygon": "{"}, "The zone is no JSON."),
        ({"polygon": '{"type": "Point", "coordinates": [30, 50]}'}, "this is something else"),
        ({"polygon": "50, 30\n51, 31\n50, 31\n51, 30"}, "crosses or touches itself"),
        ({"margin": "far"}, "The margin is a number"),
        ({"reason": " "}, "why people must keep out"),
        ({"begins": "2026-02-02", "ends": "2026-01-01"}, "ends before it begins"),
        ({"begins": "soon"}, "This is not a day."),
    ],
)
def test_what_is_no_zone_is_refused_in_plain_words(
    people: dict[str, Visitor], wrong: dict[str, str], words: str
) -> None:
    visitor = people["custodian"]
    visitor.go("/zones")
    assert visitor.send("/zones", **ZONE | wrong).status_code == 422
    assert words in visitor.text and 'value="front"' in visitor.text


def test_jobs_are_stopped_and_tried_again_by_those_of_the_collection(
    house: House, people: dict[str, Visitor]
) -> None:
    review, engine = in_review(house, captured(house, OTHER, title="Gate")), house.service.engine
    key = f"draft:{review}:7"
    engine.enqueue("draft", key=key, queue="cpu", args={"review": review, "corrections": "7"})
    admin, stranger = people["admin"], people["custodian here"]
    assert "Gate" in admin.go("/jobs").text and "Gate" not in stranger.go("/jobs").text
    assert post(stranger, f"/jobs/{key}/cancel", some="thing").status_code == 404
    admin.go("/jobs")
    assert admin.send(f"/jobs/{key}/cancel").status_code == 303
    assert engine.state(key).status == "cancelled"
    admin.go("/jobs")
    assert admin.send(f"/jobs/{key}/again").status_code == 303
    assert engine.state(key).status == "waiting"


def test_jobs_that_keep_the_audit_trail_are_shown_when_asked_for(
    house: House, people: dict[str, Visitor]
) -> None:
    house.service.engine.enqueue("keep", key="keep:1", queue="light")
    admin = people["admin"]
    assert "/jobs/keep:1/" not in admin.go("/jobs").text
    text = admin.go("/jobs?keeping=yes").text
    assert text.count("/jobs/keep:1/cancel") == 1
    title = text.split("<tbody>")[1].split("</th>")[0]
    assert title.count("Keeping the audit trail in the archive") == 1


def test_roles_are_given_and_taken(house: House, people: dict[str, Visitor]) -> None:
    admin, somebody = people["admin"], person(house)
    path = f"/people/{somebody.name}"
    admin.go("/people?q=Person")
    given = {"role": "custodian", "collection": OTHER, "until": "2999-01-01", "why": "knows it well"}
    assert admin.send(f"{path}/grant", **given).status_code == 303, admin.text
    with house.service.database.reading() as session:
        grant = session.scalars(select(Grant).where(Grant.account == somebody.name)).one()
    assert (grant.role, grant.collection, grant.until.year) == ("custodian", OTHER, 2999)
    admin.go("/people")
    assert admin.send(f"{path}/grant", **given | {"until": "2001-01-01"}).status_code == 422
    assert post(admin, f"{path}/revoke", grant="another").status_code == 404
    assert post(admin, f"{path}/revoke", grant=grant.id).status_code == 303
    with house.service.database.reading() as session:
        assert session.get(Grant, grant.id) is None
    refused = post(people["coordinator"], f"{path}/grant", role="admin", collection="")
    assert refused.status_code == 403


def test_two_of_the_same_name_are_told_apart(house: House, people: dict[str, Visitor]) -> None:
    for _ in range(2):
        house.visitor().join("Olena")
    page = people["admin"].go("/people?q=Olena").text
    logins = set(re.findall(r"<b>Olena</b> <code>(Olena-\d+)</code>", page))
    assert len(logins) == 2
    assert set(re.findall(r"<p>Olena <code>(Olena-\d+)</code></p>", page)) == logins


def test_links_are_shown_once(house: House, people: dict[str, Visitor]) -> None:
    admin, somebody = people["admin"], person(house)
    admin.go("/people")
    assert admin.send("/people/invite", role="coordinator", note="from the <corps>").status_code == 303
    assert "/join/" in admin.follow().text
    admin.go("/people")
    assert "from the &lt;corps&gt;" in admin.text
    revoke = admin.text.split('action="/people/invitations/')[1].split('"')[0]
    assert admin.send(f"/people/invitations/{revoke}").status_code == 303
    assert "from the" not in admin.follow().text
    assert admin.send(f"/people/{somebody.name}/recovery").status_code == 303
    assert "/recover/" in admin.follow().text


def test_an_account_is_closed_and_opened(house: House, people: dict[str, Visitor]) -> None:
    admin, somebody = people["admin"], person(house, "contributor")
    for action, closed in (("suspend", True), ("restore", False)):
        admin.go("/people")
        assert admin.send(f"/people/{somebody.name}/{action}").status_code == 303
        with house.service.database.reading() as session:
            assert (session.get_one(Account, somebody.name).disabled is not None) == closed


def test_the_audit_trail_in_pages_and_without_what_is_sealed(
    house: House, people: dict[str, Visitor]
) -> None:
    review = in_review(house, captured(house, OTHER, title="Fort"))
    with house.service.database.reading() as session:
        subject = session.get_one(Review, review).subject
    for number in range(60):
        with house.service.database.writing("p-9a", "edit description", "a sealed reason") as session:
            session.get_one(Subject, subject).title = f"Fort {number}"
    admin, custodian, stranger = people["admin"], people["custodian"], people["custodian here"]
    admin.go(f"/audit?of={subject}")
    assert admin.text.count("<b>Changed the words</b>") == 50 and "title" in admin.text
    later = admin.text.split('href="/audit?')[-1].split('"')[0].replace("&amp;", "&")
    assert "before=" in later
    admin.go(f"/audit?{later}")
    assert admin.text.count("<b>Changed the words</b>") == 10
    assert "a sealed reason" not in admin.text
    assert "a sealed reason" in custodian.go(f"/audit?of={subject}&actor=p-9a&kind=subject").text
    assert "Changed the words" not in stranger.go(f"/audit?of={subject}").text
    assert custodian.go("/audit?since=soon").status_code == 422
    custodian.go(f"/review/{review}")
    admin.go("/audit?kind=place")
    assert "Looked at the true place" in admin.text and str(PLACE[0]) not in admin.text
