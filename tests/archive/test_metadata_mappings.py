"""Descriptions in other people's standards, held to the official schemas (in ../shared/suites)."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree, isoschematron

from oberih.archive.metadata import (
    CaptureGiven,
    CaptureInfo,
    CaptureOf,
    Description,
    MeasuredError,
    ModelInfo,
    Publication,
    Smithsonian,
    WebFile,
    as_script,
    dublin_core,
    edm,
    lido,
    schema_org,
    smithsonian,
)
from oberih.archive.metadata.description import Rights
from oberih.archive.metadata.smithsonian import captures_of, model_of
from oberih.errors import InputError
from schemas import EDM, XSD, official, schema

Maker = Any
SCHEMAS = {
    dublin_core: XSD / "oai" / "oai_dc.xsd",
    lido: XSD / "lido" / "lido-v1.1.xsd",
    edm: EDM / "EDM.xsd",
}

PUBLICATION = Publication(
    identifier="ark:/99999/b1gk8t2n5x7wq3mz",
    page="https://archive.example/ark:/99999/b1gk8t2n5x7wq3mz",
    publisher={"en": "Archive of the town", "uk": "Архів міста"},
    files=(
        WebFile(
            url="https://archive.example/church.glb", media_type="model/gltf-binary", bytes=1234567,
            vertices=75000, triangles=150040,
        ),
        WebFile(
            url="https://archive.example/church.ply", media_type="model/ply", role="point cloud",
            points=1000,
        ),
        WebFile(url="https://archive.example/church.jpg", media_type="image/jpeg", role="picture"),
    ),
    preview="https://archive.example/church-small.jpg",
    modified="2026-11-20",
)  # fmt: skip
BARE = Publication(
    identifier="ark:/99999/b1gk8t2n5x7wq3mz", page="https://archive.example/x", publisher={"uk": "Архів"}
)
CAPTURE = CaptureInfo(
    devices=("Pixel 7", "Pixel 8"), software=("Oberih 0.1.0",), person="Stork 12", taken_from="2024-05",
    taken_to="2024-06", conditions="overcast", files=2, photos=2, bytes=9, scale_bar_m=0.5,
    rights=Rights(uri="http://creativecommons.org/publicdomain/zero/1.0/", holder="Stork 12"),
)  # fmt: skip
MODEL = ModelInfo(
    captures=(CaptureOf(identifier="ark:/99999/b1c4", inventory_digest="0a" * 64),),
    made_at="2026-11", made_by="Oberih 0.1.0", software={"oberih": "0.1.0"}, points=9, vertices=8,
    triangles=7, display_triangles=6, textures=1, texel=0.01, unit="m", size=(1.0, 2.0, 3.0),
    scale_source="a distance of 2 m", error=MeasuredError(value=0.0171, unit="m", drawing_scale=100),
)  # fmt: skip


def full(text: str) -> Description:
    """A description with ``text`` in every place where a person writes, in two languages."""
    both = {"uk": text, "en": f"{text} (en)"}
    term = {"labels": both, "uri": "http://vocab.getty.edu/aat/300004792"}
    return Description.make({
        "titles": both,
        "alternative_titles": [both, {"he": text}],
        "summary": both,
        "kind": "building",
        "object_type": both,
        "periods": [
            {"label": both, "earliest": "1598~", "latest": "17XX"},
            {"phase": "alteration", "earliest": "1905-06"},
            {"phase": "use", "label": both},
            {"phase": "destruction", "latest": "1944"},
        ],
        "materials": [term],
        "techniques": [term],
        "measurements": [
            {"what": "height", "value": 18.4, "error": 0.02, "method": text, "part": both},
            {"what": "area", "unit": "square metre"},
        ],
        "people": [
            {"role": "creator", "name": text, "function": term, "uri": "https://viaf.org/viaf/1"},
            {"role": "contributor", "pseudonym": text},
            {"role": "publisher", "name": text, "type": "organisation"},
            {"role": "rights holder", "name": text},
            {"role": "owner", "pseudonym": text},
            {"role": "depicted", "name": text},
        ],
        "rights": {
            "uri": "https://creativecommons.org/licenses/by-sa/4.0/deed.uk", "holder": text, "credit": text,
            "note": both,
        },
        "identifiers": [
            {"value": text, "authority": text, "kind": "inventory number"},
            {"value": "Q1", "authority": "Wikidata", "uri": "https://www.wikidata.org/wiki/Q1"},
        ],
        "subjects": [term],
        "repository": {"names": both, "uri": "https://museum.example"},
        "legal_status": {"hague": "special", "marking_observed": "none", "national": both},
        "place": {"names": both, "cell": "851e4d03fffffff", "precision": "10 km"},
        "relations": [
            {"kind": kind, "identifier": "ark:/99999/b1x", "titles": both}
            for kind in (
                "is part of", "has part", "is model of", "made from", "is version of", "replaces",
                "related to",
            )
        ],
        "notes": both,
    })  # fmt: skip


MINIMAL = Description.make({"titles": {"uk": "Хата"}})
NASTY = [
    "Church",
    "Церква Святого Духа, Рогатин",
    "בית הכנסת הגדול",
    "كنيسة القديس جورج",
    "\u2067بيت\u2069 <b>&amp; ]]></b>",
    "quotes \" and ' and \\ and </script><!-- --> ",
    "emoji 🏛️👩‍🎨 and Z̷̢a̸l̶g̴o̷ and 𝕌",
    "a\ttab,\r\na line\u2028and another\u0085one",
    "%00 {braces} ${x} %s",
    "x" * 1000,
]
DESCRIPTIONS = [MINIMAL, *map(full, NASTY)]


@cache
def lido_rules() -> isoschematron.Schematron:
    """The Schematron inside LIDO's schema. What it imports holds no rules, and need not be fetched."""
    tree = etree.parse(str(SCHEMAS[lido].resolve()))
    for imported in tree.getroot().findall("{http://www.w3.org/2001/XMLSchema}import"):
        tree.getroot().remove(imported)
    return isoschematron.Schematron(tree, store_report=True, phase=None)


