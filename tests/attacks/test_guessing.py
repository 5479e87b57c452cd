"""Attacks by inference: case 9 (shadows), 10 (neighbours), 11 (versions), 12 (coast), 13 (prose)."""

import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from attacks.canaries import LATITUDE, LONGITUDE, WORD
from attacks.town import PRECISION, Town
from oberih.catalogue.public import record
from oberih.catalogue.tables import Place, Publication, Review, Subject
from oberih.trust.cells import CLASSES, CandidateSites, TruePlace, cell_of, generalised
from oberih.work.engine import Job
from oberih.work.flow import project
from oberih.work.flow.publishing import reveal
from oberih.work.service import Service
from web.office import captured, in_review
from work.site import site

pytestmark = pytest.mark.xdist_group("attacks")
MOMENT = re.compile(rb"20\d\d-\d\d-\d\d|\d\d:\d\d:\d\d")
SNAKE_ISLAND = TruePlace(45.255, 30.204)  # the only land for 35 km around
CHERNIHIV = (51.5, 31.3)
JOB = Job("a test")


def test_case_9_dates_are_months(town: Town, public: dict[str, bytes]) -> None:
    told = 0
    for name, data in public.items():
        head, _, body = data.partition(b"\n\n") if name.startswith("/") else (b"", b"", data)
        assert not re.search(rb"(?mi)^(?:last-modified|expires|age):", head), name
        if b"text/html" in head or b"application/json" in head or name.endswith("text"):
            told += 1
            if name in (
                "/dump/manifest.json",
                "public.sqlite as text",
            ):  # it may say when it was changed last
                body = body.replace(f"{datetime.now(UTC):%Y-%m-%d}".encode(), b"")  # docs/decisions/0013
            if name.split()[0] != "/api":  # its examples have days
                assert not MOMENT.search(body), name
    assert told > 30
    shown = town.ask(f"/api/v1/records/{town.records['wall'].removeprefix('ark:/')}").json()
    assert shown["recorded"] == "2024-05"  # the month, of the oldest of its photos
    assert re.fullmatch(r"\d{4}-\d{2}", shown["published"])


def test_cases_9_13_a_custodian_is_warned_with_the_very_words(town: Town) -> None:
    review = in_review(town, captured(town, place_in_words="вул. Шевченка, с. Седнів"))  # type: ignore[arg-type]
    page = f"/review/{review}"
    with town.service.database.writing("service", "test") as session:
        subject = session.get_one(Subject, session.get_one(Review, review).subject)
        subject.description = {**subject.description, "subjects": [{"labels": {"uk": "під Седневом"}}]}
    town.custodian.go(page)
    words = {
        "title_en": "A church near Sedniv", "kind": "building",
        "summary_en": "14 June 2026, 15:42, after the storm, 51.4982, 31.2894, AA 1234 BB, +380 44 123 45 67",
    }  # fmt: skip
    assert town.custodian.send(f"{page}/words", **words, blur="0/0").status_code == 303, town.custodian.text
    quotes = re.findall(r"<blockquote>([^<]+)</blockquote>", town.custodian.follow().text)
    assert set(quotes) >= {
        "14 June 2026", "15:42", "after the storm", "51.4982, 31.2894", "AA 1234 BB", "+380 44 123 45 67",
        "Sedniv", "Седневом",
    }  # fmt: skip
    whole = {
        "decision": "passed", "precision": "withheld", "reason": "x", "due": "2999-01-01", "blur": "0/0",
        "check_military": "none", "check_people": "none", "check_plates": "none",
    }  # fmt: skip
    assert town.custodian.send(page, **whole).status_code == 422  # nobody has judged them


def test_cases_7_9_13_a_custodian_is_warned_with_the_very_pictures(town: Town) -> None:
    for told in town.warned.values():
        warned = told[told.index('id="warnings"') : told.index('id="check"')]
        assert "sky line, street signs, house numbers, shops and shadows" in warned
        assert re.findall(r'<img[^>]+src="/review/[0-9a-f]+/files/pictures/\d+\.jpg', warned)
        assert "A facade that exists once is found by its picture alone" in told


