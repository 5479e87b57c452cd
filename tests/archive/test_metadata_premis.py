"""PREMIS: what happened is written for everybody, read back as it was, and hostile files are refused."""

import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from oberih.archive.metadata import Agent, Event, ObjectInfo, Premis, RightsInfo, premis_xml, read_premis
from oberih.archive.metadata.description import Rights
from oberih.archive.metadata.premis import CODES, EventType, Format
from oberih.errors import InputError

SUITES = Path(__file__).parents[2] / ".." / "shared" / "suites"
LOC = SUITES / "xsd" / "loc"
official = pytest.mark.skipif(not SUITES.is_dir(), reason="the official schemas are not here")

CAPTURE, MODEL = "ark:/99999/b1gk8t2n5x7wq3mz", "ark:/99999/b1zzzzzzzzzzzzz0"
PROGRAM = Agent.software("Oberih", "0.1.0")


@cache
def schema() -> etree.XMLSchema:
    class Local(etree.Resolver):
        def resolve(self, url: str, _: str, context: Any) -> Any:
            return (
                self.resolve_filename(str((LOC / "xlink.xsd").resolve()), context) if "xlink" in url else None
            )

    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Local())
    return etree.XMLSchema(etree.parse(str((LOC / "premis-v3-0.xsd").resolve()), parser))


def everything(text: str = "Церква") -> Premis:
    """One of each, with ``text`` wherever there is any."""
    person, institution = Agent.person(text), Agent.organisation(text)
    whole = ObjectInfo.whole(MODEL, title=text, made_from=[CAPTURE], parts=[f"{MODEL}/model.glb"])
    files = [
        ObjectInfo.file(f"{MODEL}/model.glb", name="model.glb", size=12, sha512="0a" * 64, part_of=MODEL),
        ObjectInfo.file(f"{MODEL}/{text}", name=text, size=0, sha512="0b" * 64, media_type="image/x-odd"),
        ObjectInfo(identifier=text, category="representation", original_name=text),
    ]
    events = [
        Event.now(
            kind, objects=[MODEL], sources=[CAPTURE], agents=[PROGRAM, person, institution], detail=text
        )
        for kind in get_args(EventType)
    ]
    events += [
        Event.now("fixity check", objects=[MODEL], outcome="failure", note=text),
        Event.now("fixity check", objects=[MODEL], outcome="warning"),
        Event.now("policy assignment"),
    ]
    rights = [
        RightsInfo.of(
            Rights(uri="https://creativecommons.org/licenses/by/4.0/", holder="Holder", credit="Us"), [MODEL]
        ),
        RightsInfo.of(Rights(uri="http://rightsstatements.org/vocab/InC/1.0/"), [MODEL, CAPTURE]),
        RightsInfo(identifier="r3", uri="https://x.example/licence", holder=text, note=text),
    ]
    return Premis(
        objects=(whole, *files),
        events=tuple(events),
        agents=(PROGRAM, person, institution),
        rights=tuple(rights),
    )


def xml(of: Premis) -> bytes:
    return premis_xml(of.objects, of.events, of.agents, of.rights)


def test_what_a_deposit_writes() -> None:
    event = Event.now("ingestion", objects=[CAPTURE], agents=[PROGRAM])
    assert uuid.UUID(event.identifier).version == 4
    assert event.date_time.endswith("Z") and event.outcome == "success"
    file = ObjectInfo.file(
        f"{CAPTURE}/originals/1.heic", name="1.heic", size=5, sha512="0c" * 64, part_of=CAPTURE
    )
    record = premis_xml([ObjectInfo.whole(CAPTURE, title="Church"), file], [event], [PROGRAM])
    for part in (
        b'valueURI="http://id.loc.gov/vocabulary/preservation/eventType/ing">ingestion<',
        b"<premis:messageDigestAlgorithm", b"SHA-512", b"fmt/1101", b"is included in", b"executing program",
        b"<premis:agentVersion>0.1.0<", b'xsi:type="premis:intellectualEntity"',
    ):  # fmt: skip
        assert part in record
    assert read_premis(record) == Premis(
        objects=(ObjectInfo.whole(CAPTURE, title="Church"), file), events=(event,), agents=(PROGRAM,)
    )


