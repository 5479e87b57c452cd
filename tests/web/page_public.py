"""Sample pages that everybody sees."""

from datetime import date

from oberih.i18n import say
from oberih.web.views import (
    Card,
    Choice,
    Download,
    ErrorPage,
    Facet,
    Fact,
    GalleryPage,
    Paging,
    PublicPlace,
    RecordPage,
)
from web.page_parts import FIGURES, MAY, Sample, picture

__all__ = ["PUBLIC"]

RECORD = RecordPage(
    id="1",
    titles={"uk": "Дерев’яна церква на пагорбі", "en": "Wooden church on the hill"},
    kind="building",
    summary={
        "uk": "Тризрубна церква з опасанням. Збудована без жодного цвяха; бані перекрили ґонтом.\n"
        "Громада береже її вже триста років.",
        "en": "A church of three log frames, built without a single nail.",
    },
    poster=picture(2),
    place=PublicPlace("10 km", "Чернігівська область"),
    rights="https://creativecommons.org/licenses/by/4.0/",
    facts=(Fact(say("Recorded"), ({"uk": "дуб", "en": "oak"}, {"uk": "ґонт", "en": "shingle"})),),
    recorded=(MAY,),
    published=date(2026, 11, 1),
    version=2,
    credits=("Мальва",),
    identifier="ark:/99999/fk4xyz12",
    figures=FIGURES,
    downloads=(
        Download("/files/1/2/model.glb", "GLB", 8_400_000, say("Photos used")),
        Download("/files/1/2/model.usdz", "USDZ", 9_100_000),
    ),
)


TITLES = (
    {"uk": "Дерев’яна церква на пагорбі", "en": "Wooden church on the hill"},
    {"uk": "Кам’яна брама старого міста"},
    {"en": "Grandmother’s painted chest", "uk": "Бабусина мальована скриня"},
    {"uk": "Пам’ятник мірошникові"},
    {"uk": "Будинок із мозаїкою «Ластівки»"},
)


GALLERY = GalleryPage(
    cards=tuple(
        Card(str(n), titles, kind, picture(n) if n != 4 else None, "Чернігівська область", MAY)
        for n, (titles, kind) in enumerate(
            zip(TITLES, ("building", "monument", "object", "statue", "home"), strict=True), 1
        )
    ),
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
    paging=Paging(later="/?after=abc"),
)


PUBLIC: dict[str, Sample] = {
    "gallery": (GALLERY, None, "/"),
    "gallery-empty": (GalleryPage(()), None, "/"),
    "gallery-nothing": (GalleryPage((), query="дзвін"), None, "/"),
    "record": (RECORD, None, "/records/1"),
    "record-withheld": (
        RecordPage("2", {"en": "A chest"}, "object", {}, None, PublicPlace("withheld")),
        None,
        "/records/2",
    ),
    "error": (
        ErrorPage(404, say("Nothing found."), say("Nothing found. Try fewer or other words.")),
        None,
        "/nowhere",
    ),
}
