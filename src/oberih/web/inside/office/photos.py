"""Photos that are not shown, and in which faces or plates were found: a page of them, to be corrected."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from oberih.catalogue.access import Action
from oberih.catalogue.tables import Review
from oberih.errors import Conflict
from oberih.web.inside.desk import Asks, asks, go
from oberih.web.inside.forms import Given, InForm
from oberih.web.inside.office.case import case_of, is_open
from oberih.web.inside.office.common import address, in_words, number_of, own, query, unseen
from oberih.web.inside.office.regions import as_sent, corrections_of, hidden_of
from oberih.web.pages import FILES_POLICY
from oberih.web.views import Paging, PhotosPage
from oberih.work.flow import note_blur
from oberih.work.flow.reviewing import MEANWHILE

__all__ = ["router"]

router = APIRouter()
Custodian = Annotated[Asks, Depends(asks(Action.REVIEW))]
PAGE = 12
NOTHING: Mapping[str, str] = {}


@router.get("/review/{identifier}/photos")
def photos(request: Request, identifier: str, who: Custodian) -> Response:
    return photos_page(request, who, identifier, number_of(query(request, "begins"), 0))


def photos_page(
    request: Request, who: Asks, identifier: str, begins: int, *, sent: Given | None = None,
    errors: Mapping[str, str] = NOTHING,
) -> Response:  # fmt: skip
    """``sent``: a form that was not taken; the boxes are as it has them."""
    review, title = open_review(who, identifier)
    hidden = hidden_of(review)
    shown = hidden[begins : begins + PAGE]
    path = f"/review/{identifier}/photos"
    earlier = address(path, begins=f"{max(0, begins - PAGE)}") if begins else ""
    later = address(path, begins=f"{begins + PAGE}") if begins + PAGE < len(hidden) else ""
    page = PhotosPage(
        identifier, review.version, title,
        shown if sent is None else tuple(as_sent(one, sent) for one in shown), begins,
        Paging(earlier, later, len(hidden)), errors,
    )  # fmt: skip
    return who.desk.page(request, page, asks=who.present, status=409 if errors else 200)


@router.get("/review/{identifier}/found/{photo}")
def preview(identifier: str, photo: str, who: Custodian) -> Response:
    """A photo with all covered that was found in it. Its name is made by us, and no part of an address."""
    review, _ = open_review(who, identifier)
    at = number_of(photo)
    name = review.found[at].get("preview") if 0 <= at < len(review.found) and review.draft else ""
    if not name:
        raise unseen()
    try:
        data, _ = who.desk.service.drafts.read(f"{review.draft}/{name}")
    except KeyError:  # being made again
        raise unseen() from None
    return Response(data, headers={"Content-Security-Policy": FILES_POLICY}, media_type="image/jpeg")


@router.post("/review/{identifier}/photos")
def corrected(request: Request, identifier: str, who: Custodian, sent: InForm) -> Response:
    """Keep what is to be blurred on one page of photos; it is made when the review is saved or decided."""
    review, _ = open_review(who, identifier)
    own(who, Action.CORRECT_BLUR, review.collection)
    version, begins = number_of(sent("version")), number_of(sent("begins"), 0)
    shown = hidden_of(review)[begins : begins + PAGE]
    try:
        if version != review.version:
            raise Conflict(*MEANWHILE)
        told = corrections_of(review, shown, sent.all("blur"), sent.all("add"))
        if told != review.corrections:
            note_blur(who.desk.service, identifier, who.who.actor, told, seen_version=version)
    except Conflict as error:
        return photos_page(request, who, identifier, begins, sent=sent, errors={"": in_words(error)})
    if sent("then") == "next":
        return go(f"/review/{identifier}/photos?begins={begins + PAGE}")
    return go(f"/review/{identifier}")


def open_review(who: Asks, identifier: str) -> tuple[Review, str]:
    case = case_of(who, identifier)
    if case.review is None or not is_open(case.review) or case.subject is None:
        raise Conflict(*MEANWHILE)
    return case.review, case.subject.title
