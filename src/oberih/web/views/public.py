"""Pages for everybody. Nothing here has a field for a true place, a person's identity or a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from oberih.web.views.frame import ONE_PAGE, FigureRow, Paging, Picture, View

__all__ = ["Card", "Choice", "Download", "Facet", "Fact", "GalleryPage", "PublicPlace", "RecordPage"]

Texts = Mapping[str, str]
"""Language -> text; the first is the main one."""


@dataclass(frozen=True)
class PublicPlace:
    """Where something is, as far as everybody may know."""

    precision: Literal["withheld", "region", "10 km", "1 km", "exact"]
    name: str = ""  # of the region


@dataclass(frozen=True)
class Download:
    address: str
    format: str  # "GLB"
    bytes: int
    words: str = ""  # what it is good for


@dataclass(frozen=True)
class Fact:
    """Something that is known of a subject: its period, its material, its collection."""

    name: str
    values: tuple[Texts, ...]


@dataclass(frozen=True)
class RecordPage(View):
    template: ClassVar[str] = "record.html.j2"
    id: str
    titles: Texts
    kind: str  # key of `KINDS`
    summary: Texts
    poster: Picture | None
    place: PublicPlace
    rights: str = ""  # address of a licence or statement; empty: nobody looked into it yet
    holder: str = ""  # of the rights
    facts: tuple[Fact, ...] = ()
    recorded: tuple[date, ...] = ()  # months
    published: date | None = None  # month
    version: int = 1
    credits: tuple[str, ...] = ()  # names of those who want to be named
    identifier: str = ""  # ARK
    figures: tuple[FigureRow, ...] = ()
    downloads: tuple[Download, ...] = ()


@dataclass(frozen=True)
class Card:
    """A record in a list."""

    id: str
    titles: Texts
    kind: str
    picture: Picture | None = None
    place: str = ""  # name of the region
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
    template: ClassVar[str] = "gallery.html.j2"
    cards: tuple[Card, ...]
    query: str = ""
    facets: tuple[Facet, ...] = ()
    sort: Literal["new", "title", "relevance"] = "new"
    count: int = 0
    capped: bool = False  # there are more than ``count``
    paging: Paging = ONE_PAGE
