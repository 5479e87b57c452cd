"""Writing how a public model is shown: annotations, tours, where a look at it begins."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from oberih.catalogue.access import Action
from oberih.catalogue.public import PublicRecord, record
from oberih.catalogue.tables import Presentation, Subject
from oberih.errors import Conflict, InputError, OberihError
from oberih.web.inside.desk import Asks, asks, go
from oberih.web.inside.forms import Given, InForm
from oberih.web.inside.office.case import Case, case_of
from oberih.web.inside.office.common import done, in_words, number_of, own, unseen
from oberih.web.inside.office.presented import no_eyes, sayings, unusable, with_places
from oberih.web.inside.office.wordings import one_of
from oberih.web.open.addresses import api_of
from oberih.web.open.embed import viewer_of
from oberih.web.views import PresentationPage, Theirs, Viewer
from oberih.work.flow.noticing import Unjudged
from oberih.work.flow.presenting import Told, present

__all__ = ["router"]

router = APIRouter()
Custodian = Annotated[Asks, Depends(asks(Action.REVIEW))]
MOST_LETTERS = 400_000
MOST_JUDGED = 500


@router.get("/review/{identifier}/presentation")
def written(request: Request, identifier: str, who: Custodian) -> Response:
    case, _ = public_case(who, identifier)
    row = presentation(who, case)
    told = told_of(row).model_dump_json()
    page = view_of(who, case, told, row.version if row else 0)
    return who.page(request, page, done(request))


@router.post("/review/{identifier}/presentation")
def write(request: Request, identifier: str, who: Custodian, sent: InForm) -> Response:
    case, subject = public_case(who, identifier)
    own(who, Action.EDIT, case.collection)
    own(who, Action.PUBLISH, case.collection)  # everybody sees it at once
    try:
        told = told_in(sent)
    except InputError as error:
        return again(request, who, case, sent, error)
    if sent("over"):
        told = over(told, presentation(who, case))
    seen = version_of(sent)
    try:
        present(
            who.desk.service, subject.id, who.who.actor, told, seen_version=seen,
            harmless=sent.all("harmless"),
        )  # fmt: skip
    except (Conflict, InputError) as error:
        return again(request, who, case, sent, error, told)
    return go(f"/review/{identifier}/presentation?done=shown")


def public_case(who: Asks, identifier: str) -> tuple[Case, Subject]:
    """Something that everybody sees, with a model. Raises `NotInArchive`."""
    case = case_of(who, identifier)
    if case.subject is None or case.passed is None or case.lies != "public":
        raise unseen()
    return case, case.subject


def presentation(who: Asks, case: Case) -> Presentation | None:
    with who.desk.service.database.reading() as session:
        return session.get(Presentation, case.passed.id) if case.passed else None


def told_of(row: Presentation | None) -> Told:
    if row is None:
        return Told()
    parts = {"annotations": row.annotations, "tours": row.tours, "before": row.before, "eyes": row.eyes}
    return Told.model_validate({"view": row.opening, **parts}, strict=False)


def told_in(sent: Given) -> Told:
    """What a script of the page sends. Raises `InputError`."""
    try:
        return Told.model_validate_json(sent("told")[:MOST_LETTERS])
    except ValidationError as error:
        raise unusable(error) from None


def over(mine: Told, theirs: Presentation | None) -> Told:
    """What goes in place of what others wrote. It never shows anew where the photos were taken: whoever took
    that away did it for a reason, and a page that stood open since then does not know it.
    """
    return mine.model_copy(update={"eyes": mine.eyes and theirs is not None and theirs.eyes})


def version_of(sent: Given) -> int:
    """The version that the sender has read: of the page, or "over" it, of what others wrote meanwhile."""
    return number_of(sent("over") or sent("version"))


def again(
    request: Request, who: Asks, case: Case, sent: Given, error: OberihError, told: Told | None = None
) -> Response:
    """The page once more, with all that was written and judged; and with what somebody else wrote meanwhile,
    if that is why it was not taken.
    """
    written = told.model_dump_json() if told else sent("told")[:MOST_LETTERS]
    made = replace(view_of(who, case, written, max(0, version_of(sent))), error=in_words(error))
    judged = tuple(sent.all("harmless"))[:MOST_JUDGED]
    if isinstance(error, Unjudged) and told is not None:
        left = (one_of(one, judged) for one in error.warnings)
        made = replace(made, warnings=tuple(with_places(left, told.model_dump(mode="json"))))
    shown = {one.id for one in made.warnings}
    made = replace(made, harmless=tuple(one for one in judged if one not in shown))
    if isinstance(error, Conflict) and (row := presentation(who, case)) is not None:
        words = tuple(sayings(told_of(row).model_dump(mode="json")))
        theirs = Theirs(row.version, words, row.opening is not None, row.before or "", row.eyes)
        made = replace(made, theirs=theirs)
    status = 409 if isinstance(error, Conflict) else 422
    return who.desk.page(request, made, asks=who.present, status=status)


def view_of(who: Asks, case: Case, told: str, version: int) -> PresentationPage:
    assert case.subject is not None and case.passed is not None
    seen = record(who.desk.service.projection, case.subject.id)
    viewer = viewer_of(seen) if isinstance(seen, PublicRecord) else None
    titles = dict(case.subject.description["titles"])
    why = no_eyes(case.passed, case.public.precision if case.public else None)
    return PresentationPage(
        case.id, titles, viewer or Viewer(api_of("", case.subject.id), titles), version, told,
        eyes=() if why else tuple(case.passed.eyes), no_eyes=why,
    )  # fmt: skip
