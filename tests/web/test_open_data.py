"""One record in the words of others, and all of them at once."""

import gzip
import json
import re
from collections.abc import Iterator
from datetime import date
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry, Resource

from oberih.archive.metadata import Description, Publication
from oberih.catalogue.public import PublicPerson, PublicRecord, PublicRights, load, publish, withdraw
from oberih.web.open.addresses import House, page_of, persistent, tail
from oberih.web.open.data import bibtex, bulk, feeds, header_of, json_ld, links_of, ris, sentence
from oberih.web.open.data.iiif import manifest, scene_manifest
from oberih.web.open.data.mapping import described, publication
from oberih.web.open.data.resolving import chosen
from public_help import ark, made, plain
from schemas import SUITES, official
from web.open_data import ADDRESS, HOUSE, Open, opened, rich

NAME = tail(ark(1))
FORMS = (
    "schema.jsonld", "edm.rdf", "lido.xml", "dc.xml", "citation.bib", "citation.ris", "citation.txt",
    "iiif.json", "iiif4.json",
)  # fmt: skip
NASTY = [
    "100% & {more} $5 #1 _a_ ~x^2 \\end", 'a} , "><script> = {b', "Ім'я \"у лапках\"",
    "line - ER  - \u2028x",
]  # fmt: skip
ATOM = "{http://www.w3.org/2005/Atom}"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


