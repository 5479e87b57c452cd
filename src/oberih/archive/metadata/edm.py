"""The Europeana Data Model, as a provider sends it (EDM external), with its fields for 3D.

One ``edm:ProvidedCHO`` (the thing), one ``ore:Aggregation`` (who publishes what of it), a ``edm:WebResource``
per file with the counts of its mesh, and contexts for periods and the public place (a name, no coordinates).
"""

import re

from oberih.archive.metadata._words import (
    KINDS,
    digital_rights,
    in_languages,
    kind_words,
    measured,
    month,
    rights_uri,
    statement,
)
from oberih.archive.metadata._xml import Element, add, add_all, document, root
from oberih.archive.metadata.description import Description, ModelInfo, Rights, Term
from oberih.archive.metadata.publication import Publication, WebFile
from oberih.errors import InputError
from oberih.i18n import say

__all__ = ["USAGES", "edm", "is_taken_by_europeana"]

NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "edm": "http://www.europeana.eu/schemas/edm/",
    "ore": "http://www.openarchives.org/ore/terms/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "ebucore": "http://www.ebu.ch/metadata/ontologies/ebucore/ebucore#",
    "schema": "https://schema.org/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
}
# Europeana takes these statements only.
LICENCES = re.compile(
    r"http://creativecommons\.org/(?:licenses/by(?:-nc)?(?:-sa|-nd)?/(?:[1-3]\.0(?:/[a-z]+)?|2\.[15](?:/[a-z]+)?|4\.0)/"
    r"|publicdomain/(?:zero|mark)/1\.0/)|http://rightsstatements\.org/vocab/(?:NoC-NC|NoC-OKLR|InC|InC-EDU|InC-OW-EU|CNE)/1\.0/"
)
CAPTURED = "https://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
USAGE = "http://data.europeana.eu/vocabulary/usageArea/"
USAGES = (
    "Knowledge", "Research", "Education", "Infotainment", "Tourism", "Gaming", "Exhibition", "Creativity",
    "Design", "Art", "Curation", "Maintenance", "Restoration", "Documentation",
)  # fmt: skip
LONG = {"rdf:datatype": "http://www.w3.org/2001/XMLSchema#long"}
ROLES = {
    "creator": "dc:creator",
    "contributor": "dc:contributor",
    "publisher": "dc:publisher",
    "rights holder": "dc:rights",
    "owner": "dcterms:provenance",
    "depicted": "dc:subject",
}
RELATIONS = {
    "is part of": "dcterms:isPartOf",
    "has part": "dcterms:hasPart",
    "is model of": "dc:source",
    "made from": "dc:source",
    "is version of": "dcterms:isVersionOf",
    "replaces": "dcterms:replaces",
    "related to": "dc:relation",
}


def edm(
    description: Description, publication: Publication, model: ModelInfo | None = None, *,
    usages: tuple[str, ...] = ("Research", "Education", "Documentation"),
) -> bytes:  # fmt: skip
    """The ``rdf:RDF`` record. Raises `InputError` if Europeana does not take these rights."""
    rights = digital_rights(description, model)
    uri = rights_uri(rights)
    if not LICENCES.fullmatch(uri):
        raise InputError(
            say("Europeana does not take records under {uri}.", uri=uri),
            "It takes Creative Commons' licences and six statements of rightsstatements.org: "
            "NoC-NC, NoC-OKLR, InC, InC-EDU, InC-OW-EU and CNE.",
        )
    record = root("rdf:RDF", NAMESPACES)
    provided(record, description, publication)
    for file in publication.files:
        web_resource(record, file, description, publication, model, rights, uri, usages)
    contexts(record, description, publication.identifier)
    aggregation(record, publication, rights, uri)
    return document(record)


def is_taken_by_europeana(uri: str | None) -> bool:
    """Whether Europeana takes records under this licence or statement; None: nobody looked into it."""
    return LICENCES.fullmatch(statement(uri)) is not None


def resource(uri: str) -> dict[str, str]:
    return {"rdf:resource": uri}


def provided(record: Element, description: Description, publication: Publication) -> None:
    """The thing itself."""
    thing = add(record, "edm:ProvidedCHO", "", {"rdf:about": publication.identifier})
    add_all(thing, "dc:title", description.titles)
    for titles in description.alternative_titles:
        add_all(thing, "dcterms:alternative", titles)
    for texts in (description.summary, description.notes):
        add_all(thing, "dc:description", texts)
    add_all(thing, "dc:type", kind_words(description))
    if description.object_type:
        add_all(thing, "dc:type", in_languages(KINDS[description.kind], description))
    for person in description.people:
        add(thing, ROLES[person.role], person.known_as)
    named = {"dc:subject": description.subjects, "dcterms:medium": description.materials}
    for name, terms in {**named, "dc:format": description.techniques}.items():
        for term in terms:
            term_of(thing, name, term)
    for measurement in description.measurements:
        add_all(thing, "dcterms:extent", in_languages(measured(measurement), description))
    linked(thing, description, publication.identifier)
    add(thing, "edm:pid", publication.identifier)
    add(thing, "edm:type", "3D" if publication.models else "IMAGE")


