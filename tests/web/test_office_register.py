"""Collections, organisations and condition reports: on pages, and through the interface for programs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from oberih.catalogue.rebuild import FIRST
from oberih.catalogue.tables import Capture, Collection, ConditionReport, Organisation, Subject
from web.office import OTHER, captured, house_at, in_review, person, row, tail
from web.visitors import House, Visitor

ROLES = ("contributor", "coordinator", "partner", "custodian", "admin")
REPORT = {
    "assessed": "2024-05-01", "grade": "severe", "event": "fire", "last_seen_intact": "2024-01-02",
    "first_seen_damaged": "2024-04-30", "confidence": "high",
    "items": "roof; burnt through; north; fire\nwall",
    "source": "the museum", "significance": "a <rare> roof", "risks": "rain",
}  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = house_at(tmp_path_factory.mktemp("register") / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def people(house: House) -> dict[str, Visitor]:
    """Those who have to do with the first collection, and an admin."""
    return {role: person(house, role, "*" if role == "admin" else FIRST) for role in ROLES}


def subject_in(house: House, collection: str = FIRST) -> str:
    return row(house, Capture, captured(house, collection)).subject or ""


def ask(visitor: Visitor, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """What a script of a page sends, with the word of that page."""
    if method == "GET":
        answer = visitor.client.get(f"/api/v1{path}", headers={"Accept": "*/*"})
    else:
        visitor.go("/account")
        word = visitor.text.split('name="csrf" content="')[1].split('"')[0]
        headers = {"X-CSRF-Token": word, "Origin": visitor.url, "Accept": "*/*"}
        answer = visitor.client.request(method, f"/api/v1{path}", json=body, headers=headers)
    return answer.status_code, answer.json()


# -- pages ---


def test_an_admin_makes_a_collection_and_its_custodians_change_it(
    house: House, people: dict[str, Visitor]
) -> None:
    admin, custodian = people["admin"], people["custodian"]
    admin.go("/register/organisations")
    told = {"title_en": "Museum of <mills>", "kind": "institution", "uri": "https://example.org/"}
    assert admin.send("/register/organisations", **told).status_code == 303, admin.text
    assert "Museum of &lt;mills&gt;" in admin.follow().text
    with house.service.database.reading() as session:
        museum = session.scalars(select(Organisation)).one()
    admin.go("/register/collections")
    assert (
        admin.send(
            "/register/collections", title_uk="Млини", title_en="Mills", organisation=museum.id
        ).status_code
        == 303
    )
    assert "Mills" in admin.follow().text and "Museum of" in admin.text
    with house.service.database.reading() as session:
        made = session.scalars(select(Collection).where(Collection.organisation == museum.id)).one()
    assert made.titles == {"uk": "Млини", "en": "Mills"}
    custodian.go("/register/collections")
    assert "Mills" not in custodian.text and f"/register/collections/{FIRST}" in custodian.text
    assert custodian.go(f"/register/collections/{made.id}").status_code == 404
    path = f"/register/collections/{FIRST}"
    custodian.go(path)
    assert (
        custodian.send(path, title_uk="Перша", title_en="The first", summary_en="Of all").status_code == 303
    )
    assert row(house, Collection, FIRST).titles["en"] == "The first"
    admin.go(f"/register/organisations/{museum.id}")
    assert (
        admin.send(f"/register/organisations/{museum.id}", title_en="Museum", kind="corps").status_code == 303
    )
    assert row(house, Organisation, museum.id).kind == "corps"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"title_uk": "", "title_en": " "}, "It needs a name"),
        ({"title_en": "x" * 301}, "It needs a name"),
        ({"title_en": "Call +380 44 123 45 67"}, "tells too much: +380 44 123 45 67"),
        ({"title_en": "A", "organisation": "nobody"}, "no such organisation"),
    ],
)
def test_what_is_no_collection_is_refused_in_plain_words(
    people: dict[str, Visitor], wrong: dict[str, str], words: str
) -> None:
    admin = people["admin"]
    admin.go("/register/collections")
    assert admin.send("/register/collections", **wrong).status_code == 422
    assert words in admin.text


def test_a_condition_is_reported_and_corrected(house: House, people: dict[str, Visitor]) -> None:
    custodian, subject = people["custodian"], subject_in(house)
    path = f"/subjects/{tail(subject)}/reports"
    custodian.go(f"/review/{in_review(house, captured(house))}")
    assert "/reports" in custodian.text
    custodian.go(path)
    assert custodian.send(path, **REPORT).status_code == 303, custodian.text
    assert "Badly damaged" in custodian.follow().text and "nothing of them is public" in custodian.text
    with house.service.database.reading() as session:
        made = session.scalars(select(ConditionReport).where(ConditionReport.subject == subject)).one()
    assert (made.grade, f"{made.last_seen_intact}", made.public) == ("severe", "2024-01-02", False)
    assert made.items == [
        {"component": "roof", "type": "burnt through", "position": "north", "cause": "fire"},
        {"component": "wall", "type": "", "position": "", "cause": ""},
    ]
    one = f"/reports/{made.id}"
    custodian.go(one)
    assert (
        "roof; burnt through; north; fire\nwall" in custodian.text and "a &lt;rare&gt; roof" in custodian.text
    )
    second = person(house, "custodian")
    second.go(one)
    assert custodian.send(one, **REPORT | {"grade": "destroyed"}).status_code == 303
    assert second.send(one, **REPORT).status_code == 409
    assert row(house, ConditionReport, made.id).grade == "destroyed"
    partner = people["partner"]
    assert "fire" in partner.go(one).text and '<form action="/reports' not in partner.text


TO_COME = (datetime.now(UTC).date() + timedelta(days=2)).isoformat()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"assessed": ""}, 'href="#assessed"'),
        ({"assessed": TO_COME}, "The days do not fit"),
        ({"last_seen_intact": "2024-05-01"}, "The days do not fit"),
        ({"grade": "gone"}, 'href="#grade"'),
        ({"items": "a; b; c; d; e"}, "at most four parts"),
        ({"risks": "x" * 5001}, 'href="#risks"'),
    ],
)
def test_what_is_no_report_is_asked_for_again(
    house: House, people: dict[str, Visitor], wrong: dict[str, str], words: str
) -> None:
    custodian = people["custodian"]
    path = f"/subjects/{tail(subject_in(house))}/reports"
    custodian.go(path)
    assert custodian.send(path, **REPORT | wrong).status_code == 422
    assert words in custodian.text and 'value="the museum"' in custodian.text


# -- the interface ---


def test_reports_through_the_interface(house: House, people: dict[str, Visitor]) -> None:
    custodian, partner = people["custodian"], people["partner"]
    path = f"/subjects/{subject_in(house).removeprefix('ark:/')}/reports"
    body = {"assessed": "2024-05-01", "grade": "slight", "items": [{"component": "door"}]}
    status, made = ask(custodian, "POST", path, body)
    assert (status, made["grade"], made["version"]) == (201, "slight", 1)
    assert "public" not in made
    assert ask(partner, "GET", path) == (200, {"reports": [made]})
    assert ask(partner, "GET", f"/reports/{made['id']}") == (200, made)
    change = {**body, "grade": "intact", "version": 1}
    assert ask(custodian, "PUT", f"/reports/{made['id']}", change)[1]["grade"] == "intact"
    assert ask(custodian, "PUT", f"/reports/{made['id']}", change)[0] == 409
    assert ask(partner, "PUT", f"/reports/{made['id']}", change)[0] == 403
    for wrong in ({"assessed": TO_COME}, {**body, "public": True}, {**body, "event": "a\x00b"}, {}):
        assert ask(custodian, "POST", path, wrong)[0] == 422
    there = f"/subjects/{subject_in(house, OTHER).removeprefix('ark:/')}/reports"
    for method, sent in (("GET", None), ("POST", body)):
        assert ask(custodian, method, there, sent)[0] == 404


def test_collections_and_organisations_through_the_interface(
    house: House, people: dict[str, Visitor]
) -> None:
    admin, custodian = people["admin"], people["custodian"]
    status, made = ask(admin, "POST", "/organisations", {"names": {"en": "Corps"}, "kind": "corps"})
    assert (status, made["names"]) == (201, {"en": "Corps"})
    told = {"titles": {"en": "Gates"}, "organisation": made["id"]}
    status, gates = ask(admin, "POST", "/collections", told)
    assert status == 201 and gates in ask(admin, "GET", "/collections")[1]["collections"]
    assert [one["id"] for one in ask(custodian, "GET", "/collections")[1]["collections"]] == [FIRST]
    assert ask(custodian, "PUT", f"/collections/{gates['id']}", {**told, "version": 1})[0] == 404
    assert ask(admin, "PUT", f"/collections/{gates['id']}", {**told, "version": 1})[1]["version"] == 1
    changed = {"names": {"en": "The corps"}, "version": 1}
    assert ask(admin, "PUT", f"/organisations/{made['id']}", changed)[1]["names"] == {"en": "The corps"}
    assert ask(custodian, "POST", "/collections", told)[0] == 403
    assert made["id"] in {one["id"] for one in ask(custodian, "GET", "/organisations")[1]["organisations"]}


def test_what_a_parameter_is_called_is_the_same_in_all_languages(
    house: House, people: dict[str, Visitor]
) -> None:
    path, sent = "/api/v1/collections", {"titles": 5}
    answer = people["admin"].script(path, sent, **{"Accept-Language": "uk"})
    assert answer.status_code == 422 and "titles" in answer.json()["message"], answer.text
    assert "not as it has to be" not in answer.text


def test_nobody_else_comes_near(house: House, people: dict[str, Visitor]) -> None:
    subject = subject_in(house)
    for role in ("contributor", "coordinator"):
        for path in (
            "/register/collections",
            f"/register/collections/{FIRST}",
            "/register/organisations",
            f"/subjects/{tail(subject)}/reports",
        ):
            assert people[role].go(path).status_code == 403, (role, path)
    assert people["admin"].go(f"/subjects/{tail(subject)}/reports").status_code == 403
    assert row(house, Subject, subject).withdrawn is None
