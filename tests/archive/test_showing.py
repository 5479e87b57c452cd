"""What is known of an object, in each standard's own form, held to the official schemas."""

import json
from pathlib import Path

import pytest
from lxml import etree

from keeping import archive_with, flip, folder_with, placed, recording
from oberih.archive import (
    Archive,
    deposit_capture,
    deposit_model,
    describe,
    events_of,
    journal,
    rebuild,
    replicate,
    verify,
)
from oberih.archive.metadata import Description, Smithsonian, read_premis
from oberih.archive.ocfl import begin
from oberih.archive.showing import shown_as
from oberih.errors import InputError, NotInArchive, OberihError
from schemas import EDM, XSD, official, schema

SCHEMAS = {
    "dublin-core": XSD / "oai" / "oai_dc.xsd",
    "lido": XSD / "lido" / "lido-v1.1.xsd",
    "edm": EDM / "EDM.xsd",
    "premis": XSD / "loc" / "premis-v3-0.xsd",
}
WORDS = Description.make({
    "titles": {"uk": "Церква святого Миколая", "en": "Church of Saint Nicholas"},
    "summary": {"en": "A wooden church."},
    "kind": "building",
    "periods": [{"label": {"en": "17th century"}, "earliest": "1601", "latest": "1700"}],
    "rights": {"uri": "https://creativecommons.org/licenses/by/4.0/"},
    "people": [{"role": "creator", "pseudonym": "Stork 12"}],
})  # fmt: skip
REPORT = {"made_at": "2026-11-20T10:00:00Z", "made_by": "Oberih 0.1.0",
          "surface": {"triangles": 12, "size": [1, 2, 3]}, "scale": {"unit": "m"},
          "error": {"total": {"value": 0.01, "unit": "m"}}}  # fmt: skip
FORMS = ["json", "premis", "dublin-core", "lido", "edm", "schema-org", "smithsonian"]
Kept = tuple[Archive, str, str]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """A capture that was described later, and a model of it."""
    archive, _ = archive_with(tmp_path, "second", publisher="Museum")
    capture = recording(archive, tmp_path)
    second = describe(archive, capture.id, WORDS)
    parts = {"model.glb": b"glTF", "report.json": json.dumps(REPORT).encode(), "paradata.json": b"{}"}
    model = deposit_model(archive, folder_with(tmp_path / "model", parts), [second], description=WORDS)
    return archive, capture.id, model.id


@official
@pytest.mark.parametrize("form", list(SCHEMAS))
def test_xml_fits_the_official_schema(kept: Kept, form: str) -> None:
    archive, capture, model = kept
    for identifier in (capture, model):
        record = etree.fromstring(shown_as(archive, identifier, form))
        checked = schema(SCHEMAS[form])
        assert checked.validate(record), checked.error_log
        assert identifier in etree.tostring(record).decode()


def test_json_tells_everything(kept: Kept) -> None:
    archive, capture, model = kept
    told = json.loads(shown_as(archive, capture, "json"))
    assert (told["id"], told["head"]) == (capture, "v2") and list(told["versions"]) == ["v1", "v2"]
    assert told["description"]["titles"]["uk"] == "Церква святого Миколая"
    assert told["capture"]["files"] == 3 and told["object"]["kind"] == "capture"
    assert [replica["store"] for replica in told["replicas"]] == ["main"]
    told = json.loads(shown_as(archive, model, "json"))
    assert told["model"]["captures"][0]["identifier"] == capture


def test_schema_org_and_smithsonian(kept: Kept) -> None:
    archive, capture, model = kept
    told = json.loads(shown_as(archive, model, "schema-org", page="https://museum.example/church"))
    assert "https://museum.example/church" in json.dumps(told) and "Museum" in json.dumps(told)
    for identifier in (capture, model):
        assert Smithsonian.load(shown_as(archive, identifier, "smithsonian"))


