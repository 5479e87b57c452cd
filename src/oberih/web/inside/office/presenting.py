"""Writing how a public model is shown: annotations, tours, where a look at it begins."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from oberih.catalogue.access import Action
from oberih.catalogue.tables import Presentation, Subject
from oberih.errors import Conflict, InputError
from oberih.i18n import say
from oberih.web.inside.desk import Asks, asks
from oberih.web.inside.door.threshold import Given, InForm
from oberih.web.inside.office.common import in_words, number_of, own, unseen
from oberih.web.inside.office.review import Case, case_of
from oberih.web.inside.office.wordings import one_of
from oberih.web.views import PresentationPage, Viewer, Warned
from oberih.work.flow.noticing import Unjudged
from oberih.work.flow.presenting import Told, present

__all__ = ["router"]

router = APIRouter()
Custodian = Annotated[Asks, Depends(asks(Action.REVIEW))]
MOST_LETTERS = 400_000


@router.get("/review/{identifier}/presentation")
def written(request: Request, identifier: str, who: Custodian) -> Response:
    case, _ = public_case(who, identifier)
    row = presentation(who, case)
    told = Told()
    if row is not None:
        parts = {"annotations": row.annotations, "tours": row.tours, "before": row.before}
        told = Told.model_validate({"view": row.opening, **parts}, strict=False)
    return page(request, who, case, told.model_dump_json(), row.version if row else 0)


@router.post("/review/{identifier}/presentation")
def write(request: Request, identifier: str, who: Custodian, sent: InForm) -> Response:
    case, subject = public_case(who, identifier)
    own(who, Action.EDIT, case.collection)
    own(who, Action.PUBLISH, case.collection)  # everybody sees it at once
    try:
        told = told_in(sent)
        present(
            who.desk.service, subject.id, who.who.actor, told, seen_version=number_of(sent("version")),
            harmless=sent.all("harmless"),
        )  # fmt: skip
    except Unjudged as error:
        found = tuple(one_of(one, sent.all("harmless")) for one in error.warnings)
        return again(request, who, case, sent, in_words(error), warnings=found)
    except Conflict as error:
        return again(request, who, case, sent, in_words(error), status=409)
    except InputError as error:
        return again(request, who, case, sent, in_words(error))
    return who.desk.back(f"/review/{identifier}/presentation")


def public_case(who: Asks, identifier: str) -> tuple[Case, Subject]:
    """Something that everybody sees, with a model. Raises `NotInArchive`."""
    case = case_of(who, identifier)
    if case.subject is None or case.passed is None or case.lies != "public":
        raise unseen()
    return case, case.subject


def presentation(who: Asks, case: Case) -> Presentation | None:
    with who.desk.service.database.reading() as session:
        return session.get(Presentation, case.passed.id) if case.passed else None


def told_in(sent: Given) -> Told:
    """What a script of the page sends. Raises `InputError`."""
    try:
        return Told.model_validate_json(sent("told")[:MOST_LETTERS])
    except ValidationError as error:
        part = ".".join(str(one) for one in error.errors()[0]["loc"])
        raise InputError(
            say("Something is missing, or too long: {part}.", part=part or "?"),
            "Give each annotation and each tour a title in at least one language.",
        ) from None


def again(
    request: Request, who: Asks, case: Case, sent: Given, error: str, *, status: int = 422,
    warnings: Sequence[Warned] = (),
) -> Response:  # fmt: skip
    """The page once more, with all that was written."""
    told = sent("told")[:MOST_LETTERS]
    made = view_of(case, told, number_of(sent("version"), 0))
    if status == 409:  # who sends it again has seen that somebody else wrote
        row = presentation(who, case)
        made = replace(made, version=row.version if row else 0)
    made = replace(made, error=error, warnings=tuple(warnings))
    return who.desk.page(request, made, asks=who.present, status=status)


def page(request: Request, who: Asks, case: Case, told: str, version: int) -> Response:
    return who.page(request, view_of(case, told, version))


def view_of(case: Case, told: str, version: int) -> PresentationPage:
    assert case.subject is not None
    titles = dict(case.subject.description["titles"])
    record = f"/api/v1/records/{case.subject.id.removeprefix('ark:/')}"
    return PresentationPage(case.id, titles, Viewer(record, titles), version, told)
