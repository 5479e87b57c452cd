"""Sample pages of those who record, and of those who decide."""

from dataclasses import replace
from datetime import UTC, date, datetime

from oberih.i18n import say
from oberih.web.figures import figure
from oberih.web.views import (
    AuditPage,
    AuditRow,
    Beside,
    CellSketch,
    ContributePage,
    Contribution,
    ContributionPage,
    ContributionsPage,
    Event,
    Job,
    JobsPage,
    LeftOut,
    LengthFields,
    Machine,
    Paging,
    PrecisionChoice,
    PresentationPage,
    Progress,
    Queue,
    Receipt,
    ReceivedFile,
    Region,
    RegionPicture,
    ReviewPage,
    ReviewQueuePage,
    ReviewRow,
    Saying,
    Step,
    Theirs,
    Viewer,
    Warned,
    Wording,
    Zone,
    ZonesPage,
)
from web.page_parts import ADMIN, CUSTODIAN, EARLIER, FIGURES, NEWCOMER, NOW, Sample, picture

__all__ = ["CONTRIBUTION", "REVIEW", "WORK"]

CONTRIBUTION = ContributionPage(
    id="c7f1e09ab2d34455",
    title="Дерев’яна церква на пагорбі",
    state="reconstructing",
    created=EARLIER,
    licence="cc-by-4.0",
    steps=(
        Step("arrived", "done", EARLIER),
        Step("preserved", "done", EARLIER),
        Step("reconstructed", "now", NOW),
        Step("described", "later"),
        Step("reviewed", "later"),
        Step("published", "later"),
    ),
    progress=Progress(0.42, 1260, say("The surface is made"), NOW),
    receipt=Receipt(
        "5b1d" * 16,
        EARLIER,
        tuple(ReceivedFile(f"IMG_{2000 + n}.jpg", 4_200_000 + n, f"{n:04x}" * 16) for n in range(1, 13)),
    ),
    files=124,
    bytes=531_000_000,
    can_cancel=True,
    can_withdraw=True,
)


UNUSABLE = ContributionPage(
    id="d8",
    title="Пам’ятник у парку",
    state="not reconstructable",
    created=EARLIER,
    licence="archive-only",
    steps=(
        Step("arrived", "done", EARLIER),
        Step("preserved", "done", EARLIER),
        Step("reconstructed", "stopped", NOW),
        Step("described", "skipped"),
        Step("reviewed", "later"),
        Step("published", "skipped"),
    ),
    files=9,
    bytes=31_000_000,
    reason=say(
        "{count} photo is not much: a model needs about 30, from all sides. You can add more.",
        "{count} photos are not much: a model needs about 30, from all sides. You can add more.",
        count=9,
    ),
    advice=say("Walk around it, and take a photo at every step: 30 to 300."),
    can_withdraw=True,
)


WITHDRAWN = ContributionPage(
    id="f2",
    title="Хвіртка",
    state="withdrawn",
    created=EARLIER,
    licence="cc-by-4.0",
    steps=(
        Step("arrived", "done", EARLIER),
        Step("preserved", "done", EARLIER),
        Step("withdrawn", "ended", NOW),
    ),
    files=12,
    bytes=41_000_000,
)


PUBLIC = ContributionPage(
    id="e9",
    title="Брама",
    state="published",
    created=EARLIER,
    licence="cc0-1.0",
    steps=tuple(
        Step(key, "done", NOW)
        for key in ("arrived", "preserved", "reconstructed", "described", "reviewed", "published")
    ),
    files=61,
    bytes=250_000_000,
    record="/records/1",
    picture=picture(3),
    left_out=(LeftOut("IMG_2017.jpg", say("damaged or incomplete, it cannot be decoded")),),
    can_withdraw=True,
)