def test_premis_holds_the_whole_history(kept: Kept, tmp_path: Path) -> None:
    archive, capture, _ = kept
    replicate(archive)
    flip(next(placed(archive, "second", capture).rglob("photo-0.jpg")))
    verify(archive, mend=True)
    told = read_premis(shown_as(archive, capture, "premis"))
    assert [event.type for event in told.events] == [
        "capture", "message digest calculation", "ingestion",  # v1
        "metadata modification", "message digest calculation", "ingestion",  # v2
        "replication", "fixity check", "fixity check", "recovery",
    ]  # fmt: skip
    outcomes = [event.outcome for event in told.events]
    assert outcomes.count("failure") == 1 and [e.date_time for e in told.events] == sorted(
        e.date_time for e in told.events
    )
    named = {one.identifier for event in told.events for one in event.agents}
    assert named <= {agent.identifier for agent in told.agents}
    files = {one.original_name for one in told.objects if one.category == "file"}
    assert {"originals/photo-0.jpg", "description.json"} <= files


def test_many_events_are_cut_into_journals_and_only_those_asked_for_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, _ = archive_with(tmp_path)
    made = [recording(archive, tmp_path, seed, files=1) for seed in range(4)]
    monkeypatch.setattr(journal, "AT_MOST", 2)
    for one in made:
        flip(next(placed(archive, "main", one.id).rglob("photo-0.jpg")))
    verify(archive)
    journals = {entry.id: entry for entry in archive.index.objects("journal")}
    assert len(journals) == 2
    read: list[str] = []
    true = Archive.object
    monkeypatch.setattr(Archive, "object", lambda *given: (read.append(given[1]), true(*given))[1])
    for one in made:
        assert [e.outcome for e in events_of(archive, one.id)] == ["failure"]
    assert len(read) == 4  # one each
    archive = rebuild(archive.folder).archive
    read.clear()
    for _ in range(2):
        assert [e.type for e in events_of(archive, made[0].id)] == ["fixity check", "recovery"]
    assert len(read) == 3 + 2  # all of them once, since nobody knew what they tell of


def test_a_damaged_journal_is_left_out(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second")
    made = recording(archive, tmp_path)
    replicate(archive)
    (entry,) = archive.index.objects("journal")
    flip(next(placed(archive, "main", entry.id).rglob("events.xml")))
    unreadable: list[OberihError] = []
    told = read_premis(shown_as(archive, made.id, "premis", unreadable=unreadable))
    assert [event.type for event in told.events][-1] == "ingestion" and len(unreadable) == 1


def test_what_has_no_description(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path)
    made = deposit_capture(archive, [folder_with(tmp_path / "x", {"x": b"x"})])
    for form in FORMS[2:]:
        with pytest.raises(InputError, match="no description") as caught:
            shown_as(archive, made.id, form)
        assert "oberih describe" in caught.value.advice
    assert shown_as(archive, made.id, "json") and shown_as(archive, made.id, "premis")
    with pytest.raises((InputError, NotInArchive)):
        shown_as(archive, "ark:/99999/nothing", "json")


@pytest.mark.parametrize(
    "page", ["javascript:alert(1)", "http://[", "ftp://x/y", "//example.org", "https://"]
)
def test_a_page_that_is_none(kept: Kept, page: str) -> None:
    with pytest.raises(InputError, match="web page"):
        shown_as(kept[0], kept[1], "edm", page=page)


@pytest.mark.parametrize("files", [{"file": b"x"}, {"object.json": b"<not json>"}, {"object.json": b"[1]"}])
def test_an_object_of_another_program(kept: Kept, files: dict[str, bytes]) -> None:
    archive, _, _ = kept
    with begin(archive.main, "urn:x", message="m", user=("Other", "urn:y")) as version:
        for path, data in files.items():
            version.add(path, data)
        version.finish()
    archive = rebuild(archive.folder).archive
    assert read_premis(shown_as(archive, "urn:x", "premis")).objects[0].identifier == "urn:x"
    assert json.loads(shown_as(archive, "urn:x", "json"))["head"] == "v1"
    for form in FORMS[2:]:
        with pytest.raises(InputError, match="no description"):
            shown_as(archive, "urn:x", form)


def test_parts_that_are_gone_are_named(kept: Kept) -> None:
    archive, capture, _ = kept
    next(placed(archive, "main", capture).rglob("capture.json")).unlink()
    left_out: list[OberihError] = []
    assert "description" in json.loads(shown_as(archive, capture, "json", unreadable=left_out))
    assert len(left_out) == 1 and "capture.json" in left_out[0].message