def test_case_10_who_recorded_it_is_not_named_beside_a_place_that_is_shielded(town: Town) -> None:
    """They wanted to be named, and the custodian agreed: yet their open records would bracket this one."""
    ark = town.records["wall"].removeprefix("ark:/")
    assert town.ask(f"/api/v1/records/{ark}").json()["people"] == []
    page = town.ask(f"/records/{ark}", headers={"Accept-Language": "en"})
    assert "not named here" in page.text


def test_case_11_versions_and_corrections_do_not_move_the_cell(town: Town) -> None:
    wall = town.records["wall"]
    path = f"/api/v1/records/{wall.removeprefix('ark:/')}"
    shown = town.ask(path).json()["place"]
    assert shown == {"precision": PRECISION, "cell": cell_of(LATITUDE, LONGITUDE, PRECISION), "region": {}}
    for number in range(5):  # each recording has another error, some beyond the border of the cell
        with town.service.database.writing("custodian", "test") as session:
            session.get_one(Place, wall).latitude_deg = LATITUDE + 0.01 * number
        project(town.service, wall)
        assert town.ask(path).json()["place"] == shown


def test_case_12_without_a_register_it_is_a_region_and_depends_on_nothing_sealed(tmp_path: Path) -> None:
    service = site(tmp_path / "data")
    try:
        shown: dict[str, set[tuple[str, str | None]]] = {asked: set() for asked in CLASSES}
        for crowd in (0, 9):  # places that are sealed change nothing
            for number in range(crowd):
                sealed_at(service, CHERNIHIV[0] + number / 1000)
            for asked in CLASSES:
                subject, review = sealed_at(service, CHERNIHIV[0], asked)
                reveal(JOB, review)
                place = record(service.projection, subject).place  # type: ignore[union-attr]
                shown[asked].add((place.precision, place.cell))
        region = {("region", cell_of(*CHERNIHIV, "region"))}
        assert shown == {
            "withheld": {("withheld", None)}, "region": region, "10 km": region, "1 km": region,
            "exact": {("exact", cell_of(*CHERNIHIV, "exact"))},
        }  # fmt: skip
    finally:
        service.close()


def sealed_at(service: Service, latitude: float, asked: str = "withheld") -> tuple[str, str]:
    """Something there that passed its review: the subject, and the review."""
    house = SimpleNamespace(service=service)
    review = in_review(house, captured(house))  # type: ignore[arg-type]
    with service.database.writing("service", "test") as session:
        row = session.get_one(Review, review)
        session.get_one(Subject, row.subject).precision = asked
        session.add(Place(id=row.subject, latitude_deg=latitude, longitude_deg=CHERNIHIV[1]))
        row.number = 1
        session.add(Publication(id=row.subject, waiting=review))
        return row.subject, review


def test_case_12_at_a_coast_with_few_sites_a_cell_grows_or_goes() -> None:
    odesa = CandidateSites([46.48 + n / 500 for n in range(30)], [30.73] * 30)
    alone = generalised(SNAKE_ISLAND, "1 km", odesa, 5, before=None)
    assert (alone.precision, alone.cell) == ("withheld", None)
    nobody_knows = generalised(SNAKE_ISLAND, "1 km", None, 5, before=None)
    assert nobody_knows.precision == "region" and "no register" in nobody_knows.reason


def test_case_12_sites_that_are_public_exactly_hide_nothing() -> None:
    """The others of a register are left out by everybody who can read: so they are not counted."""
    sites = CandidateSites([51.5 + n / 400 for n in range(6)], [31.3] * 6)
    cell = cell_of(*CHERNIHIV, "10 km")
    known = [cell_of(51.5 + n / 400, 31.3, "exact") for n in (2, 3, 4, 5)]
    left = sites.without(one for one in known if one)
    assert cell is not None and (sites.count(cell), left.count(cell)) == (6, 2)
    assert generalised(TruePlace(*CHERNIHIV), "10 km", left, 5, before=None).precision == "withheld"


def test_case_13_nothing_that_was_said_of_the_way_is_public(public: dict[str, bytes]) -> None:
    assert [name for name, data in public.items() if WORD.lower().encode() in data.lower()] == []