UNMADE = "The model has no surface: {name} cannot hold it."
REVIEW = ReviewPage(
    id="r1",
    version=3,
    title="Дерев’яна церква на пагорбі",
    kind="building",
    collection="Дерев’яні храми",
    contributor="p-5d1c7a",
    received=EARLIER,
    licence="cc-by-4.0",
    note="Ключ від церкви у пані Ганни, хата навпроти. Дзвіницю ремонтували торік.",
    zone="Прикордоння",
    zone_reason="До лінії зіткнення менше 20 км.",
    pictures=tuple(picture(n) for n in range(1, 9)),
    model=picture(2),
    viewer=Viewer("/api/v1/records/none", {"uk": "Дерев’яна церква"}, picture(2), files="/review/r1/files/"),
    model_address="/review/r1/model.glb",
    length=LengthFields(
        "0.25000",
        "0.001000",
        "2.4",
        "3",
        "Ширина дверей",
        kept="0.2|0.001|2.4||",
        theirs=figure(2.4, "m", 2),
        before=figure(2.4, "m", 2),
    ),
    figures=FIGURES,
    replaces=say("New version"),
    beside=(
        Beside(say("Place"), "Чернігівська область", "51.49381, 31.29472 ± 5 m"),
        Beside(say("Address, or how to find it"), "", "вул. Зелена, 4"),
        Beside(say("Recorded"), "2026-11", "2026-11-20 16:05:12"),
        Beside(say("Recorded by"), "", "p-5d1c7a"),
    ),
    cell=CellSketch(
        ((31.1, 51.5), (31.2, 51.58), (31.35, 51.57), (31.41, 51.47), (31.31, 51.39), (31.16, 51.41)),
        (31.29, 51.49),
        17.1,
    ),
    precisions=(
        PrecisionChoice("withheld"),
        PrecisionChoice("region", 214),
        PrecisionChoice("10 km", 7),
        PrecisionChoice("1 km", 1, "10 km", say("To be judged")),
        PrecisionChoice("exact", 1),
    ),
    precision="10 km",
    reason="Ікони XVII століття, храм не охороняється.",
    due=date(2027, 11, 21),
    embargo=date(2026, 12, 24),
    warnings=(
        Warned(
            "w1",
            "place",
            "… церква у Седневі, біля старої липи …",
            say("What else should be known?"),
            say("To be judged"),
        ),
        Warned("w2", "contact", "пані Ганна, 093 000 00 00", say("What else should be known?"), settled=True),
    ),
    checks={"military": "none", "people": "hidden"},
    regions=(
        RegionPicture(
            "a1",
            picture(3),
            (Region("1", "face", 0.2, 0.55, 0.08, 0.12), Region("2", "plate", 0.6, 0.8, 0.15, 0.06, False)),
        ),
        RegionPicture("a2", picture(4)),
    ),
    wordings=(Wording("uk", "Дерев’яна церква на пагорбі", "Тризрубна церква."), Wording("en")),
    history=(
        Event(EARLIER, "p-5d1c7a", say("Received")),
        Event(NOW, say("the service"), say("Made into a 3D model"), "118 / 124"),
    ),
)


ZONES = ZonesPage(
    zones=(
        Zone(
            "z1",
            "Прикордоння",
            {
                "type": "Polygon",
                "coordinates": [
                    [[31.0, 51.9], [32.6, 52.1], [33.4, 52.3], [33.2, 51.8], [31.4, 51.6], [31.0, 51.9]]
                ],
            },
            margin_m=2000,
            area_km2=5210.4,
            reason="Обстріли з того боку кордону.",
            begins=EARLIER,
        ),
        Zone(
            "z2",
            "Заміноване поле",
            {
                "type": "Polygon",
                "coordinates": [[[31.3, 51.1], [31.5, 51.1], [31.5, 51.2], [31.3, 51.2], [31.3, 51.1]]],
            },
            margin_m=500,
            area_km2=12.37,
            ends=datetime(2027, 3, 1, tzinfo=UTC),
        ),
    )
)