@official
def test_premis_fits_the_official_schema() -> None:
    for of in (everything(), Premis(objects=(ObjectInfo.whole(CAPTURE),))):
        assert schema().validate(etree.fromstring(xml(of))), schema().error_log
        assert read_premis(xml(of)) == of
        assert xml(of) == xml(read_premis(xml(of)))
    broken = xml(everything()).replace(b"premis:eventDateTime", b"premis:eventTime")
    assert not schema().validate(etree.fromstring(broken))  # the check can fail


@official
@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec=None), min_size=1, max_size=30))
def test_any_name_of_a_file_and_any_message_can_be_written(text: str) -> None:
    """Even names that no archive should have: an event must never fail because of what it tells."""
    of = everything(text)
    assert schema().validate(etree.fromstring(xml(of)))
    assert read_premis(xml(of)) == of
    for event in of.events:
        line = event.to_json()
        assert len(line.splitlines()) == 1 and line.isascii()
        assert Event.from_json(line) == event


def test_what_xml_cannot_hold_is_written_out() -> None:
    file = ObjectInfo.file("x", name="a\x01b\udcff\r.jpg", size=1, sha512="0d" * 64)
    assert file.original_name == "a\\x01b\\udcff\\r.jpg"


def test_every_event_type_has_its_address() -> None:
    assert set(CODES) == set(get_args(EventType))
    assert len(set(CODES.values())) == len(CODES)
    with pytest.raises(ValueError, match="type"):
        Event.now("explosion", objects=[CAPTURE])


def test_what_an_event_makes_is_its_outcome() -> None:
    assert Event.now("recovery", objects=[CAPTURE]).objects[0].role == "outcome"
    assert Event.now("fixity check", objects=[CAPTURE]).objects[0].role == "source"
    made = Event.now("creation", objects=[MODEL], sources=[CAPTURE])
    assert [(one.identifier, one.role) for one in made.objects] == [(CAPTURE, "source"), (MODEL, "outcome")]


@pytest.mark.parametrize("line", ["", "{}", "[]", '{"identifier": 1}', "\x00", '{"a": '])
def test_a_damaged_journal_is_an_error_with_advice(line: str) -> None:
    with pytest.raises(InputError, match="This is no event"):
        Event.from_json(line)


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<premis xmlns="http://www.loc.gov/premis/v3" version="3.0"><object>&b;</object></premis>"""
FETCH = b"""<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>"""
OUTSIDE = b"""<!DOCTYPE premis SYSTEM "http://x.example/x.dtd"><premis/>"""


@pytest.mark.parametrize(
    "hostile",
    [BOMB, FETCH, OUTSIDE, BOMB.decode().replace('"1.0"?', '"1.0" encoding="UTF-16"?').encode("utf-16"),
     b"<a>" * 5000 + b"</a>" * 5000],
    ids=["bomb", "file", "dtd", "utf-16", "deep"],
)  # fmt: skip
def test_hostile_xml_is_refused(hostile: bytes) -> None:
    with pytest.raises(InputError, match="document type or is nested too deep"):
        read_premis(hostile)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x00\xff", b"not xml", b"<a></b>", b"<a/>", b'<premis xmlns="http://www.loc.gov/premis/v3"><object/></premis>',
        b'<?xml version="1.0" encoding="no-such"?><a/>', b"<a>\x01</a>",
    ],
)  # fmt: skip
def test_what_is_no_premis_is_an_error_not_a_crash(data: bytes) -> None:
    with pytest.raises(InputError):
        read_premis(data)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damage_is_an_error_not_a_crash(data: st.DataObject) -> None:
    whole = bytearray(xml(Premis(objects=everything().objects, events=(EVENT,), agents=(PROGRAM,))))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))
    with suppress(InputError):
        read_premis(bytes(whole))


EVENT = Event(
    identifier="0" * 8 + "-0000-4000-8000-" + "0" * 12, type="deletion", date_time="2026-01-01T00:00:00Z"
)


def test_formats_have_their_pronom_key_where_there_is_one() -> None:
    known = ObjectInfo.file("x", name="a/B.PLY", size=1, sha512="0e" * 64).format
    assert known == Format(name="Polygon File Format", pronom="fmt/831")
    odd = ObjectInfo.file("x", name="odd.xyz", size=1, sha512="0e" * 64).format
    assert odd == Format(name="unknown")