def linked(thing: Element, description: Description, here: str) -> None:
    """What else the thing has to do with: periods, the public place, numbers elsewhere, other things."""
    for index, period in enumerate(description.periods):
        name = "dcterms:created" if period.phase == "creation" else "dcterms:temporal"
        add(thing, name, "", resource(f"{here}#period-{index + 1}"))
    if description.place and description.place.names:
        add(thing, "dcterms:spatial", "", resource(f"{here}#place"))
    for identifier in description.identifiers:
        add(thing, "dc:identifier", f"{identifier.authority}: {identifier.value}")
    if description.repository:
        add_all(thing, "dcterms:provenance", description.repository.names)
    for relation in description.relations:
        add(thing, RELATIONS[relation.kind], "", resource(relation.identifier))


def term_of(thing: Element, name: str, term: Term) -> None:
    add_all(thing, name, term.labels)
    if term.uri:
        add(thing, name, "", resource(term.uri))


def web_resource(
    record: Element, file: WebFile, description: Description, publication: Publication,
    model: ModelInfo | None, rights: Rights | None, uri: str, usages: tuple[str, ...],
) -> None:  # fmt: skip
    """One file, with the counts of its mesh. The order of the elements is the schema's."""
    web = add(record, "edm:WebResource", "", {"rdf:about": file.url})
    add(web, "dc:format", file.media_type)
    if rights and rights.credit:
        add(web, "dc:rights", rights.credit)
    made = month(model.made_at) if model and model.made_at and file.role != "picture" else None
    if made or publication.recorded:
        add(web, "dcterms:created", made or publication.recorded or "")
    if file.role != "picture" and model:
        add_all(web, "dcterms:extent", in_languages(accuracy(model), description))
    add(web, "edm:rights", "", resource(uri))
    add(web, "ebucore:hasMimeType", file.media_type)
    if file.bytes is not None:
        add(web, "ebucore:fileByteSize", str(file.bytes), LONG)
    if file.role != "picture":
        for name, count in (("point", file.points), ("polygon", file.triangles), ("vertex", file.vertices)):
            if count is not None:
                add(web, f"edm:{name}Count", str(count))
        add(web, "edm:type", "3D")
        add(web, "schema:digitalSourceType", "", resource(CAPTURED))
        for usage in usages:
            if usage not in USAGES:
                raise InputError(say("Europeana knows no usage {usage}.", usage=usage), ", ".join(USAGES))
            add(web, "edm:intendedUsage", "", resource(USAGE + usage))
    else:
        add(web, "edm:type", "IMAGE")


def accuracy(model: ModelInfo) -> str:
    """The measured error as a text, or that it is unknown."""
    if model.error.value is None or model.error.unit != "m":
        return say("measured error: unknown")
    return say("measured error, 95 %: {value:.6g} m", value=float(f"{model.error.value:.2g}"))


def contexts(record: Element, description: Description, identifier: str) -> None:
    """Periods, and the place as a name."""
    if description.place and description.place.names:
        place = add(record, "edm:Place", "", {"rdf:about": f"{identifier}#place"})
        add_all(place, "skos:prefLabel", description.place.names)
    for index, period in enumerate(description.periods):
        span = add(record, "edm:TimeSpan", "", {"rdf:about": f"{identifier}#period-{index + 1}"})
        add_all(span, "skos:prefLabel", period.label or {})
        if period.earliest:
            add(span, "edm:begin", period.earliest)
        if period.latest:
            add(span, "edm:end", period.latest)


def aggregation(record: Element, publication: Publication, rights: Rights | None, uri: str) -> None:
    """Who publishes what of it. The order of the elements is the schema's."""
    whole = add(record, "ore:Aggregation", "", {"rdf:about": f"{publication.identifier}#aggregation"})
    add(whole, "edm:aggregatedCHO", "", resource(publication.identifier))
    one_name(whole, "edm:dataProvider", publication.publisher)
    for file in publication.files[1:]:
        add(whole, "edm:hasView", "", resource(file.url))
    add(whole, "edm:isShownAt", "", resource(publication.page))
    if publication.files:
        add(whole, "edm:isShownBy", "", resource(publication.files[0].url))
    if publication.preview:
        add(whole, "edm:object", "", resource(publication.preview))
    one_name(whole, "edm:provider", publication.provider or publication.publisher)
    for text in (rights.holder, rights.credit) if rights else ():
        if text:
            add(whole, "dc:rights", text)
    add(whole, "edm:rights", "", resource(uri))


def one_name(whole: Element, name: str, names: dict[str, str]) -> None:
    """The English name, or the first: the schema takes one."""
    tag = "en" if "en" in names else next(iter(names))
    add(whole, name, names[tag], {"xml:lang": tag})
