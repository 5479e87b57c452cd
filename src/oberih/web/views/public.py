"""Pages of public records. Nothing here has a field for a true place, a person's identity or a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from oberih.web.charts import Chart
from oberih.web.views.frame import ONE_PAGE, FigureRow, Paging, Picture, View
from oberih.web.views.viewer import Viewer

__all__ = [
    "Annotation", "Card", "Choice", "Citations", "Download", "Facet", "Fact", "GalleryPage", "PrintPage",
    "PublicPlace", "RecordPage", "Tour", "Value", "Way",
]  # fmt: skip

Texts = Mapping[str, str]
"""Language -> text; the first is the main one."""


@dataclass(frozen=True)
class PublicPlace:
    """Where something is, as far as everybody may know."""

    precision: Literal["withheld", "region", "10 km", "1 km", "exact"]
    names: Texts  # of the region
    chart: Chart | None = None  # its cell on a small map


@dataclass(frozen=True)
class Download:
    address: str
    format: str  # "GLB"
    bytes: int
    words: str = ""  # what it is good for


@dataclass(frozen=True)
class Value:
    """What is known; ``address``: of more with the same."""

    texts: Texts
    address: str = ""


@dataclass(frozen=True)
class Fact:
    """Something that is known of a subject: its period, its material, its collection."""

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Annotation:
    """What is said of a point of the model."""

    titles: Texts
    texts: Texts


@dataclass(frozen=True)
class Tour:
    titles: Texts
    stops: tuple[Texts, ...]


@dataclass(frozen=True)
class Citations:
    """How to name a record elsewhere, and the same as files for programs."""

    text: str
    bibtex: str  # address
    ris: str  # address


@dataclass(frozen=True)
class Way:
    """Of a list: what it is of, and its records."""

    label: str
    cards: tuple["Card", ...]


@dataclass(frozen=True)
class RecordPage(View):
    template: ClassVar[str] = "record.html.j2"
    id: str  # as addresses have it
    titles: Texts
    kind: str  # key of `KINDS`
    summary: Texts
    poster: Picture | None
    place: PublicPlace
    citations: Citations
    address: str  # to cite; it stays
    rights: str = ""  # address of a licence or statement; empty: nobody looked into it yet
    holder: str = ""  # of the rights
    credit: str = ""  # how whoever holds them wants to be named
    facts: tuple[Fact, ...] = ()
    recorded: date | None = None  # month
    published: date | None = None  # month
    version: int = 1
    credits: tuple[str, ...] = ()  # names of those who want to be named
    identifier: str = ""  # ARK
    figures: tuple[FigureRow, ...] = ()
    downloads: tuple[Download, ...] = ()
    viewer: Viewer | None = None
    photos: tuple[Picture, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    tours: tuple[Tour, ...] = ()
    others: tuple[Way, ...] = ()  # related records, and those around
    social: str = ""  # address of the picture for links on other sites
    embed: str = ""  # address for other sites
    json_ld: str = ""
    links: tuple[Mapping[str, str], ...] = ()  # attributes of <link>


@dataclass(frozen=True)
class PrintPage(View):
    """One sheet of A4 about a record."""

    template: ClassVar[str] = "print.html.j2"
    record: RecordPage
    matrix: tuple[tuple[bool, ...], ...]  # of the QR code of its address


@dataclass(frozen=True)
class Card:
    """A record in a list."""

    id: str
    titles: Texts
    kind: str
    place: Texts  # name of the region
    picture: Picture | None = None
    published: date | None = None  # month


@dataclass(frozen=True)
class Choice:
    """One value of a facet. ``label`` may be a text of ours."""

    value: str
    label: str
    count: int
    chosen: bool = False


@dataclass(frozen=True)
class Facet:
    name: str  # of the parameter
    label: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class GalleryPage(View):
    """Records that were searched for; ``titles``: those of one collection."""

    template: ClassVar[str] = "gallery.html.j2"
    cards: tuple[Card, ...]
    query: str = ""
    facets: tuple[Facet, ...] = ()
    sort: Literal["new", "title", "relevance"] = "new"
    count: int = 0
    capped: bool = False  # there are more than ``count``
    paging: Paging = ONE_PAGE
    cell: str = ""  # only this part of the map
    address: str = "/search"
    titles: Texts | None = None
    meant: str = ""  # instead of a query that found nothing

    @property
    def narrowed(self) -> bool:
        return bool(self.query or self.cell or any(self.chosen))

    @property
    def chosen(self) -> tuple[tuple[str, Choice], ...]:
        """Which values were chosen of which facets."""
        return tuple((facet.name, one) for facet in self.facets for one in facet.choices if one.chosen)
