"""OAI-PMH as harvesters use it, held to the official schemas (in ../shared/suites)."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from oberih.catalogue.public import (
    PublicCollection,
    PublicRelation,
    PublicRights,
    Withdrawn,
    load,
    publish,
    withdraw,
)
from oberih.web.open.addresses import House
from oberih.web.open.data.oai import Repository, group_of, set_of
from public_help import ark, made, plain
from schemas import oai_pmh, official
from web.open_data import ADDRESS, HOUSE, Open, opened, rich

OAI = "{http://www.openarchives.org/OAI/2.0/}"
PREFIXES = {"oai_dc": "oai_dc", "lido": "lido", "edm": "edm"}
FIRST = date(2026, 3, 1)


@pytest.fixture(params=["sqlite", "postgresql"])
def open_side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    with opened(request.param, tmp_path) as made_open:
        yield made_open


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Open]:
    """On SQLite, where the database makes no difference."""
    with opened("sqlite", tmp_path) as made_open:
        yield made_open


def tree(answer: bytes | str) -> Any:
    """An answer that is valid, as a tree."""
    return oai_pmh(answer.encode() if isinstance(answer, str) else answer)


def ask(side: Open, page: int = 200, **arguments: str) -> Any:
    given = [(name.strip("_"), value) for name, value in arguments.items()]
    return tree(Repository(side.reader, HOUSE, page=page).answer(given))


def code(found: Any) -> str:
    return str(found.find(f"{OAI}error").get("code"))


def headers(found: Any) -> list[tuple[str, str, bool]]:
    """Identifier, day, and whether it is there."""
    return [
        (one.findtext(f"{OAI}identifier"), one.findtext(f"{OAI}datestamp"), one.get("status") != "deleted")
        for one in found.iter(f"{OAI}header")
    ]


def harvest(side: Open, page: int = 7, between: Any = None, **arguments: str) -> list[tuple[str, str, bool]]:
    """All pages of a list, as a harvester reads them. ``between``: is called after each page."""
    told: list[tuple[str, str, bool]] = []
    found = ask(side, page, **arguments)
    while True:
        if found.find(f"{OAI}error") is not None:
            assert code(found) == "noRecordsMatch"
            return told
        told += headers(found)
        token = found.find(f".//{OAI}resumptionToken")
        if token is None or not token.text:
            return told
        if between:
            between()
        found = ask(side, page, verb=arguments["verb"], resumptionToken=token.text)


def filled(side: Open, count: int = 20) -> None:
    """Records of as many days, every fifth of them withdrawn later."""
    for number in range(count):
        publish(side.writer, made(number), today=FIRST + timedelta(days=number))
    for number in range(0, count, 5):
        withdraw(side.writer, ark(number), "2026-04", today=FIRST + timedelta(days=count + number))


@official
def test_who_we_are_and_in_which_formats(open_side: Open) -> None:
    assert (
        ask(open_side, verb="Identify").findtext(f".//{OAI}earliestDatestamp")
        == f"{datetime.now(UTC):%Y-%m-%d}"
    )
    assert code(ask(open_side, verb="ListSets")) == "noSetHierarchy"
    filled(open_side)
    told = ask(open_side, verb="Identify")
    assert told.findtext(f".//{OAI}baseURL") == f"{ADDRESS}/oai"
    assert told.findtext(f".//{OAI}deletedRecord") == "persistent"
    assert told.findtext(f".//{OAI}granularity") == "YYYY-MM-DD"
    assert told.findtext(f".//{OAI}earliestDatestamp") == "2026-03-02"  # the first is of a later day now
    assert told.findtext(f".//{OAI}adminEmail") == "postmaster@heritage.example"
    house = House("http://localhost:8000", contact="we@museum.example")
    mail = Repository(open_side.reader, house).answer([("verb", "Identify")])
    assert tree(mail).findtext(f".//{OAI}adminEmail") == "we@museum.example"
    formats = ask(open_side, verb="ListMetadataFormats", identifier=ark(1))
    assert [one.text for one in formats.iter(f"{OAI}metadataPrefix")] == ["oai_dc", "lido", "edm"]


@official
@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("text", ["Церква", "<b>&amp; ]]></b> \" '", "בית הכנסת", "emoji 🏛️ 𝕌", "x" * 900])
def test_records_are_valid_in_every_format(small: Open, prefix: str, text: str) -> None:
    publish(small.writer, rich(1, text))
    publish(small.writer, plain(2))
    for number in range(3, 9):
        publish(small.writer, made(number))
    withdraw(small.writer, ark(8), "2026-03")
    found = ask(small, verb="ListRecords", metadataPrefix=prefix)
    assert len(headers(found)) == 8 and len(list(found.iter(f"{OAI}metadata"))) == 7
    one = ask(small, verb="GetRecord", identifier=ark(1), metadataPrefix=prefix)
    assert text in "".join(one.find(f".//{OAI}metadata").itertext())
    gone = ask(small, verb="GetRecord", identifier=ark(8), metadataPrefix=prefix)
    assert headers(gone)[0][2] is False and gone.find(f".//{OAI}metadata") is None


@official
def test_pages_follow_one_another_to_the_end(open_side: Open) -> None:
    filled(open_side)
    told = harvest(open_side, verb="ListRecords", metadataPrefix="oai_dc")
    assert {one for one, _, there in told if there} == {ark(n) for n in range(20) if n % 5}
    assert {one for one, _, there in told if not there} == {ark(n) for n in range(20) if not n % 5}
    assert len(told) == 20 and [day for _, day, _ in told] == sorted(day for _, day, _ in told)
    assert told == harvest(open_side, 100, verb="ListIdentifiers", metadataPrefix="oai_dc")
    first = ask(open_side, 7, verb="ListIdentifiers", metadataPrefix="oai_dc").find(
        f".//{OAI}resumptionToken"
    )
    assert first.attrib == {"completeListSize": "20", "cursor": "0"}
    last = ask(open_side, 15, verb="ListIdentifiers", resumptionToken=first.text)
    token = last.find(f".//{OAI}resumptionToken")
    assert token.attrib == {"completeListSize": "20", "cursor": "7"} and token.text is None


def test_days_are_inclusive_and_right_to_the_day(open_side: Open) -> None:
    filled(open_side)
    every = harvest(open_side, verb="ListIdentifiers", metadataPrefix="oai_dc")
    rng = random.Random(1)
    days = [FIRST + timedelta(days=n) for n in range(-2, 45)]
    for _ in range(15):
        since, until = sorted(rng.sample(days, 2))
        told = harvest(
            open_side, verb="ListIdentifiers", metadataPrefix="oai_dc", from_=f"{since}", until=f"{until}"
        )
        assert told == [one for one in every if f"{since}" <= one[1] <= f"{until}"]
    assert harvest(open_side, verb="ListIdentifiers", metadataPrefix="lido", from_="2027-01-01") == []


def test_a_harvest_is_right_while_records_change(open_side: Open) -> None:
    """Whatever changes between two pages: nothing that stays is missed, and asking again for the days since
    makes a copy the same as the archive."""
    filled(open_side, 15)
    rng, last = random.Random(2), FIRST + timedelta(days=60)
    version = iter(range(2, 1000))

    def change() -> None:
        number = rng.randrange(15)
        if number % 5 and rng.random() < 0.7:
            publish(open_side.writer, made(number).model_copy(update={"version": next(version)}), today=last)
        elif number % 5:
            withdraw(open_side.writer, ark(number), "2026-05", today=last)
        publish(open_side.writer, made(100 + next(version)), today=last)

    copy = {}
    for one, day, there in harvest(open_side, 4, change, verb="ListRecords", metadataPrefix="oai_dc"):
        copy[one] = day, there
    for one, day, there in harvest(open_side, verb="ListRecords", metadataPrefix="oai_dc", from_=f"{last}"):
        copy[one] = day, there
    now = harvest(open_side, verb="ListIdentifiers", metadataPrefix="oai_dc")
    assert copy == {one: (day, there) for one, day, there in now}


def test_what_others_say_of_a_withdrawn_record_changes_that_day_too(open_side: Open) -> None:
    publish(open_side.writer, plain(1), today=FIRST)
    publish(
        open_side.writer, plain(2, relations=(PublicRelation(kind="is part of", id=ark(1)),)), today=FIRST
    )
    assert not publish(open_side.writer, plain(1), today=FIRST + timedelta(days=1))  # nothing changed
    withdraw(open_side.writer, ark(1), "2026-03", today=FIRST + timedelta(days=2))
    told = harvest(open_side, verb="ListRecords", metadataPrefix="oai_dc", from_="2026-03-02")
    assert sorted(told) == sorted([(ark(1), "2026-03-03", False), (ark(2), "2026-03-03", True)])
    publish(open_side.writer, plain(1, version=2), today=FIRST + timedelta(days=3))
    assert (ark(1), "2026-03-04", True) in harvest(open_side, verb="ListIdentifiers", metadataPrefix="lido")


def test_a_store_that_is_made_anew_has_changed_that_day(open_side: Open) -> None:
    filled(open_side, 5)
    token = ask(open_side, 2, verb="ListIdentifiers", metadataPrefix="oai_dc").find(
        f".//{OAI}resumptionToken"
    )
    grave = Withdrawn(id=ark(9), version=1, month="2026-03")
    load(open_side.writer, [made(n) for n in range(3)], [grave], today=date(2026, 8, 1))
    told = harvest(open_side, verb="ListRecords", metadataPrefix="oai_dc")
    assert {day for _, day, _ in told} == {"2026-08-01"} and len(told) == 4
    went_on = ask(open_side, 9, verb="ListIdentifiers", resumptionToken=token.text)  # it is good for ever
    assert len(headers(went_on)) == 4


@official
def test_sets_are_kinds_and_collections(open_side: Open) -> None:
    filled(open_side)
    publish(open_side.writer, rich(50), today=FIRST)
    named = [one.text for one in ask(open_side, verb="ListSets").iter(f"{OAI}setSpec")]
    assert "kind.building" in named and set_of("collection", "main/ä 1") in named
    gone = {ark(n) for n in range(0, 20, 5)}
    for spec in named:
        field, value = group_of(spec)
        told = harvest(open_side, 3, verb="ListRecords", metadataPrefix="lido", set=spec)
        records = [rich(50), *(made(n) for n in range(20) if n % 5)]
        within = {
            one.id for one in records
            if value == (one.kind if field == "kind" else one.collection and one.collection.id)
        }  # fmt: skip
        assert {one for one, _, there in told if there} == within
        assert {one for one, _, there in told if not there} == gone  # a tombstone is in every set
        assert len(told) == len(within) + len(gone)
    assert code(ask(open_side, verb="ListRecords", metadataPrefix="lido", set="nothing")) == "noRecordsMatch"


@pytest.mark.parametrize("value", ["main", "a b/c", "ї!%.~", "x:y", "!21"])
def test_every_collection_has_a_name_for_its_set(value: str) -> None:
    assert group_of(set_of("collection", value)) == ("collection", value)
    assert ":" not in set_of("collection", value)


@official
def test_europeana_is_told_only_what_it_takes(open_side: Open) -> None:
    own = PublicRights(uri="https://example.org/our-licence")
    publish(open_side.writer, rich(1), today=FIRST)
    publish(open_side.writer, rich(2, rights=own), today=FIRST)
    assert [one for one, _, _ in harvest(open_side, verb="ListRecords", metadataPrefix="edm")] == [ark(1)]
    assert len(harvest(open_side, verb="ListRecords", metadataPrefix="oai_dc")) == 2
    refused = ask(open_side, verb="GetRecord", metadataPrefix="edm", identifier=ark(2))
    assert code(refused) == "cannotDisseminateFormat"
    formats = ask(open_side, verb="ListMetadataFormats", identifier=ark(2))
    assert [one.text for one in formats.iter(f"{OAI}metadataPrefix")] == ["oai_dc", "lido"]


WRONG = {
    "badVerb": ["", "verb=", "verb=Nothing", "verb=Identify&verb=Identify", "verb=identify"],
    "badArgument": [
        "verb=Identify&x=1", "verb=ListRecords", "verb=GetRecord&identifier=ark:/1/2", "verb=GetRecord",
        "verb=ListRecords&metadataPrefix=oai_dc&from=2026-13-01", "verb=ListRecords&metadataPrefix=a%20b",
        "verb=ListRecords&metadataPrefix=oai_dc&from=2026-03-01T00:00:00Z",
        "verb=ListRecords&metadataPrefix=oai_dc&from=2026-03-02&until=2026-03-01",
        "verb=ListRecords&metadataPrefix=oai_dc&from=2026-03&until=2026-04",
        "verb=ListRecords&metadataPrefix=oai_dc&metadataPrefix=oai_dc", "verb=ListSets&set=x",
        "verb=ListRecords&metadataPrefix=oai_dc&resumptionToken=x",
        "verb=ListRecords&metadataPrefix=oai_dc&set=%3Cb%3E",
    ],
    "badResumptionToken": [
        "verb=ListRecords&resumptionToken=x", "verb=ListIdentifiers&resumptionToken=AAAA",
        "verb=ListSets&resumptionToken=x",
    ],
    "cannotDisseminateFormat": [
        "verb=ListRecords&metadataPrefix=marc", f"verb=GetRecord&metadataPrefix=marc&identifier={ark(1)}",
        "verb=ListIdentifiers&metadataPrefix=marc&from=2026-02-03",
    ],
    "idDoesNotExist": [
        "verb=GetRecord&metadataPrefix=oai_dc&identifier=ark:/99999/none",
        "verb=ListMetadataFormats&identifier=x:y", "verb=ListMetadataFormats&identifier=zz",
        "verb=GetRecord&metadataPrefix=oai_dc&identifier=%00",
        "verb=GetRecord&metadataPrefix=oai_dc&identifier=zz",
        "verb=GetRecord&metadataPrefix=oai_dc&identifier=https://heritage.example/x",
    ],
    "noRecordsMatch": [
        "verb=ListRecords&metadataPrefix=oai_dc&until=1999-12-31",
        "verb=ListRecords&metadataPrefix=lido&set=kind.x",
        "verb=ListIdentifiers&metadataPrefix=oai_dc&set=collection.!00",
    ],
}  # fmt: skip


@official
@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_has_its_code(small: Open, kind: str) -> None:
    publish(small.writer, made(1), today=FIRST)
    for query in WRONG[kind]:
        answer = small.get(f"/oai?{query}")
        assert answer.status_code == 200 and answer.headers["content-type"] == "text/xml; charset=utf-8"
        assert code(tree(answer.content)) == kind, query


@official
def test_whatever_is_asked_the_answer_is_valid(small: Open) -> None:
    filled(small, 5)
    rng = random.Random(3)
    values = ["", "x", "a b", "<&>\"'", "2026-03-01", "oai_dc", "lido", "kind.building", ark(1), "http://[",
              "é", "%zz", "\x00", "a:b:c", "x" * 2000, "ark:/%", "urn:x?y#z"]  # fmt: skip
    names = ["identifier", "metadataPrefix", "from", "until", "set", "resumptionToken", "other"]
    verbs = ["Identify", "ListSets", "ListRecords", "GetRecord", "ListIdentifiers", "ListMetadataFormats"]
    for _ in range(300):
        pairs = [("verb", rng.choice(verbs))]
        pairs += [(rng.choice(names), rng.choice(values)) for _ in range(rng.randrange(4))]
        tree(small.get(f"/oai?{urlencode(pairs)}").content)


def test_tokens_are_ours_alone(small: Open, tmp_path: Path) -> None:
    filled(small)
    token = ask(small, 7, verb="ListRecords", metadataPrefix="oai_dc").find(f".//{OAI}resumptionToken").text
    assert len(headers(ask(small, 7, verb="ListRecords", resumptionToken=token))) == 7
    rng = random.Random(4)
    for _ in range(50):
        place = rng.randrange(len(token))
        other = rng.choice("ABCDEFGHabcdefgh01234567-_".replace(token[place], ""))
        changed = token[:place] + other + token[place + 1 :]
        found = ask(small, 7, verb="ListRecords", resumptionToken=changed)
        # The last letter holds bits that mean nothing.
        assert place == len(token) - 1 or code(found) == "badResumptionToken"


def test_a_collection_that_is_left_is_left(open_side: Open) -> None:
    publish(open_side.writer, made(1), today=FIRST)
    moved = made(1).model_copy(
        update={"version": 2, "collection": PublicCollection(id="elsewhere", titles={"en": "Elsewhere"})}
    )
    publish(open_side.writer, moved, today=FIRST + timedelta(days=1))
    told = harvest(open_side, verb="ListIdentifiers", metadataPrefix="oai_dc", set="collection.elsewhere")
    assert told == [(ark(1), "2026-03-02", True)]