@pytest.fixture(params=["sqlite", "postgresql"])
def open_side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    with opened(request.param, tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Some records, on SQLite: where the database makes no difference."""
    with opened("sqlite", tmp_path_factory.mktemp("open")) as found:
        shown = [rich(1), plain(2), rich(3, NASTY[1], files=rich(3).files[2:]), rich(4, NASTY[1])]
        shown.append(rich(5, rights=PublicRights(uri="https://example.org/own")))
        load(found.writer, shown, today=date(2026, 3, 2))
        yield found


# -- the mapping ---


@pytest.mark.parametrize(
    "record", [rich(1), plain(2), *(made(n) for n in range(3, 30))], ids=lambda one: one.id
)
def test_a_record_maps_to_what_the_archive_would_accept(record: PublicRecord) -> None:
    """What is made without checking passes every check."""
    description = described(record)
    again = Description.model_validate_json(description.model_dump_json())
    assert again == description
    where = publication(record, HOUSE)
    assert Publication.model_validate_json(where.model_dump_json()) == where


# -- one record ---


@pytest.mark.parametrize(
    ("accept", "place"),
    [
        ("", "/records/{}"), ("*/*", "/records/{}"), ("text/html", "/records/{}"),
        ("application/pdf", "/records/{}"), ("application/json", "/api/v1/records/{}"),
        ("application/ld+json", "/data/{}/schema.jsonld"), ("application/rdf+xml", "/data/{}/edm.rdf"),
        ("application/x-bibtex", "/data/{}/citation.bib"), ("text/xml", "/data/{}/lido.xml"),
        ("application/x-research-info-systems;q=0.9, text/html;q=0.8", "/data/{}/citation.ris"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", "/records/{}"),
    ],
)  # fmt: skip
def test_a_persistent_identifier_leads_to_what_is_asked_for(small: Open, accept: str, place: str) -> None:
    for path in (f"/ark:/{NAME}", f"/ark:{NAME}", f"/ark:/{NAME[:9]}-{NAME[9:]}-"):
        answer = small.get(path, Accept=accept)
        assert answer.status_code == 303 and answer.headers["Location"] == place.format(NAME)
        assert answer.headers["Vary"] == "Accept"
        assert f'<{ADDRESS}/ark:/{NAME}>; rel="cite-as"' in answer.headers["Link"]
    assert small.get(small.get(path, Accept=accept).headers["Location"]).status_code == 200


def test_a_range_that_is_nonsense_is_not_wanted() -> None:
    for accepted in (
        "text/html;q=x, application/json",
        ";;;,application/json",
        "application/json;q=9, */*;q=0.1",
    ):
        assert chosen(accepted) == "application/json"
    assert chosen("application/*") == "application/xhtml+xml" and chosen("é" * 9000) == "text/html"


@pytest.mark.parametrize("form", FORMS)
def test_a_record_is_there_in_every_form_with_a_tag(small: Open, form: str) -> None:
    answer = small.get(f"/data/{NAME}/{form}")
    assert answer.status_code == 200 and "Church" in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    again = small.get(f"/data/{NAME}/{form}", **{"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304 and not again.content


def test_what_is_withdrawn_is_gone_from_everything(open_side: Open) -> None:
    publish(open_side.writer, rich(1, "Zebrastone"), today=date(2026, 3, 1))
    page = page_of(ADDRESS, ark(1))
    one = [
        f"/ark:/{NAME}",
        f"/oembed?url={page}",
        f"/api/v1/records/{NAME}",
        *(f"/data/{NAME}/{f}" for f in FORMS),
    ]
    every = ["/oai?verb=ListRecords&metadataPrefix=oai_dc", "/oai?verb=ListSets", "/feed.atom",
             "/sitemaps/1.xml", "/api/v1/records", "/dump/records.jsonl.gz"]  # fmt: skip
    before = [content(open_side, path) for path in every]
    assert all(b"Zebrastone" in found or NAME.encode() in found for found in before)
    withdraw(open_side.writer, ark(1), "2026-03", today=date(2026, 3, 2))
    for path in one:
        answer = open_side.get(path)
        assert answer.status_code == 410 and answer.json() == {"id": ark(1), "version": 2, "month": "2026-03"}
    for path in every:
        assert b"Zebrastone" not in content(open_side, path)
    for path in ("/feed.atom", "/sitemaps/1.xml", "/dump/records.jsonl.gz"):
        assert NAME.encode() not in content(open_side, path)


def content(side: Open, path: str) -> bytes:
    found: bytes = side.get(path).content
    return gzip.decompress(found) if found.startswith(b"\x1f\x8b") else found


def test_what_never_was_is_not_there(small: Open) -> None:
    for path in (
        f"/ark:/{tail(ark(9))}",
        f"/data/{tail(ark(9))}/dc.xml",
        f"/data/{NAME}/dc.txt",
        "/sitemaps/2.xml",
        "/sitemaps/-1.xml",
        f"/data/{tail(ark(2))}/iiif.json",
        f"/data/{tail(ark(2))}/iiif4.json",
    ):
        answer = small.get(path)
        assert answer.status_code in (404, 422) and set(answer.json()) == {"message", "advice"}, path


def test_europeana_is_not_told_what_it_does_not_take(small: Open) -> None:
    answer = small.get(f"/data/{tail(ark(5))}/edm.rdf")
    assert answer.status_code == 404 and "Europeana does not take" in answer.json()["message"]


def test_the_interface_is_described_in_whole(small: Open) -> None:
    told = small.get("/api/v1/openapi.json").json()
    assert len(told["paths"]) > 10 and "HTTPValidationError" not in told["components"]["schemas"]
    for path, one in told["paths"].items():
        assert list(one) == ["get"] and one["get"]["summary"], path
        answers = one["get"]["responses"]
        assert ("303" in answers) or ("304" in answers and "content" in answers["200"]), path
        assert ("{name}" not in path) or {"404", "410"} <= answers.keys(), path
        named = [each for each in one["get"].get("parameters", ()) if each["in"] == "query"]
        assert not named or "422" in answers, path
        assert all(each["description"] for each in answers.values()), path


# -- citations ---


def test_citations_name_the_persistent_address() -> None:
    end = f"The archive, 2026. Church credit. {ADDRESS}/ark:/{NAME}"
    whole = f"Church contributor. Church. 3D model, version 2, recorded January 2026. {end}"
    assert sentence(rich(1), HOUSE, "en") == whole
    own = "Church contributor. Church (укр). 3D-модель, версія 2"
    assert sentence(rich(1), HOUSE).startswith(own)
    assert sentence(plain(2), HOUSE).startswith("Thing 2. Record of heritage, version 1.")
    told = bibtex(rich(1), HOUSE)
    assert "title = {{Church (укр)}}" in told and f"url = {{{ADDRESS}/ark:/{NAME}}}" in told
    lines = ris(rich(1), HOUSE).split("\r\n")
    assert lines[0] == "TY  - DATA" and lines[-2:] == ["ER  - ", ""] and "AU  - Church contributor" in lines


@pytest.mark.parametrize("text", NASTY)
def test_no_title_breaks_out_of_a_citation(text: str) -> None:
    fields = re.findall(r"^  (\w+) = (.*),$", bibtex(rich(1, text), HOUSE), re.MULTILINE)
    names = ["title", "author", "year", "howpublished", "publisher", "note", "url", "month"]
    assert [name for name, _ in fields] == names
    for _, value in fields[:2]:
        plain_value = re.sub(r"\\[{}&%$#_]|\\text\w+\{\}", "", value)
        assert plain_value.count("{") == plain_value.count("}") == 2
        assert not re.search(r"[&%$#_^~\\]", plain_value)
    lines = ris(rich(1, text), HOUSE).split("\r\n")
    assert lines.count("ER  - ") == 1 and all(re.match(r"[A-Z][A-Z0-9]  - ", line) for line in lines[:-1])


# -- schema.org, links, oEmbed ---


@pytest.mark.parametrize("text", ["</script><script>", "<!--", "&amp;"])
def test_json_ld_is_json_and_ends_no_script(text: str) -> None:
    written = json_ld(rich(1, f"Church {text}"), HOUSE)
    assert "<" not in written and "&" not in written
    told = json.loads(written)
    assert told["@context"] == "https://schema.org" and told["@type"] == "3DModel"
    assert told["@id"] == f"{ADDRESS}/records/{NAME}" and f"Church {text}" in [
        one["@value"] for one in told["name"]
    ]
    assert told["encoding"][0]["contentUrl"].endswith("/model.glb") and told["image"].endswith("/poster.webp")
    assert told["license"] == "http://creativecommons.org/licenses/by/4.0/"


def test_links_lead_to_what_is_there(small: Open) -> None:
    links = links_of(rich(1), ADDRESS)
    for one in links:
        if one.href.startswith(ADDRESS) and one.rel != "canonical":
            answer = small.get(one.href.removeprefix(ADDRESS))
            assert answer.status_code in (200, 303), one
            if one.type and answer.status_code == 200:
                kind = answer.headers["content-type"].partition(";")[0]
                assert kind == one.type.replace("+oembed", ""), one
    assert header_of(links).count("; rel=") == len(links)


def test_oembed_is_a_frame_that_fits(small: Open) -> None:
    for page in (page_of(ADDRESS, ark(1)), persistent(ADDRESS, ark(1)), f"{ADDRESS}/embed/{NAME}"):
        told = small.get(f"/oembed?url={page}&maxwidth=500&maxheight=2000").json()
        assert (told["type"], told["version"], told["width"], told["height"]) == ("rich", "1.0", 500, 480)
        assert f'src="{ADDRESS}/embed/{NAME}" width="500" height="480"' in told["html"]
        assert told["thumbnail_url"].endswith("poster-400.webp") and told["thumbnail_width"] == 400
    assert small.get(f"/oembed?url={page_of(ADDRESS, ark(2))}").json()["type"] == "link"
    assert small.get(f"/oembed?url={page_of(ADDRESS, ark(3))}").json()["type"] == "photo"
    assert "<script" not in small.get(f"/oembed?url={page_of(ADDRESS, ark(4))}").json()["html"]


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/records/" + NAME, "//heritage.example/records/" + NAME, "x", "https://[", "",
     "javascript://heritage.example/records/" + NAME, f"{ADDRESS}.evil.example/records/{NAME}",
     f"{ADDRESS}@evil.example/records/{NAME}", f"{ADDRESS}:99999999/records/{NAME}", f"{ADDRESS}/x/{NAME}",
     f"https://evil.example/?{ADDRESS}/records/{NAME}", f"{ADDRESS}:81/records/{NAME}"],
)  # fmt: skip
def test_oembed_knows_our_own_addresses_only(small: Open, url: str) -> None:
    answer = small.client.get("/oembed", params={"url": url})
    assert answer.status_code == 404 and set(answer.json()) == {"message", "advice"}


def test_oembed_is_json_or_xml(small: Open) -> None:
    asked = f"/oembed?url={page_of(ADDRESS, ark(4))}&format="
    answer = small.get(f"{asked}xml")
    assert answer.headers["Content-Type"].startswith("text/xml")
    told = {one.tag: one.text for one in ET.fromstring(answer.content)}
    assert told == {name: str(value) for name, value in small.get(f"{asked}json").json().items()}
    answer = small.get(f"{asked}yaml")
    assert answer.status_code == 501 and "xml" in answer.json()["advice"]
    assert small.get("/oembed").status_code == small.get("/oembed?url=x&maxwidth=0").status_code == 422


# -- IIIF ---


@cache
def validator(version: int) -> Any:
    folder = SUITES / "iiif4"
    if version == 3:
        return Draft202012Validator(json.loads((folder / "iiif_3_0.schema.json").read_text()))
    known = {path.name: json.loads(path.read_text()) for path in (folder / "schema").glob("*.json")}
    base = "https://iiif.io/api/presentation/4.0/schema/"
    registry = Registry().with_resources(
        (f"{base}{name}", Resource.from_contents(one)) for name, one in known.items()
    )
    return Draft202012Validator(known["main.json"], registry=registry)


@official
@pytest.mark.parametrize(
    "record", [rich(1), rich(2, scene=None, rights=None, annotations=()), rich(3, summary={})]
)
def test_iiif_manifests_fit_the_schemas_of_their_validator(record: PublicRecord) -> None:
    for version, made_manifest in ((3, manifest(record, HOUSE)), (4, scene_manifest(record, HOUSE))):
        validator(version).validate(json.loads(json.dumps(made_manifest)))
        with pytest.raises(ValidationError):
            validator(version).validate({**made_manifest, "items": [{"id": "x"}]})


def test_a_scene_is_in_the_units_of_the_model() -> None:
    told = scene_manifest(rich(1), HOUSE)
    assert told is not None
    (scene,) = told["items"]
    model, camera = scene["items"][0]["items"]
    assert model["body"]["id"].endswith("/model.glb") and scene["spatialScale"]["unit"] == "m"
    assert camera["target"]["selector"] == [{"type": "PointSelector", "x": 0.0, "y": 2.0, "z": 9.0}]
    said = scene["annotations"][0]["items"]
    assert [one["body"]["language"] for one in said] == [["uk"], ["en"]] and said[1]["body"][
        "value"
    ] == "Church\nChurch"
    assert said[0]["target"]["selector"][0]["x"] == 1.0


# -- all of them ---


def test_the_dump_is_all_that_is_public(open_side: Open) -> None:
    whole = {one.id: one for one in (rich(1), *(made(n) for n in range(2, 9)))}
    for number, one in enumerate(whole.values(), 1):
        publish(open_side.writer, one, today=date(2026, 3, number))
    withdraw(open_side.writer, whole.popitem()[0], "2026-03", today=date(2026, 3, 9))
    told = open_side.get("/dump/manifest.json").json()
    assert (told["records"], told["withdrawn"], told["changed"]) == (7, 1, "2026-03-09")
    answer = open_side.get(told["url"].removeprefix(ADDRESS))
    lines = gzip.decompress(answer.content).decode().splitlines()
    found = {one.id: one for one in map(PublicRecord.model_validate_json, lines)}
    assert found == whole and list(found) == sorted(found)
    assert parsedate_to_datetime(answer.headers["Last-Modified"]).isoformat() == "2026-03-09T23:59:59+00:00"
    for name, value in (
        ("If-None-Match", answer.headers["ETag"]),
        ("If-Modified-Since", answer.headers["Last-Modified"]),
    ):
        assert open_side.get("/dump/records.jsonl.gz", **{name: value}).status_code == 304
    head = open_side.client.request("HEAD", "/dump/records.jsonl.gz")
    assert head.status_code == 200 and not head.content and head.headers["ETag"] == answer.headers["ETag"]


def test_a_dump_of_a_day_that_is_not_over_has_no_tag(open_side: Open) -> None:
    """It may still change today: whoever had it by a tag would keep what was withdrawn later."""
    publish(open_side.writer, made(6), today=date(2026, 3, 1))
    before = open_side.get("/dump/records.jsonl.gz").headers
    publish(open_side.writer, made(7))
    answer = open_side.get("/dump/records.jsonl.gz", **{"If-None-Match": before["ETag"]})
    assert (
        answer.status_code == 200 and "ETag" not in answer.headers and "Last-Modified" not in answer.headers
    )
    assert open_side.get("/dump/records.jsonl.gz", **{"If-Modified-Since": "yesterday"}).status_code == 200


def test_the_feed_has_the_newest_first_and_no_hours(open_side: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "NEWEST", 5)
    for number in range(1, 9):
        publish(open_side.writer, made(number), today=date(2026, 3, 1 + number // 3))
    publish(open_side.writer, rich(99, "A <b>title</b> & more"), today=date(2026, 4, 1))
    feed = ET.fromstring(open_side.get("/feed.atom?language=en").content)
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == 5 and feed.findtext(f"{ATOM}updated") == "2026-04-01T00:00:00Z"
    assert entries[0].findtext(f"{ATOM}title") == "A <b>title</b> & more"
    days = [str(one.findtext(f"{ATOM}updated")) for one in entries]
    assert days == sorted(days, reverse=True) and all(day.endswith("T00:00:00Z") for day in days)
    assert entries[0].findtext(f"{ATOM}id") == f"{ADDRESS}/{ark(99)}"
    assert open_side.get("/feed.atom?language=x%20y").status_code == 422


def test_sitemaps_name_every_page_once(open_side: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PART", 3)
    for number in range(8):
        publish(open_side.writer, made(number), today=date(2026, 3, 1 + number))
    withdraw(open_side.writer, ark(7), "2026-03")
    index = ET.fromstring(open_side.get("/sitemap.xml").content)
    parts = [str(one.text) for one in index.iter(f"{MAP}loc")]
    assert len(parts) == 4 and f"Sitemap: {ADDRESS}/sitemap.xml" in open_side.get("/robots.txt").text
    pages = {}
    for part in parts:
        for one in ET.fromstring(open_side.get(part.removeprefix(ADDRESS)).content).iter(f"{MAP}url"):
            assert one.findtext(f"{MAP}loc") not in pages
            pages[one.findtext(f"{MAP}loc")] = one.findtext(f"{MAP}lastmod")
    records = {page_of(ADDRESS, ark(n)): f"2026-03-0{n + 1}" for n in range(7)}
    assert {page: day for page, day in pages.items() if day} == records
    assert {f"{ADDRESS}{path}" for path in feeds.PAGES} == {page for page, day in pages.items() if not day}
    assert {path: open_side.get(path).status_code for path in feeds.PAGES} == dict.fromkeys(feeds.PAGES, 200)


def test_publishers_are_told_where_they_are_named() -> None:
    named = rich(1, people=(PublicPerson(name="The museum", role="publisher", type="organisation"),))
    assert json.loads(json_ld(named, HOUSE))["publisher"]["name"][0]["@value"] == "The museum"
    for record, house, name in (
        (rich(1), HOUSE, "The archive"),  # and not its collection
        (plain(2), House(ADDRESS), "heritage.example"),
    ):
        assert json.loads(json_ld(record, house))["publisher"]["name"][0]["@value"] == name


def test_whom_to_name_and_the_month_of_recording_are_in_every_form(small: Open) -> None:
    for form in FORMS:
        text = small.get(f"/data/{NAME}/{form}").text
        assert "Church credit" in text and re.search("2026-01|January 2026|січень 2026", text), form
        assert not re.search("2026-01-[0-9]", text), form
    for path in (f"/oembed?url={page_of(ADDRESS, ark(1))}", "/feed.atom?language=en"):
        assert "Church credit" in small.get(path).text


@pytest.mark.parametrize(
    ("accepted", "begins"), [("", "This is not"), ("de, *;q=0.1", "This is not"), ("uk-UA,en", "Тут щось")]
)
def test_programs_are_told_in_english_unless_they_ask_for_another_language(
    small: Open, accepted: str, begins: str
) -> None:
    answer = small.get("/api/v1/records?size=0", **{"Accept-Language": accepted})
    assert answer.status_code == 422 and answer.json()["message"].startswith(begins)
    assert "size" in answer.json()["message"], "what parameters are called is not translated"
    answer = small.get("/api/v1/records?filter=language:" + "x" * 3000, **{"Accept-Language": accepted})
    assert answer.status_code == 422 and "filter" in answer.json()["message"]
