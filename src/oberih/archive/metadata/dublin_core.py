"""Dublin Core, as OAI-PMH passes it on (oai_dc): fifteen elements that everybody understands.

Each element is repeated for each language. Refinements of the Description that simple Dublin Core has no
element for (measurements, legal status) stay out, rather than in an element that means something else.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain
from xml.sax.saxutils import escape, quoteattr

from oberih.archive.metadata._words import (
    KINDS,
    digital_rights,
    in_languages,
    interval,
    kind_words,
    rights_uri,
)
from oberih.archive.metadata.description import Description, ModelInfo, Rights
from oberih.archive.metadata.publication import Publication

__all__ = ["dublin_core"]

NAMESPACES = {
    "oai_dc": "http://www.openarchives.org/OAI/2.0/oai_dc/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
Said = Iterator[tuple[str, Mapping[str, str]]]  # element, texts by language
SCHEMA = "http://www.openarchives.org/OAI/2.0/oai_dc/ http://www.openarchives.org/OAI/2.0/oai_dc.xsd"
ATTRIBUTES = {**{f"xmlns:{prefix}": uri for prefix, uri in NAMESPACES.items()}, "xsi:schemaLocation": SCHEMA}
BEGIN = '<?xml version="1.0" encoding="UTF-8"?>\n<oai_dc:dc {}>\n'.format(
    " ".join(f'{name}="{value}"' for name, value in ATTRIBUTES.items())
)


def dublin_core(description: Description, publication: Publication, model: ModelInfo | None = None) -> bytes:
    """The ``oai_dc:dc`` record. It is flat, and asked for by the hundred thousand: no tree is made of it."""
    said = [what(description), who(description, publication), where_and_when(description, publication)]
    said += [files(description, publication), names(description, publication)]
    said += [rights(digital_rights(description, model))]
    lines = [
        f" <dc:{name}{xml_lang(language)}>{escape(text)}</dc:{name}>\n"
        for name, texts in chain.from_iterable(said)
        for language, text in texts.items()
    ]
    return f"{BEGIN}{''.join(lines)}</oai_dc:dc>\n".encode()


@lru_cache(1_000)
def xml_lang(language: str) -> str:
    """The attribute that names a language."""
    return f" xml:lang={quoteattr(language)}" if language else ""


def plain(text: str) -> dict[str, str]:
    """A text that is in no language."""
    return {"": text}


def what(description: Description) -> Said:
    yield "title", description.titles
    for titles in description.alternative_titles:
        yield "title", titles
    yield "description", description.summary
    yield "description", description.notes
    yield "type", kind_words(description)
    if description.object_type:
        yield "type", in_languages(KINDS[description.kind], description)
    for term in description.subjects:
        yield "subject", term.labels
    for person in description.by_role("depicted"):
        yield "subject", plain(person.known_as)


def who(description: Description, publication: Publication) -> Said:
    for person in description.by_role("creator", "contributor", "publisher"):
        yield person.role, plain(person.known_as)
    yield "publisher", publication.publisher
    if description.repository:
        yield "source", description.repository.names


def where_and_when(description: Description, publication: Publication) -> Said:
    """The public place is a name; dates are those of creation, and the month in which it was recorded."""
    for period in description.periods:
        if period.phase == "creation" and (period.earliest or period.latest):
            yield "date", plain(interval(period))
        yield "coverage", period.label or plain(interval(period))
    if publication.recorded:
        yield "date", plain(publication.recorded)
    if description.place:
        yield "coverage", description.place.names


def files(description: Description, publication: Publication) -> Said:
    if publication.models:
        yield "type", plain("3D")
    for media_type in dict.fromkeys(file.media_type for file in publication.files):
        yield "format", plain(media_type)
    for term in (*description.materials, *description.techniques):
        yield "format", term.labels


def names(description: Description, publication: Publication) -> Said:
    yield "identifier", plain(publication.identifier)
    yield "identifier", plain(publication.page)
    for identifier in description.identifiers:
        yield "identifier", plain(identifier.uri or f"{identifier.authority}: {identifier.value}")
    for relation in description.relations:
        yield "relation", plain(relation.identifier)


def rights(given: Rights | None) -> Said:
    yield "rights", plain(rights_uri(given))
    if given:
        for text in (given.holder, given.credit):
            if text:
                yield "rights", plain(text)
        yield "rights", given.note
