"""LIDO 1.1: the museums' own exchange format, with events, actors in roles, and resources.

All languages stand in one description, each text with its own ``xml:lang``. The place is a name without
geometry (``lido:gml`` is never written). Terms are those of LIDO's terminology.
"""

from collections.abc import Mapping, Sequence

from oberih.archive.metadata._values import number
from oberih.archive.metadata._words import (
    KINDS,
    MEASURES,
    digital_rights,
    in_languages,
    interval,
    kind_words,
    measured,
    rights_uri,
)
from oberih.archive.metadata._xml import Element, add, add_all, document, root
from oberih.archive.metadata.description import (
    Description,
    Measurement,
    ModelInfo,
    Period,
    Person,
    Rights,
    Term,
)
from oberih.archive.metadata.publication import Publication, WebFile

__all__ = ["lido"]

NAMESPACES = {"lido": "http://www.lido-schema.org", "xsi": "http://www.w3.org/2001/XMLSchema-instance"}
SCHEMA = "http://www.lido-schema.org http://www.lido-schema.org/schema/v1.1/lido-v1.1.xsd"
TERMS = "http://terminology.lido-schema.org/lido"
URI, LOCAL = f"{TERMS}00099", f"{TERMS}00100"
PREFERRED, ALTERNATIVE = f"{TERMS}00169", f"{TERMS}00170"
CURRENT, INVENTORY = f"{TERMS}00475", f"{TERMS}00113"
MATERIAL, TECHNIQUE = f"{TERMS}00132", f"{TERMS}00131"
ITEM = (f"{TERMS}00141", "Item-level record")
EVENTS = {
    "creation": (f"{TERMS}00007", "Production"),
    "alteration": (f"{TERMS}00006", "Modification"),
    "use": (f"{TERMS}00011", "Use"),
    "destruction": (f"{TERMS}00026", "Destruction"),
}
FORMS = {
    "model": f"{TERMS}00468",
    "point cloud": f"{TERMS}00468",
    "picture": f"{TERMS}00464",
}  # provided 3D, image
HUMAN_MADE = ("http://www.cidoc-crm.org/crm-concepts/E22", "Human-Made Object")
SITE = ("http://www.cidoc-crm.org/crm-concepts/E27", "Site")
CATEGORIES = {"site": SITE, "street": None, "other": None}
PERSON = f"{TERMS}00163"


def lido(description: Description, publication: Publication, model: ModelInfo | None = None) -> bytes:
    """The ``lido:lido`` record."""
    record = root("lido:lido", NAMESPACES, **{"xsi:schemaLocation": SCHEMA})
    add(record, "lido:lidoRecID", publication.identifier, kind(LOCAL))
    add(record, "lido:objectPublishedID", publication.page, kind(URI))
    category = CATEGORIES.get(description.kind, HUMAN_MADE)
    if category:
        concept(record, "lido:category", category[0], {"en": category[1]})
    descriptive = add(record, "lido:descriptiveMetadata", "", {"xml:lang": description.language})
    classification(descriptive, description, publication)
    identification(descriptive, description)
    events(descriptive, description)
    relations(descriptive, description)
    administrative = add(record, "lido:administrativeMetadata", "", {"xml:lang": description.language})
    if description.rights:
        work = add(add(administrative, "lido:rightsWorkWrap"), "lido:rightsWorkSet")
        rights_of(work, description.rights)
    about_record(administrative, publication)
    resources(administrative, publication, model, digital_rights(description, model))
    return document(record)


def kind(value: str) -> dict[str, str]:
    return {"lido:type": value}


def concept(
    parent: Element,
    name: str,
    uri: str | None,
    labels: Mapping[str, str],
    attributes: Mapping[str, str] | None = None,
) -> Element:
    """An element that holds a term: its address in a vocabulary, and words."""
    element = add(parent, name, "", attributes)
    if uri:
        add(element, "lido:conceptID", uri, kind(URI))
    add_all(element, "lido:term", labels)
    return element


def appellation(
    parent: Element, name: str, names: Mapping[str, str], attributes: Mapping[str, str] | None = None
) -> None:
    add_all(add(parent, name), "lido:appellationValue", names, attributes)


def named(parent: Element, element: str, name: str, uri: str | None = None) -> None:
    """A legal body with one name in no language."""
    body = add(parent, element)
    if uri:
        add(body, "lido:legalBodyID", uri, kind(URI))
    add(add(body, "lido:legalBodyName"), "lido:appellationValue", name)