@cache
def edm_rules() -> tuple[Any, Any]:
    from saxonche import PySaxonProcessor

    processor = PySaxonProcessor(license=False)
    rules = EDM / "schematron" / "schematron.xsl"
    return processor, processor.new_xslt30_processor().compile_stylesheet(
        stylesheet_file=str(rules.resolve())
    )


def edm_failures(record: bytes) -> list[str]:
    """What Europeana's rules say is wrong."""
    processor, rules = edm_rules()
    report = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=record.decode()))
    found = etree.fromstring(report.encode())
    assert found.findall("{*}fired-rule")  # it did look
    return ["".join(one.itertext()).strip() for one in found.findall("{*}failed-assert")]


def texts(record: bytes, name: str) -> list[str]:
    return [one.text or "" for one in etree.fromstring(record).iter(f"{{*}}{name}")]


@official
@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: ascii(d.title())[:30])
@pytest.mark.parametrize("publication", [PUBLICATION, BARE], ids=["files", "bare"])
@pytest.mark.parametrize("make", SCHEMAS, ids=lambda make: make.__name__)
def test_xml_fits_the_official_schemas(
    make: Maker, publication: Publication, description: Description
) -> None:
    for model in (None, MODEL):
        record = make(description, publication, model)
        checked = schema(SCHEMAS[make])
        assert checked.validate(etree.fromstring(record)), checked.error_log
        assert record == make(description, publication, model)
        if make is lido:
            assert lido_rules().validate(etree.fromstring(record)), lido_rules().validation_report
        if make is edm:
            assert edm_failures(record) == []


@official
def test_the_rules_find_what_is_wrong() -> None:
    """The checks above can fail."""
    record = lido(MINIMAL, PUBLICATION)
    assert not schema(SCHEMAS[lido]).validate(
        etree.fromstring(record.replace(b"lido:recordID", b"lido:recordNo"))
    )
    wrong = record.replace(
        b"<lido:objectWorkType>",
        b'<lido:objectWorkType><k:x xmlns:k="http://www.w3.org/2004/02/skos/core#"/>',
    )
    assert not lido_rules().validate(etree.fromstring(wrong))
    assert edm_failures(edm(MINIMAL, PUBLICATION).replace(b"usageArea/Research", b"usageArea/Fun")) != []
    assert not schema(SCHEMAS[edm]).validate(
        etree.fromstring(edm(MINIMAL, PUBLICATION).replace(b"150040", b"many"))
    )


