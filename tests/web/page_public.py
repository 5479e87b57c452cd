"""Sample pages that everybody sees."""

from dataclasses import replace
from datetime import date

from oberih.catalogue.public import MapCell
from oberih.i18n import say
from oberih.web.charts import View, chart
from oberih.web.qr import matrix
from oberih.web.views import (
    AboutPage,
    Annotation,
    Bar,
    Card,
    Choice,
    Citations,
    CollectionCard,
    CollectionsPage,
    Download,
    ErrorPage,
    Facet,
    Fact,
    GalleryPage,
    GuidePage,
    HomePage,
    MapPage,
    Named,
    Paging,
    PrintPage,
    PublicPlace,
    RecordPage,
    StatisticsPage,
    ThanksPage,
    Tour,
    Value,
    Way,
)
from web.page_parts import FIGURES, MAY, Sample, picture

__all__ = ["PUBLIC"]

REGION = {"uk": "Чернігівська область", "en": "Chernihiv Oblast"}
CELL = "851e6227fffffff"
TITLES = (
    {"uk": "Дерев’яна церква на пагорбі", "en": "Wooden church on the hill"},
    {"uk": "Кам’яна брама старого міста"},
    {"en": "Grandmother’s painted chest", "uk": "Бабусина мальована скриня"},
    {"uk": "Пам’ятник мірошникові"},
    {"uk": "Будинок із мозаїкою «Ластівки»"},
)
CARDS = tuple(
    Card(str(n), titles, kind, REGION, picture(n) if n != 4 else None, MAY)
    for n, (titles, kind) in enumerate(
        zip(TITLES, ("building", "monument", "object", "statue", "home"), strict=True), 1
    )
)
SMALL_MAP = chart(View(51.4, 31.2, 6, 320, 200), (MapCell(CELL, 1),))
LARGE_MAP = chart(View(48.3, 31.4, 6), (MapCell("831e62fffffffff", 120), MapCell("831e60fffffffff", 1)))

RECORD = RecordPage(
    id="99999/fk4xyz12",
    titles={"uk": "Дерев’яна церква на пагорбі", "en": "Wooden church on the hill"},
    kind="building",
    summary={
        "uk": "Тризрубна церква з опасанням. Збудована без жодного цвяха; бані перекрили ґонтом.\n"
        "Громада береже її вже триста років.",
        "en": "A church of three log frames, built without a single nail.",
    },
    poster=picture(2),
    place=PublicPlace("10 km", REGION, SMALL_MAP),
    citations=Citations("Мальва. Дерев’яна церква на пагорбі. 2026", "/data/c.bib", "/data/c.ris"),
    address="https://heritage.example/ark:/99999/fk4xyz12",
    rights="https://creativecommons.org/licenses/by/4.0/",
    facts=(
        Fact(
            say("Material"),
            (
                Value({"uk": "дуб", "en": "oak"}, "/search?material=oak"),
                Value({"uk": "ґонт", "en": "shingle"}),
            ),
        ),
    ),
    recorded=MAY,
    published=date(2026, 11, 1),
    version=2,
    credits=("Мальва",),
    credit="Світлини: Мальва, громада села",
    photos=(picture(1), picture(2), picture(3)),
    identifier="ark:/99999/fk4xyz12",
    figures=FIGURES,
    downloads=(
        Download("/files/1/2/model.glb", "GLB", 8_400_000, say("For 3D printing: the shape alone.")),
        Download("/files/1/2/model.usdz", "USDZ", 9_100_000),
    ),
    annotations=(Annotation({"uk": "Різьблений одвірок", "en": "Carved doorpost"}, {"uk": "З датою."}),),
    tours=(Tour({"uk": "Довкола", "en": "Around it"}, ({"uk": "Починаємо від дверей."}, {})),),
    others=(Way(say("In the same part of the map"), CARDS[:2]),),
    social="https://heritage.example/files/1/2/social.jpg",
    embed="https://heritage.example/embed/99999/fk4xyz12",
    json_ld='{"@context": "https://schema.org/"}',
    links=({"rel": "alternate", "href": "/api/v1/records/99999/fk4xyz12", "type": "application/json"},),
)
WITHHELD = RecordPage(
    "2", {"en": "A chest"}, "object", {}, None, PublicPlace("withheld", {}), Citations("A chest", "/b", "/r"),
    "https://heritage.example/ark:/99999/2",
)  # fmt: skip

GALLERY = GalleryPage(
    cards=CARDS,
    facets=(
        Facet(
            "kind",
            say("What kind of thing is it?"),
            (Choice("building", say("Building"), 1204), Choice("statue", say("Statue"), 96, True)),
        ),
        Facet("region", say("Region"), (Choice("74", "Чернігівська область", 731), Choice("80", "Київ", 12))),
    ),
    count=10_000,
    capped=True,
    cell=CELL,
    paging=Paging(later="/search?after=abc"),
)
MONTHS = tuple(Bar("", n, n / 5, month=date(2026, n, 1)) for n in range(1, 6))

PUBLIC: dict[str, Sample] = {
    "home": (HomePage(CARDS, FIGURES[:2], LARGE_MAP), None, "/"),
    "home-empty": (HomePage((), ()), None, "/"),
    "home-one": (HomePage(CARDS[:1], FIGURES[:2], LARGE_MAP), None, "/"),
    "gallery": (GALLERY, None, "/search"),
    "gallery-empty": (GalleryPage(()), None, "/search"),
    "gallery-nothing": (GalleryPage((), query="дзвін"), None, "/search"),
    "gallery-meant": (GalleryPage((), query="Чернигив", meant="Чернігів"), None, "/search?q=Чернигив"),
    "map": (MapPage(LARGE_MAP, 121, 400, 731, regions=(Choice("74", "Чернігів", 7),)), None, "/map"),
    "collection": (
        replace(GALLERY, cell="", address="/collections/c1", titles={"uk": "Млини", "en": "Mills"}),
        None,
        "/collections/c1",
    ),
    "all-collections": (
        CollectionsPage((CollectionCard("c1", {"uk": "Млини", "en": "Mills"}, 3, CARDS[0]),)),
        None,
        "/collections",
    ),
    "thanks": (ThanksPage((Named("Мальва", 3), Named("Остап", 1)), 9), None, "/thanks"),
    "thanks-nobody": (ThanksPage((), 0), None, "/thanks"),
    "statistics": (
        StatisticsPage(
            FIGURES[:1], ((say("Kind"), (Bar(say("Building"), 5, 1.0, "/search?kind=building"),)),), MONTHS
        ),
        None,
        "/statistics",
    ),
    "statistics-one-month": (StatisticsPage(FIGURES[:1], (), MONTHS[:1]), None, "/statistics"),
    "about": (AboutPage("archive@heritage.example"), None, "/about"),
    "guide": (GuidePage(), None, "/guide"),
    "record": (RECORD, None, "/records/99999/fk4xyz12"),
    "record-withheld": (WITHHELD, None, "/records/2"),
    "print": (PrintPage(RECORD, matrix(RECORD.address)), None, "/records/99999/fk4xyz12/print"),
    "error": (
        ErrorPage(404, say("Nothing found."), say("Nothing found. Try fewer or other words.")),
        None,
        "/nowhere",
    ),
}