def classification(descriptive: Element, description: Description, publication: Publication) -> None:
    wrap = add(descriptive, "lido:objectClassificationWrap")
    concept(add(wrap, "lido:objectWorkTypeWrap"), "lido:objectWorkType", None, kind_words(description))
    classes = add(wrap, "lido:classificationWrap")
    concept(classes, "lido:classification", None, in_languages(KINDS[description.kind], description))
    shown = "3D" if publication.models else "IMAGE"
    add(add(classes, "lido:classification", "", kind("europeana:type")), "lido:term", shown)


def identification(descriptive: Element, description: Description) -> None:
    """Titles, where it is kept, what is said of it, how large it is, what of."""
    wrap = add(descriptive, "lido:objectIdentificationWrap")
    titles = add(wrap, "lido:titleWrap")
    appellation(titles, "lido:titleSet", description.titles, {"lido:pref": PREFERRED})
    for names in description.alternative_titles:
        appellation(titles, "lido:titleSet", names, {"lido:pref": ALTERNATIVE})
    repository(wrap, description)
    notes = [texts for texts in (description.summary, description.notes) if texts]
    if notes:
        descriptions = add(wrap, "lido:objectDescriptionWrap")
        for texts in notes:
            add_all(add(descriptions, "lido:objectDescriptionSet"), "lido:descriptiveNoteValue", texts)
    if description.measurements:
        measurements = add(wrap, "lido:objectMeasurementsWrap")
        for measurement in description.measurements:
            measures(measurements, measurement, description)
    made = [(MATERIAL, description.materials), (TECHNIQUE, description.techniques)]
    if any(terms for _, terms in made):
        materials_tech(wrap, made)


def repository(wrap: Element, description: Description) -> None:
    """Who keeps it, its numbers there, and the region that it is in."""
    place = description.place.names if description.place else {}
    if not (description.repository or place or description.identifiers):
        return
    keeper = add(add(wrap, "lido:repositoryWrap"), "lido:repositorySet", "", kind(CURRENT))
    if description.repository:
        name = add(keeper, "lido:repositoryName")
        if description.repository.uri:
            add(name, "lido:legalBodyID", description.repository.uri, kind(URI))
        appellation(name, "lido:legalBodyName", description.repository.names)
    for identifier in description.identifiers:
        numbered = kind(INVENTORY) if identifier.kind == "inventory number" else {}
        add(keeper, "lido:workID", identifier.value, numbered | {"lido:label": identifier.authority})
    if place:
        appellation(add(keeper, "lido:repositoryLocation"), "lido:namePlaceSet", place)


def measures(wrap: Element, measurement: Measurement, description: Description) -> None:
    one = add(wrap, "lido:objectMeasurementsSet")
    add_all(one, "lido:displayObjectMeasurements", in_languages(measured(measurement), description))
    if measurement.value is None:
        return
    values = add(one, "lido:objectMeasurements")
    value = add(values, "lido:measurementsSet")
    concept(value, "lido:measurementType", None, in_languages(MEASURES[measurement.what], description))
    concept(value, "lido:measurementUnit", None, {"en": measurement.unit})
    add(value, "lido:measurementValue", number(measurement.value))
    if measurement.part:
        concept(values, "lido:extentMeasurements", None, measurement.part)
    if measurement.method:
        concept(values, "lido:qualifierMeasurements", None, {description.language: measurement.method})


def materials_tech(wrap: Element, made: Sequence[tuple[str, Sequence[Term]]]) -> None:
    materials = add(add(wrap, "lido:objectMaterialsTechWrap"), "lido:objectMaterialsTechSet")
    for type_, terms in made:
        for term in terms:
            element = add(materials, "lido:materialsTech")
            concept(element, "lido:termMaterialsTech", term.uri, term.labels, kind(type_))


def events(descriptive: Element, description: Description) -> None:
    """What happened to it; who made it belongs to the first creation."""
    makers = description.by_role("creator", "contributor", "publisher")
    periods = list(description.periods)
    if makers and not any(period.phase == "creation" for period in periods):
        happened: list[tuple[str, Period | None]] = [("creation", None)]
    else:
        happened = []
    happened += [(period.phase, period) for period in periods]
    if not happened:
        return
    wrap = add(descriptive, "lido:eventWrap")
    for phase, period in happened:
        event = add(add(wrap, "lido:eventSet"), "lido:event")
        concept(event, "lido:eventType", EVENTS[phase][0], {"en": EVENTS[phase][1]})
        if phase == "creation":
            for person in makers:
                in_role(event, person)
            makers = ()
        if period:
            dated(event, period)


def in_role(event: Element, person: Person) -> None:
    role = add(add(event, "lido:eventActor"), "lido:actorInRole")
    actor_of(role, person)
    if person.function:
        concept(role, "lido:roleActor", person.function.uri, person.function.labels)
    else:
        concept(role, "lido:roleActor", None, {"en": person.role})