@official
@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec=None), min_size=1, max_size=40))
def test_any_text_is_refused_or_told_whole(text: str) -> None:
    try:
        description = full(text)
    except InputError:
        return
    for make, name in ((dublin_core, "title"), (lido, "appellationValue"), (edm, "title")):
        record = make(description, PUBLICATION, MODEL)
        assert schema(SCHEMAS[make]).validate(etree.fromstring(record))
        assert description.title() in texts(record, name)
    linked = json.loads(as_script(schema_org(description, PUBLICATION, MODEL)))
    assert {"@language": "uk", "@value": description.title()} in linked["name"]


@official
def test_3d_fields_of_edm() -> None:
    record = edm(full("Church"), PUBLICATION, MODEL)
    assert texts(record, "vertexCount") == ["75000"] and texts(record, "polygonCount") == ["150040"]
    assert texts(record, "pointCount") == ["1000"]
    assert texts(record, "type")[-4:] == ["3D", "3D", "3D", "IMAGE"]
    assert b"digitalsourcetype/digitalCapture" in record and b"usageArea/Education" in record
    assert b"measured error, 95 %: 0.017 m" in record
    assert b"measured error: unknown" in edm(MINIMAL, PUBLICATION, ModelInfo())


def test_rights_are_told_in_the_spelling_that_europeana_knows() -> None:
    def under(uri: str) -> Description:
        return Description.make({"titles": {"en": "x"}, "rights": {"uri": uri}})

    for given_, told in {
        "https://creativecommons.org/licenses/by/4.0/": "http://creativecommons.org/licenses/by/4.0/",
        "https://creativecommons.org/licenses/by-nc/4.0/deed.en": "http://creativecommons.org/licenses/by-nc/4.0/",
        "https://www.creativecommons.org/publicdomain/zero/1.0": "http://creativecommons.org/publicdomain/zero/1.0/",
        "https://rightsstatements.org/page/InC/1.0/": "http://rightsstatements.org/vocab/InC/1.0/",
    }.items():
        assert f'edm:rights rdf:resource="{told}"'.encode() in edm(under(given_), PUBLICATION)
    assert b"vocab/CNE/1.0/" in edm(MINIMAL, PUBLICATION)  # nobody said: not evaluated
    with pytest.raises(InputError, match="Europeana does not take records under"):
        edm(under("https://example.org/our-licence"), PUBLICATION)
    with pytest.raises(InputError, match="knows no usage Fun"):
        edm(MINIMAL, PUBLICATION, usages=("Fun",))


