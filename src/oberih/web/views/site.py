"""Pages around the public records: the home page, the map, collections, thanks, figures, a guide."""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from oberih.web.charts import Chart
from oberih.web.views.frame import FigureRow, View
from oberih.web.views.public import Card, Choice, Texts

__all__ = [
    "AboutPage", "Bar", "CollectionCard", "CollectionsPage", "GuidePage", "HomePage", "MapPage", "Named",
    "StatisticsPage", "ThanksPage",
]  # fmt: skip


@dataclass(frozen=True)
class HomePage(View):
    template: ClassVar[str] = "home.html.j2"
    newest: tuple[Card, ...]
    reach: tuple[FigureRow, ...]  # figures of all that there is
    chart: Chart | None = None


@dataclass(frozen=True)
class MapPage(View):
    template: ClassVar[str] = "map.html.j2"
    chart: Chart
    found: int  # that it shows
    located: int  # that lie on the map at all
    records: int  # all that there are
    more: bool = False  # there are more than it shows
    query: str = ""
    kind: str = ""
    regions: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class CollectionCard:
    id: str
    titles: Texts
    count: int
    newest: Card | None = None


@dataclass(frozen=True)
class CollectionsPage(View):
    template: ClassVar[str] = "collections.html.j2"
    collections: tuple[CollectionCard, ...]
    later: str = ""


@dataclass(frozen=True)
class Named:
    """Somebody who wants to be named, and how many records they recorded."""

    name: str
    count: int


@dataclass(frozen=True)
class ThanksPage(View):
    template: ClassVar[str] = "thanks.html.j2"
    names: tuple[Named, ...]
    all: int  # names that there are


@dataclass(frozen=True)
class Bar:
    """One row of a table with a bar. ``share`` of the longest: 0 to 1."""

    label: str
    count: int
    share: float
    address: str = ""
    names: Texts | None = None  # instead of the label
    month: date | None = None  # instead of the label


@dataclass(frozen=True)
class StatisticsPage(View):
    template: ClassVar[str] = "statistics.html.j2"
    reach: tuple[FigureRow, ...]
    tables: tuple[tuple[str, tuple[Bar, ...]], ...]
    months: tuple[Bar, ...] = ()


@dataclass(frozen=True)
class AboutPage(View):
    template: ClassVar[str] = "about.html.j2"
    contact: str = ""  # e-mail address


@dataclass(frozen=True)
class GuidePage(View):
    template: ClassVar[str] = "guide.html.j2"
