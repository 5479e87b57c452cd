"""The page of one decision: what was recorded, what becomes public, what stays sealed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from oberih.archive.metadata import Description
from oberih.catalogue.access import Action, looking
from oberih.catalogue.ledger import entries_of
from oberih.catalogue.tables import Capture, Model, Place, Publication, Review, Subject, Zone
from oberih.i18n import from_json, say
from oberih.settings import ServiceSettings
from oberih.trust.cells import CLASSES, CandidateSites, Generalised, TruePlace, cell_of, generalised, polygon
from oberih.web.inside.desk import Asks, asks
from oberih.web.inside.door.places import title_of
from oberih.web.inside.office.common import own, unseen
from oberih.web.inside.office.queue import address_of, kind_of, pictures_of, poster_of
from oberih.web.inside.office.regions import hidden_of, regions_of
from oberih.web.inside.office.warned import hints, warned
from oberih.web.inside.office.wordings import Rewording, reworded, wordings
from oberih.web.pages import FILES_POLICY
from oberih.web.views import (
    Beside,
    CellSketch,
    Event,
    FigureRow,
    PrecisionChoice,
    ReviewPage,
)
from oberih.web.views.words import CHECKS, PRECISIONS
from oberih.work.flow import waiting_corrections
from oberih.work.flow.comparing import compared
from oberih.work.flow.ingest import zones_now
from oberih.work.flow.projecting import licence_of, month, reviewed_place, sites

__all__ = ["Case", "case_of", "page", "router"]

router = APIRouter()
KM_OF_DEGREE = 111.2
UNKNOWN = say("It was not measured, or the scale is not known.")
NO_REGISTER = say(
    "There is no register of sites here, so nobody knows among how many others it would hide in a smaller "
    "area: a region is shown at most, or the exact place. Look at the region on a map. If it is mostly sea, "
    "or lies beyond the border, few sites are left in it: then keep the place back."
)


@dataclass(frozen=True)
class Case:
    """What one page of review is about: a review, a capture that is set aside, or a public subject of which
    the precision is to be looked at again.
    """

    id: str  # in the address
    subject: Subject | None
    collection: str
    captures: tuple[Capture, ...]
    review: Review | None = None
    capture: Capture | None = None  # set aside
    model: Model | None = None
    public: Publication | None = None

    @property
    def version(self) -> int:
        row = self.review or self.capture or self.subject
        return row.version if row is not None else 0


def case_of(who: Asks, identifier: str, action: Action = Action.REVIEW) -> Case:
    """Raises `NotInArchive` if it is not there, or not theirs."""
    with who.desk.service.database.reading() as session:
        found = find(session, identifier)
    if found is None:
        raise unseen()
    own(who, action, found.collection)
    return found


def find(session: Session, identifier: str) -> Case | None:
    if "-" not in identifier:
        review = session.get(Review, identifier)
        if review is None:
            return None
        about = session.get_one(Subject, review.subject)
        model = session.get(Model, review.model) if review.model else None
        named = model.captures if model else [review.capture] if review.capture else []
        captures = tuple(session.get_one(Capture, one) for one in named)
        public = session.get(Publication, review.subject)
        return Case(identifier, about, review.collection, captures, review, None, model, public)
    ark = f"ark:/{identifier.replace('-', '/', 1)}"
    capture = session.get(Capture, ark)
    if capture is not None and capture.state == "quarantined":
        subject = session.get(Subject, capture.subject) if capture.subject else None
        return Case(identifier, subject, capture.collection, (capture,), capture=capture)
    known, public = session.get(Subject, ark), session.get(Publication, ark)
    if known is None or public is None or public.published is None or public.withdrawn is not None:
        return None
    model = session.get(Model, public.model) if public.model else None
    captures = tuple(session.get_one(Capture, one) for one in (model.captures if model else ()))
    return Case(identifier, known, known.collection, captures, model=model, public=public)


@router.get("/review/{identifier}")
def one(request: Request, identifier: str, who: Annotated[Asks, Depends(asks(Action.REVIEW))]) -> Response:
    return page(request, who, case_of(who, identifier))


@router.get("/review/{identifier}/files/{path:path}")
def draft_file(identifier: str, path: str, who: Annotated[Asks, Depends(asks(Action.REVIEW))]) -> Response:
    """A file as it would be public: only custodians get it, and nothing in it can run here."""
    review = case_of(who, identifier).review
    files = {one["path"]: one for one in review.manifest.get("files", ())} if review and review.draft else {}
    if review is None or path not in files:
        raise unseen()
    told = files[path]["media_type"]
    try:
        data, _ = who.desk.service.drafts.read(f"{review.draft}/{path}")
    except KeyError:  # it is public by now, or being made again
        raise unseen() from None
    headers = {
        "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": FILES_POLICY,
        "Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "no-referrer",
    }  # fmt: skip
    if not told.startswith("image/"):
        headers["Content-Disposition"] = "attachment"
    return Response(data, headers=headers, media_type=told)


def page(
    request: Request, who: Asks, case: Case, *, errors: Mapping[str, str] | None = None,
    answers: Mapping[str, str] | None = None, rewording: Rewording | None = None, status: int = 200,
) -> Response:  # fmt: skip
    """The page of a case. ``answers``: of a form that was not in order; else those that were kept."""
    service, review, subject = who.desk.service, case.review, case.subject
    of = subject.id if subject else case.captures[0].id
    with looking(service.database, who.who, Action.SEE_PLACE, case.collection, "place", of) as session:
        place = reviewed_place(session, of, [one.id for one in case.captures])
        session.expunge_all()
    with service.database.reading() as session:
        told = given(case, answers, service.settings.review_days)
        shown = Seen.of(session, service.settings, place, told["precision"])
        view = ReviewPage(
            id=case.id, version=case.version, mode=mode_of(case),
            title=subject.title if subject else case.captures[0].title,
            kind=kind_of(subject) if subject else "other",
            collection=title_of(who.desk, request, case.collection),
            contributor=", ".join(sorted({one.person or one.account for one in case.captures})),
            received=received_of(case), licence=licence_of(session, case.captures),
            note="\n".join(one.note for one in case.captures if one.note),
            zone=zone_of(session, place) if case.capture else "",
            zone_reason=from_json(case.capture.reason) if case.capture and case.capture.reason else "",
            pictures=tuple(pictures_of(review, "picture")) if review else (),
            model=poster_of(review) if review else None, model_address=model_of(review),
            figures=figures(case.model), replaces=replaces(session, case),
            beside=tuple(beside(case, place, shown)),
            cell=shown.cell, precisions=() if case.capture else shown.choices, place_note=shown.note,
            precision=told["precision"],  # type: ignore[arg-type]
            reason=told["reason"], due=as_day(told["due"]), embargo=as_day(told["embargo"]),
            wants_names=any(one.credited for one in case.captures), names_people=told["names"] == "yes",
            warnings=(*map(warned, review.warnings), *hints(review)) if review else (),
            checks={key: told[f"check-{key}"] for key in CHECKS if told.get(f"check-{key}")},
            regions=regions_of(review) if review else (),
            hidden_photos=len(hidden_of(review)) if review and is_open(review) else 0,
            blur_waits=review is not None and is_open(review) and waiting_corrections(review),
            wordings=wordings(subject, service.settings.languages, rewording) if has_words(case) else (),
            subject=address_of(subject.id) if subject else "",
            words_version=subject.version if subject else 0, words_public=due_or_visible(case),
            words_warnings=tuple(map(reworded, rewording.warnings)) if rewording else (),
            true_place=pair(place), corrected=told["where"],
            area_public=place is not None and place.public_cell is not None,
            history=tuple(history(session, case)),
            decided="" if review is None or is_open(review) else decided(review),
            visible=visible(case), errors=errors or {},
        )  # fmt: skip
    return who.desk.page(request, view, asks=who.present, status=status)


def zone_of(session: Session, place: Place | None) -> str:
    """The danger zones around a place that is set aside, as they are marked today."""
    today = datetime.now(UTC).date()
    found = [
        one.name
        for margin, zones in zones_now(session).items() if place is not None
        for one in zones.containing(place.latitude_deg, place.longitude_deg, today, margin)
    ]  # fmt: skip
    names = [row.name for key in found if (row := session.get(Zone, key)) is not None]
    return ", ".join(names) or say("it is not marked any more")


def is_open(review: Review | None) -> bool:
    return review is not None and review.state == "open"


def decided(review: Review) -> str:
    return "passed" if review.state == "passed" else "refused"


def visible(case: Case) -> bool:
    """Whether the public sees it, by the decision that the page is about."""
    public = case.public
    if public is None or public.withdrawn is not None or case.capture is not None:
        return False
    return case.review is None or public.review == case.review.id


def due_or_visible(case: Case) -> bool:
    """Whether its words are public, or will be without anybody looking at them again."""
    return case.public is not None and case.public.withdrawn is None


def has_words(case: Case) -> bool:
    """Whether they can be changed on this page."""
    return is_open(case.review) or visible(case)


def mode_of(case: Case) -> Any:
    return "quarantine" if case.capture else "review" if case.review else "again"


def received_of(case: Case) -> Any:
    row: Any = case.review or case.capture or case.subject
    return max((one.received for one in case.captures if one.received), default=row.created)


def given(case: Case, answers: Mapping[str, str] | None, review_days: int) -> dict[str, str]:
    """What the fields of the form hold; to be looked at again in ``review_days``, unless somebody said so."""
    subject, today = case.subject, datetime.now(UTC).date()
    told = {"precision": "withheld", "reason": "", "due": "", "embargo": "", "names": "", "where": ""}
    if subject is not None:
        told["precision"], told["names"] = subject.precision, "yes" if subject.names_people else ""
        told["due"] = subject.sensitivity_due.isoformat() if subject.sensitivity_due else ""
        told["embargo"] = f"{subject.embargo_until:%Y-%m-%d}" if subject.embargo_until else ""
        told["reason"] = subject.sensitivity_reason
    if case.review is not None:
        told["reason"] = case.review.reason or told["reason"]
        kept = {str(k): str(v) for k, v in case.review.checked.items()}
        told |= {f"check-{k}" if k in CHECKS else k: v for k, v in kept.items()}
    if told["due"] <= today.isoformat():
        told["due"] = (today + timedelta(days=review_days)).isoformat()
    told |= answers or {}
    if told["precision"] not in CLASSES:
        told["precision"] = "withheld"
    return told


def as_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@dataclass(frozen=True)
class Seen:
    """What each precision class would mean for a place. Nothing of it is stored."""

    choices: tuple[PrecisionChoice, ...]
    cell: CellSketch | None
    precision: str  # that the public would get
    note: str = ""

    @classmethod
    def of(cls, session: Session, settings: ServiceSettings, place: Place | None, asked: str) -> "Seen":
        if place is None:
            return cls(tuple(PrecisionChoice(one) for one in CLASSES), None, "withheld")
        known = sites(session, settings)
        true = TruePlace(place.latitude_deg, place.longitude_deg)
        choices, cell, precision = [], None, "withheld"
        for one in CLASSES:
            made = generalised(true, one, known, settings.candidate_sites, before=before(place))
            choices.append(PrecisionChoice(one, candidates(true, one, known), made.precision == one))
            if one == asked and made.cell is not None:
                cell, precision = sketch(made.cell, true), made.precision
        return cls(tuple(choices), cell, precision, NO_REGISTER if known is None else "")


def before(place: Place) -> Generalised | None:
    if not place.public_precision or not place.public_asked:
        return None
    return Generalised(place.public_cell, place.public_precision, place.public_asked, "")  # type: ignore[arg-type]


def candidates(true: TruePlace, precision: Any, known: CandidateSites | None) -> int | None:
    cell = cell_of(true.latitude_deg, true.longitude_deg, precision)
    return known.count(cell) if cell and known is not None else None


def sketch(cell: str, true: TruePlace) -> CellSketch:
    outline = polygon(cell)[:-1]
    latitudes = [latitude for _, latitude in outline]
    width_km = (max(latitudes) - min(latitudes)) * KM_OF_DEGREE
    return CellSketch(outline, (true.longitude_deg, true.latitude_deg), width_km)


def beside(case: Case, place: Place | None, shown: Seen) -> Iterator[Beside]:
    """Field by field: what everybody would see, and what stays sealed."""
    named = Description.model_validate(case.subject.description, strict=False) if case.subject else None
    if named is not None and case.capture is None:
        yield Beside(say("Title"), " / ".join(named.titles.values()), "")
        yield Beside(say("Summary"), "\n".join(named.summary.values()), "")
    words = "; ".join(one.place_in_words for one in case.captures if one.place_in_words)
    exact = pair(place)
    public = shown.precision != "withheld" and case.capture is None
    region = " / ".join(named.place.names.values()) if named and named.place and public else ""
    yield Beside(say("Place"), str(PRECISIONS[shown.precision].label) if public else "", exact)
    yield Beside(say("Address, or how to find it"), region, words)
    times = sorted(one.taken for one in case.captures if one.taken)
    yield Beside(
        say("Recorded"), month(times[0]) if times and case.capture is None else "",
        ", ".join(f"{one:%Y-%m-%d %H:%M:%S}" for one in times),
    )  # fmt: skip
    people = ", ".join(sorted({one.person or one.account for one in case.captures}))
    yield Beside(say("Recorded by"), "", people)


def figures(model: Model | None) -> tuple[FigureRow, ...]:
    told: dict[str, Any] = model.figures if model else {}
    if not told:
        return ()
    unit = "m" if told.get("unit") == "m" else ""
    size = " × ".join(f"{one:.3g}" for one in told.get("size") or ())
    return (
        FigureRow(say("Photos used"), f"{told.get('photos_used', '')} / {told.get('photos', '?')}"),
        FigureRow(say("Triangles"), str(told.get("triangles", "")), UNKNOWN),
        FigureRow(say("Size"), f"{size} {unit}".strip() if unit else "", UNKNOWN),
        FigureRow(say("Error (95 %)"), length(told.get("error"), unit), UNKNOWN),
        FigureRow(say("Detail of the texture"), length(told.get("texel"), unit), UNKNOWN),
        FigureRow(say("Holes in the surface"), share(told.get("hole_share")), UNKNOWN),
        FigureRow(
            say("Likeness to photos that were left out"), decibels(told.get("left_out_psnr_db")), UNKNOWN
        ),
    )


def length(value: float | None, unit: str) -> str:
    return f"{1000 * value:.3g} mm" if value is not None and unit else ""


def share(value: float | None) -> str:
    return f"{100 * value:.1f} %" if value is not None else ""


def decibels(value: float | None) -> str:
    return f"{value:.1f} dB" if value is not None else ""


def replaces(session: Session, case: Case) -> str:
    public = case.public
    if public is None or public.withdrawn or not public.model or case.model is None:
        return ""
    if public.model == case.model.id:
        return ""
    return compared(case.model.figures, session.get_one(Model, public.model).figures).reason


def model_of(review: Review | None) -> str:
    if review is None or not review.draft:
        return ""
    paths = [one["path"] for one in review.manifest.get("files", ()) if one["role"] == "full"]
    return f"/review/{review.id}/files/{paths[0]}" if paths else ""


def pair(place: Place | None) -> str:
    return f"{place.latitude_deg:.5f}, {place.longitude_deg:.5f}" if place is not None else ""


def history(session: Session, case: Case) -> Iterator[Event]:
    entries = [one for capture in case.captures for one in entries_of(session, "capture", capture.id)]
    if case.review is not None:
        entries += entries_of(session, "review", case.review.id)
    for one in sorted(entries, key=lambda one: (one.at, one.number)):
        yield Event(one.at, one.actor, one.action, one.note)
