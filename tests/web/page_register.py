"""Sample pages of what is written down besides recordings, and of what a review leads to."""

from dataclasses import replace
from datetime import date

from oberih.i18n import say
from oberih.web.views import (
    ContributePage,
    KnownPage,
    KnownRow,
    Option,
    Paging,
    PhotosPage,
    Receipt,
    Region,
    RegionPicture,
    RegisterPage,
    RegisterRow,
    ReportRow,
    ReportsPage,
    ReviewQueuePage,
    ReviewRow,
    Warned,
)
from web.page_parts import ADMIN, CUSTODIAN, EARLIER, NEWCOMER, Sample, picture
from web.page_work import CONTRIBUTION, REVIEW

__all__ = ["REGISTER"]

CHURCH = "Дерев’яна церква на пагорбі"
COLLECTIONS = RegisterPage(
    "collections",
    (
        RegisterRow("c1", {"uk": "Дерев’яні храми", "en": "Wooden churches"}, "Музей дерева"),
        RegisterRow("c2", {"uk": "Моє місто", "en": "My town"}),
    ),
    may_make=True,
    languages=("uk", "en"),
    organisations=(Option("o1", "Музей дерева"),),
)
REPORTS = ReportsPage(
    "99999-b1",
    CHURCH,
    (
        ReportRow("p1", date(2026, 11, 2), "moderate", "p-5d1c7a", "Буря"),
        ReportRow("p2", date(2024, 5, 1), "intact", "p-9a"),
    ),
    may_report=True,
)
FORM = {
    "assessed": "2026-11-02", "grade": "moderate", "event": "Буря", "last-seen-intact": "2026-10-30",
    "items": "дах; зірвано ґонт; північний бік; вітер", "confidence": "high", "risks": "Дощ",
}  # fmt: skip
PHOTOS = PhotosPage(
    "r1",
    3,
    CHURCH,
    tuple(
        RegionPicture(f"{n}", picture(n), (Region("0", "face", 0.3, 0.3, 0.1, 0.15),)) for n in range(4, 8)
    ),
    12,
    Paging("/review/r1/photos?begins=0", "/review/r1/photos?begins=24", 31),
)
KNOWN = KnownPage(
    "r1",
    3,
    CHURCH,
    (
        KnownRow(
            "ark:/99999/b1s74rxqgrnwj5bk", "Церква святої Анни", "building", 240, near=True, public=True
        ),
        KnownRow("ark:/99999/b17qjx909z5w99tp", "Дзвіниця", "building", 31, near=True),
    ),
    "церква",
)
OFFER = ContributePage(3000, 20 * 10**9, 50 * 10**9, 7, "1")

REGISTER: dict[str, Sample] = {
    "collections": (COLLECTIONS, ADMIN, "/register/collections"),
    "collection": (
        replace(COLLECTIONS, rows=(), id="c1", name="Моє місто", version=2, values={"title-uk": "Моє місто"}),
        CUSTODIAN,
        "/register/collections/c1",
    ),
    "organisations": (
        RegisterPage(
            "organisations",
            (RegisterRow("o1", {"uk": "Музей дерева"}, say("Museum, archive, institute")),),
            may_make=True,
            languages=("uk", "en"),
            errors={"": say("It needs a name in at least one language, of at most 300 letters.")},
        ),
        ADMIN,
        "/register/organisations",
    ),
    "reports": (REPORTS, CUSTODIAN, "/subjects/99999-b1/reports"),
    "report": (
        replace(
            REPORTS, rows=(), id="p1", version=1, values=FORM, errors={"risks": say("Fill it in again.")}
        ),
        CUSTODIAN,
        "/reports/p1",
    ),
    "report-read": (
        replace(REPORTS, rows=(), id="p1", version=1, values=FORM, may_report=False),
        CUSTODIAN,
        "/reports/p1",
    ),
    "known": (KNOWN, CUSTODIAN, "/review/r1/known"),
    "known-none": (replace(KNOWN, rows=()), CUSTODIAN, "/review/r1/known"),
    "photos": (PHOTOS, CUSTODIAN, "/review/r1/photos"),
    "photos-none": (replace(PHOTOS, regions=(), paging=Paging()), CUSTODIAN, "/review/r1/photos"),
    "review-words": (
        replace(
            REVIEW, decided="passed", visible=True, words_public="now", subject="99999-b1",
            true_place="51.49381, 31.29472", area_public=True, hidden_photos=31, blur_waits=True,
            words_warnings=(Warned("w", "contact", "+380 44 123 45 67", say("Summary")),),
        ),
        CUSTODIAN,
        "/review/r1",
    ),
    "reviews-deletion": (
        ReviewQueuePage(
            (ReviewRow("99999-b2", CHURCH, "Дерев’яні храми", "building", EARLIER, 118, deletion=True,
                       note="На фото моя дитина."),),
            paging=Paging(count=1),
        ),
        CUSTODIAN,
        "/review",
    ),
    "contribute-known": (
        replace(OFFER, subject="ark:/99999/b1s74rxqgrnwj5bk", of={"uk": CHURCH, "en": "Wooden church"}),
        NEWCOMER,
        "/contribute",
    ),
    "contribute-again": (
        replace(
            OFFER,
            values={"title": CHURCH, "kind": "home", "licence": "cc0-1.0"},
            errors={"": say("What was said with the files cannot be used. Choose the files again, please."),
                    "place": say("Fill it in again.")},
        ),
        NEWCOMER,
        "/contribute",
    ),
    "contribution-missing": (
        replace(
            CONTRIBUTION, subject="ark:/99999/b1s74rxqgrnwj5bk",
            receipt=Receipt("5b1d" * 16, EARLIER, (), tuple(f"IMG_{n}.jpg" for n in range(25))),
        ),
        NEWCOMER,
        "/contributions/c7f1e09ab2d34455",
    ),
}  # fmt: skip