def actor_of(parent: Element, person: Person) -> None:
    actor = add(parent, "lido:actor", "", kind(PERSON) if person.type == "person" else {})
    if person.uri:
        add(actor, "lido:actorID", person.uri, kind(URI))
    add(add(actor, "lido:nameActorSet"), "lido:appellationValue", person.known_as)


def dated(event: Element, period: Period) -> None:
    date = add(event, "lido:eventDate")
    add_all(date, "lido:displayDate", period.label or {})
    if not period.label:
        add(date, "lido:displayDate", interval(period))
    if period.earliest or period.latest:
        span = add(date, "lido:date")
        for name, value in (("earliest", period.earliest), ("latest", period.latest)):
            if value:
                add(span, f"lido:{name}Date", value)


def relations(descriptive: Element, description: Description) -> None:
    """Keywords, who is shown, and other objects."""
    depicted = description.by_role("depicted")
    if not (description.subjects or depicted or description.relations):
        return
    wrap = add(descriptive, "lido:objectRelationWrap")
    if description.subjects or depicted:
        subjects = add(wrap, "lido:subjectWrap")
        for term in description.subjects:
            subject = add(add(subjects, "lido:subjectSet"), "lido:subject")
            concept(subject, "lido:subjectConcept", term.uri, term.labels)
        for person in depicted:
            subject = add(add(subjects, "lido:subjectSet"), "lido:subject")
            actor_of(add(subject, "lido:subjectActor"), person)
    if description.relations:
        works = add(wrap, "lido:relatedWorksWrap")
        for relation in description.relations:
            work = add(works, "lido:relatedWorkSet")
            other = add(add(work, "lido:relatedWork"), "lido:object")
            web = relation.identifier.startswith("http")
            add(other, "lido:objectID", relation.identifier, kind(URI if web else LOCAL))
            if relation.titles:
                appellation(other, "lido:objectName", relation.titles)
            concept(work, "lido:relatedWorkRelType", None, {"en": relation.kind})


def rights_of(parent: Element, rights: Rights | None) -> None:
    """Statement, holder and credit line."""
    labels = rights.note if rights else {}
    concept(parent, "lido:rightsType", rights_uri(rights), labels)
    if rights and rights.holder:
        named(parent, "lido:rightsHolder", rights.holder)
    if rights and rights.credit:
        add(parent, "lido:creditLine", rights.credit)


def about_record(administrative: Element, publication: Publication) -> None:
    wrap = add(administrative, "lido:recordWrap")
    add(wrap, "lido:recordID", publication.identifier, kind(LOCAL))
    concept(wrap, "lido:recordType", ITEM[0], {"en": ITEM[1]})
    source = add(wrap, "lido:recordSource")
    appellation(source, "lido:legalBodyName", publication.publisher)
    info = add(wrap, "lido:recordInfoSet")
    add(info, "lido:recordInfoLink", publication.page, {"lido:formatResource": "text/html"})
    if publication.modified:
        add(info, "lido:recordMetadataDate", publication.modified)


def resources(
    administrative: Element, publication: Publication, model: ModelInfo | None, rights: Rights | None
) -> None:
    """The files that show it, with the counts of their meshes."""
    if not publication.files:
        return
    wrap = add(administrative, "lido:resourceWrap")
    for file in publication.files:
        one = add(wrap, "lido:resourceSet")
        shown = add(one, "lido:resourceRepresentation", "", kind(FORMS[file.role]))
        add(shown, "lido:linkResource", file.url, {"lido:formatResource": file.media_type})
        for what, unit, value in counts(file):
            measure = add(shown, "lido:resourceMeasurementsSet")
            concept(measure, "lido:measurementType", None, {"en": what})
            concept(measure, "lido:measurementUnit", None, {"en": unit})
            add(measure, "lido:measurementValue", value)
        concept(one, "lido:resourceType", None, {"en": "3D model" if file.role == "model" else file.role})
        if model and model.scale_source and file.role != "picture":
            add(one, "lido:resourceDescription", f"Scale: {model.scale_source}", {"xml:lang": "en"})
        if publication.recorded:
            taken = add(one, "lido:resourceDateTaken")
            add(taken, "lido:displayDate", publication.recorded)
        rights_of(add(one, "lido:rightsResource"), rights)


def counts(file: WebFile) -> list[tuple[str, str, str]]:
    found = [("file size", "byte", file.bytes), ("vertices", "count", file.vertices),
             ("triangles", "count", file.triangles), ("points", "count", file.points)]  # fmt: skip
    return [(what, unit, str(value)) for what, unit, value in found if value is not None]
