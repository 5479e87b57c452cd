"""schema.org's ``3DModel`` as JSON-LD, for search engines, on every public page.

The thing that the model shows stands under ``about``. Of its place only the public name is told
(``spatialCoverage``); ``contentLocation`` and ``geo`` would be the true one, and are never written.
"""

import json
from collections.abc import Mapping
from typing import Any

from oberih.archive.metadata._words import (
    KINDS,
    digital_rights,
    in_languages,
    interval,
    kind_words,
    measured,
    month,
    rights_uri,
)
from oberih.archive.metadata.description import Description, ModelInfo, Person, Term
from oberih.archive.metadata.publication import Publication, WebFile

__all__ = ["as_script", "schema_org"]

LANDMARK = "LandmarksOrHistoricalBuildings"
TYPES = {"building": LANDMARK, "monument": LANDMARK, "statue": "Sculpture"}


def schema_org(
    description: Description, publication: Publication, model: ModelInfo | None = None
) -> dict[str, Any]:
    """The JSON-LD object."""
    rights = digital_rights(description, model)
    place = description.place.names if description.place else {}
    return without_empty({
        "@context": "https://schema.org",
        "@type": "3DModel",
        "@id": publication.page,
        "url": publication.page,
        "identifier": publication.identifier,
        "name": texts(description.titles),
        "alternateName": [one for titles in description.alternative_titles for one in texts(titles)],
        "description": texts(description.summary),
        "inLanguage": list(description.languages),
        "keywords": [term(one) for one in description.subjects],
        "license": rights_uri(rights),
        "copyrightNotice": rights.holder if rights else None,
        "creditText": rights.credit if rights else None,
        "publisher": {"@type": "Organization", "name": texts(publication.publisher)},
        "dateModified": publication.modified,
        "dateCreated": month(model.made_at) if model and model.made_at else publication.recorded,
        "isAccessibleForFree": True,
        "isResizable": False,
        "image": publication.preview,
        "temporalCoverage": [interval(one) for one in description.periods if one.earliest or one.latest],
        "spatialCoverage": {"@type": "Place", "name": texts(place)} if place else None,
        "isPartOf": [one.identifier for one in description.relations if one.kind == "is part of"],
        "encoding": [encoding(file) for file in publication.files],
        "about": subject(description),
    })  # fmt: skip


def subject(description: Description) -> dict[str, Any]:
    """The thing that the model shows. What a property is not defined for, a text tells."""
    type_ = TYPES.get(description.kind, "CreativeWork")
    facts: dict[str, Any] = {
        "@type": type_,
        "name": texts(description.titles),
        "additionalType": [label["@value"] for label in texts(kind_words(description))],
        "disambiguatingDescription": texts(in_languages(KINDS[description.kind], description)),
        "identifier": [
            without_empty(property_value(one.authority, one.value) | {"url": one.uri})
            for one in description.identifiers
        ],
    }
    if type_ == LANDMARK:
        known = [measured(one) for one in description.measurements if one.value is not None]
        facts["additionalProperty"] = [property_value("measurement", one) for one in known]
        return without_empty(facts)
    facts["material"] = [term(one) for one in description.materials]
    facts["creator"] = [person(one) for one in description.by_role("creator")]
    facts["contributor"] = [person(one) for one in description.by_role("contributor")]
    facts["about"] = [person(one) for one in description.by_role("depicted")]
    return without_empty(facts)


def property_value(name: str, value: str) -> dict[str, Any]:
    return {"@type": "PropertyValue", "propertyID": name, "value": value}


def encoding(file: WebFile) -> dict[str, Any]:
    return without_empty({
        "@type": {"picture": "ImageObject"}.get(file.role, "MediaObject"),
        "contentUrl": file.url,
        "encodingFormat": file.media_type,
        "contentSize": f"{file.bytes} B" if file.bytes is not None else None,
    })  # fmt: skip


def texts(labels: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"@language": language, "@value": text} for language, text in labels.items()]


def term(one: Term) -> dict[str, Any]:
    return without_empty({"@type": "DefinedTerm", "name": texts(one.labels), "url": one.uri})


def person(one: Person) -> dict[str, Any]:
    type_ = "Organization" if one.type == "organisation" else "Person"
    return without_empty({"@type": type_, "name": one.known_as, "sameAs": one.uri})


def without_empty(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value not in (None, [], {}, "")}


def as_script(linked: Mapping[str, Any]) -> str:
    """JSON that may stand inside an HTML ``<script>``: nothing in it can end the script."""
    text = json.dumps(linked, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
