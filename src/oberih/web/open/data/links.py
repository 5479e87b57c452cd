"""What a record has links to, for browsers, feed readers and programs (RFC 8288, Signposting)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from oberih.archive.metadata import is_taken_by_europeana
from oberih.catalogue.public import LEVELS, PublicRecord
from oberih.web.open.addresses import api_of, data_of, page_of, persistent

__all__ = ["FEED", "Link", "header_of", "links_of"]

FEED = "/feed.atom"
TYPE = "https://schema.org/3DModel"
OEMBED = {"json": "application/json+oembed", "xml": "text/xml+oembed"}


@dataclass(frozen=True)
class Link:
    rel: str
    href: str
    type: str = ""
    title: str = ""


def links_of(record: PublicRecord, address: str) -> tuple[Link, ...]:
    """For ``<link>`` in the head of a record's page, or for its header."""
    return tuple(every(record, address))


def every(record: PublicRecord, address: str) -> Iterator[Link]:
    def data(name: str) -> str:
        return data_of(address, record.id, name)  # type: ignore[arg-type]

    page = page_of(address, record.id)
    yield Link("canonical", page)
    yield Link("cite-as", persistent(address, record.id))
    yield Link("type", TYPE)
    if record.rights:
        yield Link("license", record.rights.uri)
    for form in ("json", "xml"):
        asked = urlencode({"url": page, "format": form})
        yield Link("alternate", f"{address}/oembed?{asked}", OEMBED[form])
    yield Link("alternate", api_of(address, record.id), "application/json")
    yield Link("alternate", f"{address}{FEED}", "application/atom+xml")
    if is_taken_by_europeana(record.rights.uri if record.rights else None):
        yield Link("alternate", data("edm.rdf"), "application/rdf+xml", "EDM")
    if any(one.size_px for one in record.files_for("poster", "picture", "turntable")):
        yield Link("alternate", data("iiif.json"), "application/json", "IIIF Presentation 3")
    if record.files_for(*LEVELS):
        yield Link("alternate", data("iiif4.json"), "application/json", "IIIF Presentation 4")
    yield Link("describedby", data("schema.jsonld"), "application/ld+json")
    yield Link("describedby", data("lido.xml"), "application/xml", "LIDO")
    yield Link("describedby", data("dc.xml"), "application/xml", "Dublin Core")
    yield Link("describedby", data("citation.bib"), "application/x-bibtex")
    yield Link("describedby", data("citation.ris"), "application/x-research-info-systems")


def header_of(links: Iterable[Link]) -> str:
    """The value of a ``Link`` header."""
    return ", ".join(
        f'<{one.href}>; rel="{one.rel}"'
        + (f'; type="{one.type}"' if one.type else "")
        + (f'; title="{one.title}"' if one.title else "")
        for one in links
    )
