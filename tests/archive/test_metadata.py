"""Descriptions as people write them: kept whole, or refused with every mistake named; no places, no names."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from oberih.archive.metadata import (
    Agent,
    CaptureInfo,
    CaptureOf,
    Description,
    Event,
    ModelInfo,
    ObjectInfo,
    Publication,
    Smithsonian,
    model_info,
)
from oberih.archive.metadata.description import Person, Place, json_schema
from oberih.errors import InputError
from oberih.i18n import language

CHURCH: dict[str, Any] = {
    "titles": {"uk": "Церква Святого Духа", "en": "Church of the Holy Spirit"},
    "kind": "building",
    "object_type": {"uk": "дерев'яна церква", "en": "wooden church"},
    "periods": [{"label": {"en": "about 1600"}, "earliest": "1598~", "latest": "1610"}],
    "materials": [{"labels": {"en": "oak", "uk": "дуб"}}],
    "measurements": [{"what": "height", "value": 18.4, "error": 0.02, "method": "photogrammetry"}],
    "people": [{"role": "creator", "name": "Workshop of the town", "type": "organisation"}],
    "rights": {"uri": "https://creativecommons.org/licenses/by/4.0/deed.uk", "holder": "The parish"},
    "place": {"names": {"en": "Galicia"}, "cell": "831e4dfffffffff"},
}


def test_a_description_is_kept_as_plain_json() -> None:
    church = Description.make(CHURCH)
    assert church.title() == "Церква Святого Духа" and church.title("en") == "Church of the Holy Spirit"
    assert church.title("de") == church.title("uk")
    kept = church.dump()
    assert json.loads(kept)["schema_version"] == "1"
    assert "Церква" in kept.decode()  # readable without Oberih
    assert Description.load(kept) == church
    assert Description.load(kept).dump() == kept
    assert "summary" not in json.loads(kept)  # what nobody said is not there


def test_every_wrong_field_is_named_at_once() -> None:
    wrong = {
        "titles": {"ukrainisch!": "x", "en": " "},
        "kind": "castle",
        "measurements": [{"what": "height", "value": "12"}],
        "latitude": 50.45,
        "people": [{"role": "creator"}],
        "periods": [{"earliest": "1700", "latest": "1600"}],
        "place": "Lviv",
        "notes": {"en": "x" * 200_000},
    }
    with pytest.raises(InputError) as caught:
        Description.make(wrong)
    for path in (
        "titles.ukrainisch!: is no language tag",
        "titles.en: is empty",
        "kind: is none of 'building', 'monument'",
        "measurements[0].value: is no number",
        "latitude: is not a field of a description",
        "people[0]: has to have either a name or a pseudonym",
        "periods[0]: ends before it begins",
        "place: is not made of the right parts",
        "notes.en: is too long",
    ):
        assert path in caught.value.message
    said = language("uk")(caught.value.message)
    assert "latitude" in said


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"titles": {}}', "null", '{"titles": {"en": "\\ud800"}}', b"\xff"]
)
def test_what_is_no_description_is_an_error_not_a_crash(text: str | bytes) -> None:
    with pytest.raises(InputError):
        Description.load(text)


@pytest.mark.parametrize("value", [{"titles": {"en": float("nan")}}, {"titles": {"en": object()}}, {1: 2}])
def test_values_that_json_does_not_have_are_refused(value: Any) -> None:
    with pytest.raises(InputError):
        Description.make(value)


@given(st.text(st.characters(codec=None)), st.text(max_size=6))
def test_any_text_is_kept_or_refused(text: str, tag: str) -> None:
    try:
        church = Description.make({"titles": {"uk": text}, "summary": {tag: text}})
    except InputError:
        return
    assert Description.load(church.dump()) == church
    assert church.title() == " ".join(text.split())


def test_languages_have_one_spelling() -> None:
    assert set(Description.make({"titles": {"UK": "x", "zh-hant": "y", "EN-gb": "z"}}).titles) == {
        "uk", "zh-Hant", "en-GB",
    }  # fmt: skip
    with pytest.raises(InputError, match=r"titles: has a language twice"):
        Description.make({"titles": {"uk": "a", "UK": "b"}})


@pytest.mark.parametrize(
    "year", ["1648", "-0450", "17XX", "180X", "1905-06", "1905-06-30?", "Y-17000", "1780~"]
)
def test_years_as_edtf(year: str) -> None:
    assert (
        Description.make({"titles": {"en": "x"}, "periods": [{"earliest": year}]}).periods[0].earliest == year
    )


@pytest.mark.parametrize("year", ["648", "c. 1648", "1905-13", "1648/1650", "", "١٦٤٨"])
def test_what_is_no_year(year: str) -> None:
    with pytest.raises(InputError, match=r"periods\[0\].earliest"):
        Description.make({"titles": {"en": "x"}, "periods": [{"earliest": year}]})


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "geo:50.45,30.52",
        "http://a b",
        "https://user:word@x.org/",
        "file:///etc/passwd",
    ],
)
def test_links_lead_to_the_web_only(link: str) -> None:
    with pytest.raises(InputError, match=r"rights\.uri: is no web address"):
        Description.make({"titles": {"en": "x"}, "rights": {"uri": link}})


def test_links_in_other_letters_are_escaped() -> None:
    rights = {"uri": "https://uk.wikipedia.org/wiki/Київ?a=б"}
    made = Description.make({"titles": {"en": "x"}, "rights": rights}).rights
    assert made is not None and made.uri == "https://uk.wikipedia.org/wiki/%D0%9A%D0%B8%D1%97%D0%B2?a=%D0%B1"


@pytest.mark.parametrize(
    ("cell", "precision"),
    [
        ("881e4d0000fffff", "1 km"),  # resolution 8
        ("851e4d07fffffff", "region"),  # resolution 5 is for "10 km"
        ("851e4d07ffffff0", "10 km"),  # digits hidden where none belong
        ("871e4d00affffff"[:14] + "0", "1 km"),
    ],
)
def test_no_cell_is_more_exact_than_it_says(cell: str, precision: Any) -> None:
    with pytest.raises(ValueError, match=r"exact|pattern"):
        Place(cell=cell, precision=precision)
    assert Place(cell="851e4d03fffffff", precision="10 km")


def test_a_withheld_place_says_nothing() -> None:
    with pytest.raises(ValueError, match="withheld"):
        Place(names={"en": "Lviv"}, precision="withheld")
    assert Place(precision="withheld").cell is None


def test_a_person_is_a_name_or_a_pseudonym() -> None:
    assert Person(role="contributor", pseudonym="Stork 12").known_as == "Stork 12"
    with pytest.raises(ValueError, match="either a name or a pseudonym"):
        Person(role="contributor", pseudonym="Stork 12", name="Somebody")
    with pytest.raises(ValueError, match="tells who it is"):
        Person(role="contributor", pseudonym="Stork 12", uri="https://orcid.org/0000-0000-0000-0000")


def reachable(model: type[BaseModel], found: dict[str, type[BaseModel]]) -> dict[str, type[BaseModel]]:
    """All models that a model is made of."""
    if model.__name__ not in found:
        found[model.__name__] = model
        pending = [field.annotation for field in model.model_fields.values()]
        while pending:
            one = pending.pop()
            pending.extend(get_args(one))
            if isinstance(one, type) and issubclass(one, BaseModel):
                reachable(one, found)
    return found


def test_there_is_no_field_for_a_true_place_or_a_true_name() -> None:
    found: dict[str, type[BaseModel]] = {}
    for model in (Description, CaptureInfo, ModelInfo, Publication, Smithsonian, Event, ObjectInfo, Agent):
        reachable(model, found)
    assert len(found) > 25
    names = {name for model in found.values() for name in model.model_fields}
    telling = r"lat|lon|lng|latitude|longitude|gps|coordinates?|geo\w*|address|altitude|crs|pose|location"
    assert [name for name in names if re.search(rf"(?:^|_)(?:{telling})(?:_|$)", name)] == []
    assert set(Place.model_fields) == {"names", "cell", "precision"}
    for model in found.values():
        assert model.model_config["extra"] == "forbid", model
    # who recorded is known by a pseudonym only
    assert set(CaptureInfo.model_fields) & {"name", "operator", "photographer", "email"} == set()
    assert {"identifier", "name", "type", "version"} == set(Agent.model_fields)


def test_capture_info() -> None:
    info = CaptureInfo(
        devices=("Pixel 7",), person="Stork 12", taken_from="2024-05-01T12:00:00",
        taken_to="2024-05-01T12:30:00+03:00", conditions="overcast", files=40, photos=40,
    )  # fmt: skip
    assert CaptureInfo.load(info.dump()) == info
    assert CaptureInfo.load(CaptureInfo().dump()) == CaptureInfo()
    with pytest.raises(InputError, match="taken_from: is no date or time"):
        CaptureInfo.make({"taken_from": "yesterday"})
    assert CaptureInfo(devices=("Odd\x00 phone",)).devices == ("Odd\\x00 phone",)  # as a recording said it


REPORT: dict[str, Any] = {
    "made_by": "Oberih 0.1.0",
    "made_at": "2026-11-20T22:03:06+00:00",
    "surface": {
        "vertices": 1129867, "triangles": 2243715, "model_triangles": 150040, "points": 1076190,
        "size": [15.4, 3.7, 2.1], "texel": {"value": 0.01, "unit": "m", "method": "median"},
    },
    "scale": {"known": True, "unit": "m", "method": "a distance of 2 m, marked in 3 photos"},
    "error": {
        "total": {"value": 0.017, "unit": "m", "method": "root of the sum of squares"},
        "drawing_scale": {"value": 100.0, "unit": "1:N", "method": "of the total"},
    },
    "software": {"oberih": "0.1.0"},
}  # fmt: skip


def test_model_info_takes_its_figures_from_the_report() -> None:
    captures = [CaptureOf(identifier="ark:/99999/b1abc", inventory_digest="0" * 128)]
    model = model_info(REPORT, captures, textures=1)
    assert (model.vertices, model.triangles, model.display_triangles) == (1129867, 2243715, 150040)
    assert model.error.value == 0.017 and model.error.drawing_scale == 100
    assert model.captures[0].identifier == "ark:/99999/b1abc"
    assert ModelInfo.load(model.dump()) == model


def test_what_the_report_does_not_know_stays_unknown() -> None:
    model = model_info({"error": {"total": {"value": None, "unit": "unit", "method": "no known distance"}}})
    assert model.error.value is None and model.vertices is None
    with pytest.raises(InputError, match="vertices"):
        model_info({"surface": {"vertices": "many"}})


def test_schema_in_the_documentation_is_up_to_date() -> None:
    """Write it anew with: python -m oberih.archive.metadata > docs/description.schema.json"""
    path = Path(__file__).parents[2] / "docs" / "description.schema.json"
    assert path.read_text() == json_schema()
    schema = json.loads(json_schema())
    for record in (Description, CaptureInfo, ModelInfo):
        defined = schema["$defs"][record.__name__]
        assert set(defined["properties"]) == set(record.model_fields)
        assert defined["additionalProperties"] is False
    assert schema["$defs"]["Description"]["required"] == ["titles"]