def every_value(value: Any) -> Iterator[tuple[str, Any]]:
    """All names and values of JSON, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name, inner
            yield from every_value(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from every_value(inner)


def test_schema_org_tells_a_model_of_something() -> None:
    linked = schema_org(full("Church"), PUBLICATION, MODEL)
    assert linked["@context"] == "https://schema.org" and linked["@type"] == "3DModel"
    assert linked["encoding"][0] == {
        "@type": "MediaObject", "contentUrl": "https://archive.example/church.glb",
        "encodingFormat": "model/gltf-binary", "contentSize": "1234567 B",
    }  # fmt: skip
    assert linked["about"]["@type"] == "LandmarksOrHistoricalBuildings"
    assert linked["license"] == "http://creativecommons.org/licenses/by-sa/4.0/"
    assert linked["temporalCoverage"] == ["1598~/17XX", "1905-06/..", "../1944"]
    assert all(value not in (None, [], {}, "") for _, value in every_value(linked))
    assert schema_org(MINIMAL, BARE)["about"]["@type"] == "CreativeWork"


def test_nothing_in_a_script_can_end_it() -> None:
    script = as_script(schema_org(full("</script><script>alert(1)</script> & <!--"), PUBLICATION))
    assert "<" not in script and "&" not in script and "\\u003c/script" in script


def test_smithsonian_records_come_back_as_they_went() -> None:
    captures = (
        CaptureGiven(
            identifier="ark:/99999/b1c4", info=CAPTURE, inventory_digest="0a" * 64,
            files={"originals/IMG  1.jpg": "image/jpeg", "originals/б.heic": "image/heic"},
        ),
        CaptureGiven(identifier="ark:/99999/b1c5", info=CaptureInfo(method="lidar")),
    )  # fmt: skip
    records = smithsonian(full("Церква"), PUBLICATION, captures, MODEL)
    assert Smithsonian.load(records.dump()) == records
    again = Smithsonian.load(records.dump())
    assert captures_of(again) == captures
    assert model_of(again) == MODEL
    assert [one.capture_data_file_type for one in again.capture_data_files] == ["image/jpeg", "image/heic"]
    assert again.subject.holding_entity_local_id == "Церква"
    minimal = smithsonian(MINIMAL, BARE)
    assert Smithsonian.load(minimal.dump()) == minimal
    assert captures_of(minimal) == () and model_of(minimal) is None


def test_days_and_hours_are_not_told() -> None:
    info = CaptureInfo(taken_from="2024-05-01T12:34:56Z", taken_to="2024-05-02")
    model = ModelInfo(made_at="2026-11-20T22:03:06+00:00", made_by="Oberih 0.1.0")
    captures = (CaptureGiven(identifier="ark:/99999/b1c4", info=info),)
    told = smithsonian(MINIMAL, PUBLICATION, captures, model).dump()
    told += edm(MINIMAL, PUBLICATION, model) + json.dumps(schema_org(MINIMAL, PUBLICATION, model)).encode()
    assert b"2024-05" in told and b"2026-11" in told
    assert b"2024-05-0" not in told and b"2026-11-20T" not in told and b"12:34" not in told


CANARY = {"lat": "12.345678", "long": "-98.765432", "name": "Testperson Truename"}


@pytest.mark.parametrize(
    "field", ["latitude", "coordinates", "location", "exact_place", "contentLocation", "gps"]
)
def test_a_true_place_finds_no_field(field: str) -> None:
    where = [{}, {"place": {}}, {"repository": {"names": {"en": "x"}}}]
    for inside in where:
        values: dict[str, Any] = {"titles": {"en": "x"}, **json.loads(json.dumps(inside))}
        target = next(iter(values[name] for name in inside), values)
        target[field] = [CANARY["lat"], CANARY["long"]]
        with pytest.raises(InputError, match=f"{field}: is not a field"):
            Description.make(values)


def test_no_mapping_tells_a_place_or_who_is_behind_a_pseudonym() -> None:
    description = full("Church")
    captures = (CaptureGiven(identifier="ark:/99999/b1c4", info=CAPTURE),)
    xml = [make(description, PUBLICATION, MODEL) for make in SCHEMAS]
    linked = [
        schema_org(description, PUBLICATION, MODEL),
        json.loads(smithsonian(description, PUBLICATION, captures, MODEL).dump()),
    ]
    for record in xml:
        names = {etree.QName(one).localname for one in etree.fromstring(record).iter()}
        assert (
            names & {"gml", "Point", "lat", "long", "alt", "currentLocation", "placeID", "eventPlace"}
            == set()
        )
        assert b"851e4d03fffffff" not in record  # nor the cell: it is for the map, not for prose
        assert b"Stork 12" not in record  # who recorded is told to partners only, and by the pseudonym
    for value in linked:
        names = {name for name, _ in every_value(value)}
        assert (
            names & {"contentLocation", "geo", "latitude", "longitude", "address", "locationCreated"} == set()
        )
    # a pseudonym comes alone: no address, and no other name, can stand beside it
    for person in description.people:
        assert person.name is None or person.pseudonym is None
        assert person.uri is None or person.pseudonym is None
    assert not re.search(rb"viaf[^<]*<[^>]*>[^<]*pseudonym", b"".join(xml))