WORK: dict[str, Sample] = {
    "contribute": (ContributePage(3000, 20 * 10**9, 50 * 10**9, 7, "1"), NEWCOMER, "/contribute"),
    "contribute-little-room": (
        ContributePage(3000, 20 * 10**9, 50 * 10**9, 7, "1", "little", nameless=True),
        NEWCOMER,
        "/contribute",
    ),
    "contribute-stranger": (ContributePage(3000, 20 * 10**9, 50 * 10**9, 7, "1"), None, "/contribute"),
    "contribution": (CONTRIBUTION, NEWCOMER, "/contributions/c7f1e09ab2d34455"),
    "contribution-unusable": (UNUSABLE, NEWCOMER, "/contributions/d8"),
    "contribution-public": (PUBLIC, NEWCOMER, "/contributions/e9"),
    "contribution-withdrawn": (WITHDRAWN, NEWCOMER, "/contributions/f2"),
    "contributions": (
        ContributionsPage(
            (
                Contribution(
                    "c7",
                    "Дерев’яна церква на пагорбі",
                    "reconstructing",
                    EARLIER,
                    124,
                    531_000_000,
                ),
                Contribution("d8", "Пам’ятник у парку", "not reconstructable", EARLIER, 9, 31_000_000),
                Contribution("e9", "Брама", "published", EARLIER, 61, 250_000_000, picture(3)),
            ),
            Paging(later="/contributions?after=e9", count=12),
        ),
        NEWCOMER,
        "/contributions",
    ),
    "contributions-none": (ContributionsPage(()), NEWCOMER, "/contributions"),
    "reviews": (
        ReviewQueuePage(
            (
                ReviewRow(
                    "r1",
                    "Дерев’яна церква на пагорбі",
                    "Дерев’яні храми",
                    "building",
                    EARLIER,
                    118,
                    2,
                    "Прикордоння",
                    picture=picture(1),
                ),
                ReviewRow("r2", "Брама", "Моє місто", "monument", EARLIER, 61, again=True, reviewer="Ярина"),
                ReviewRow("r3", "Хвіртка", "Моє місто", "object", EARLIER, 34, making="going"),
                ReviewRow("r5", "Криниця", "Моє місто", "object", EARLIER, 12, making="stopped"),
                ReviewRow(
                    "f4", "Скриня", "Моє місто", "object", EARLIER, 40, deletion=True, note="Це мій дім."
                ),
            ),
            paging=Paging(count=5),
        ),
        CUSTODIAN,
        "/review",
    ),
    "reviews-none": (ReviewQueuePage((), "passed"), CUSTODIAN, "/review"),
    "review": (REVIEW, CUSTODIAN, "/review/r1"),
    "review-refused": (
        replace(
            REVIEW,
            errors={
                "": say("Somebody else changed this meanwhile."),
                "reason": say("A decision needs a reason."),
            },
            comment="Дякуємо!",
            wordings=(Wording("uk", "Церква", "", ("Дерев’яна церква на пагорбі",)), Wording("en")),
        ),
        CUSTODIAN,
        "/review/r1",
    ),
    "review-late": (
        replace(
            REVIEW,
            decided="refused",
            wordings=(),
            unsent=((say("Why?"), "Ікони XVII століття."),),
            errors={"": say("Somebody else changed this meanwhile.")},
        ),
        CUSTODIAN,
        "/review/r1",
    ),
    "review-decided": (
        replace(
            REVIEW,
            decided="passed",
            visible=True,
            errors={"why": say("A decision needs a reason.")},
            errors_at="out",
        ),
        CUSTODIAN,
        "/review/r1",
    ),
    "review-making": (
        replace(
            REVIEW,
            making=Progress(None, words=say("Faces and number plates are looked for")),
            model=None,
            pictures=(),
            regions=(),
            warnings=(),
            alike={"ark:/99999/b1gk8t2n5x7wq3mz": "Церква"},
            zone="",
        ),
        CUSTODIAN,
        "/review/r1",
    ),
    "review-unmade": (
        replace(REVIEW, unmade=say(UNMADE, name="…"), model=None, pictures=(), regions=()),
        CUSTODIAN,
        "/review/r1",
    ),
    "review-quarantined": (replace(REVIEW, mode="quarantine"), CUSTODIAN, "/review/r1"),
    "review-again": (replace(REVIEW, mode="again"), CUSTODIAN, "/review/r1"),
    "zones": (ZONES, CUSTODIAN, "/zones"),
    "zones-none": (
        ZonesPage((), {"polygon": "51.5, 31.1"}, {"polygon": say("A zone needs three corners at least.")}),
        CUSTODIAN,
        "/zones",
    ),
    "jobs": (
        JobsPage(
            (Queue("CPU", 14, 1), Queue("GPU", 0, 0)),
            (
                Machine("archive-1", (say("small tasks"),), 1, NOW),
                Machine("archive-2", (say("what arrives"), "GPU"), 0, EARLIER, alive=False),
            ),
            (
                Job(
                    "j1",
                    "Дерев’яна церква на пагорбі",
                    "CPU",
                    "running",
                    progress=Progress(0.42, 1260, say("The surface is made")),
                    since=NOW,
                ),
                Job("j2", "Брама", "CPU", "waiting", when="last", since=NOW),
                Job(
                    "j3",
                    "Скриня",
                    "CPU",
                    "failed",
                    since=EARLIER,
                    reason=say("This did not work. Try again."),
                ),
                Job("j4", "Будинок", "CPU", "done", since=EARLIER),
            ),
            paging=Paging(count=4),
        ),
        ADMIN,
        "/jobs",
    ),
    "audit": (
        AuditPage(
            (
                AuditRow(
                    "1",
                    NOW,
                    "p-9a",
                    "look again",
                    "subject",
                    "ark:/99999/fk4a",
                    3,
                    "",
                    ("precision", "embargo_until"),
                    kept=True,
                    who="Ярина",
                ),
                AuditRow(
                    "2",
                    NOW,
                    "service",
                    "publish",
                    "publication",
                    "ark:/99999/fk4a",
                    4,
                    who=say("the service"),
                ),
                AuditRow(
                    "3", NOW, "a1", "manage accounts", "account", "a2", who=say("the service"), whom="Остап"
                ),
                AuditRow(
                    "4",
                    NOW,
                    "p-9a",
                    "see place",
                    "place",
                    "ark:/99999/fk4a",
                    who="Ярина",
                    times=12,
                    since=NOW,
                ),
            ),
            {"of": "ark:/99999/fk4a"},
            ("subject", "capture"),
            Paging(later="/audit?before=2", count=10_000),
        ),
        ADMIN,
        "/audit",
    ),
    "presentation": (
        PresentationPage(
            "99999-fk4",
            {"uk": "Дерев’яна церква"},
            Viewer("/api/v1/records/none", {"uk": "Дерев’яна церква"}),
            2,
            '{"view": null, "annotations": [], "tours": [], "before": null}',
            say("There are warnings that nobody has judged."),
            Theirs(3, (Saying(say("Annotation {number}", number=1), "uk", "Дзвіниця"),)),
            (Warned("w1", "contact", "093 000 00 00", say("Annotation")),),
            ("0" * 32,),
            ({"eye": [0, 1_600_000, 9_000_000], "target": [0, 800_000, 0]},),
        ),
        CUSTODIAN,
        "/review/99999-fk4/presentation",
    ),
}
