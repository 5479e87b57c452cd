"""The types of what is public have no room for a secret."""

import typing
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import h3
import pytest
from pydantic import BaseModel, ValidationError

from oberih.catalogue.public import (
    PublicFile,
    PublicPerson,
    PublicPlace,
    PublicRecord,
    PublicRelation,
    PublicTerm,
)
from public_help import ark, plain

SECRET = {
    "lat", "latitude", "latitude_deg", "lon", "lng", "longitude", "longitude_deg", "coordinates", "position",
    "point", "geometry", "bbox", "elevation", "altitude", "elevation_m", "gps", "heading", "azimuth",
    "address", "location", "true_place", "offset", "transform", "pseudonym", "person", "contributor", "owner",
    "uploader", "email", "e_mail", "phone", "account", "device", "devices", "serial", "camera", "software",
    "taken", "taken_at", "taken_from", "taken_to", "created", "changed", "uploaded", "timestamp", "moment",
    "conditions", "original", "originals", "file_name", "sha512", "digest", "capture", "captures",
    "condition", "reason", "reviewer", "note", "notes", "contribution", "receipt", "campaign", "task",
    "embargo_until", "zone",
}  # fmt: skip


def types_in(kind: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every field of a type and of the types within it, however deep."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield path, kind
        for name, field in kind.model_fields.items():
            yield f"{path}.{name}", field.annotation
            yield from types_in(field.annotation, f"{path}.{name}")
        return
    for part in typing.get_args(kind):
        yield from types_in(part, path)
    if not typing.get_args(kind):
        yield path, kind


def test_no_field_can_hold_a_coordinate_a_moment_or_just_anything() -> None:
    found = list(types_in(PublicRecord))
    assert len(found) > 80
    for path, kind in found:
        assert kind not in (float, complex, Decimal, datetime, date, bytes, object, Any), path


def test_no_field_has_the_name_of_a_secret() -> None:
    names = {path.rsplit(".", 1)[-1] for path, _ in types_in(PublicRecord)}
    assert names & SECRET == set()


def test_the_walk_through_the_types_would_find_a_float() -> None:
    class Leaky(BaseModel):
        parts: dict[str, tuple[list[float], ...] | None] = {}

    assert float in [kind for _, kind in types_in(Leaky)]


def test_parts_are_frozen_and_refuse_what_they_do_not_know() -> None:
    for path, kind in types_in(PublicRecord):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            assert kind.model_config["extra"] == "forbid", path
            assert kind.model_config["frozen"], path
    with pytest.raises(ValidationError, match="latitude"):
        plain(latitude=51.5)
    with pytest.raises(ValidationError, match="pseudonym"):
        PublicPerson(name="A", role="creator", pseudonym="p-1")  # type: ignore[call-arg]


def test_a_place_is_no_more_exact_than_it_says() -> None:
    fine = h3.latlng_to_cell(51.49, 31.29, 11)
    assert PublicPlace(precision="exact", cell=fine).cell == fine
    coarse = h3.cell_to_parent(fine, 3)
    assert PublicPlace(precision="1 km", cell=coarse, region={"en": "Polissia"}).cell == coarse
    for wrong in (
        {"precision": "1 km", "cell": fine},
        {"precision": "withheld", "cell": coarse},
        {"precision": "withheld", "region": {"en": "Polissia"}},
        {"precision": "region", "cell": "8" + "0" * 14},
    ):
        with pytest.raises(ValidationError):
            PublicPlace(**wrong)


@pytest.mark.parametrize(
    "path", ["../a", "/etc/passwd", "a/../b", "a//b", ".hidden", "a/.b", "a\\b", "a b", "", "é", "a/"]
)
def test_paths_of_files_lead_nowhere_else(path: str) -> None:
    with pytest.raises(ValidationError):
        PublicFile(path=path, media_type="image/jpeg", bytes=1, sha256="0" * 64, role="poster")


def test_a_word_has_no_address_in_a_gazetteer() -> None:
    assert PublicTerm(labels={"en": "wood"}, uri="http://vocab.getty.edu/aat/300011914").uri
    for uri in ("http://vocab.getty.edu/tgn/7006660", "https://www.wikidata.org/entity/Q157101"):
        with pytest.raises(ValidationError):
            PublicTerm(labels={"en": "Chernihiv"}, uri=uri)


@pytest.mark.parametrize(
    "month", ["2026-13", "2026-1", "2026-01-05", "2026", "26-01", "2026-01-05T10:00:00Z"]
)
def test_dates_are_months(month: str) -> None:
    with pytest.raises(ValidationError):
        plain(recorded=month)


def test_texts_hold_nothing_that_nobody_can_see() -> None:
    for text in ("", "  ", "a\x00b", "a\x1bb", "\u202egnp.exe", "a\ud800"):
        with pytest.raises(ValidationError):
            plain(titles={"en": text})


def test_a_record_is_not_related_to_itself() -> None:
    with pytest.raises(ValidationError, match="itself"):
        plain(1, relations=(PublicRelation(kind="related to", id=ark(1)),))


def test_titles_and_languages() -> None:
    record = plain(titles={"uk": "Церква", "en": "Church"}, summary={"pl": "Cerkiew"})
    assert record.languages == ("uk", "en", "pl")
    assert [record.title(language) for language in ("en", "uk", "de", "")] == [
        "Church",
        "Церква",
        "Церква",
        "Церква",
    ]
