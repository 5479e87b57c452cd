"""A whole contribution in one form, for browsers without scripts: the same limits, checks and receipt.

Nothing of it is held in memory, and a form that breaks off leaves nothing behind: its files wait in a file
without a name, on the disk of the arrivals, until all that is said of them has come too.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from oberih.catalogue.access import Action, NotAllowed, Why
from oberih.catalogue.accounts import Present, csrf_is_right
from oberih.errors import InputError, OberihError
from oberih.i18n import say
from oberih.web.inside.contributions import contribute_page, known_thing
from oberih.web.inside.desk import (
    CSRF_HEADER,
    Desk,
    NotLoggedIn,
    WrongForm,
    anywhere,
    cookie_name,
    desk_of,
    go,
    present,
)
from oberih.web.inside.incoming import Incoming, is_form
from oberih.web.inside.throttle import Throttle
from oberih.web.uploads.answers import HangingUp, still_sending
from oberih.work.arrivals import Refused, Uploader
from oberih.work.arrivals import Why as WhyNot
from oberih.work.arrivals.refusals import too_much
from oberih.work.arrivals.taking import PIECE, nameless
from oberih.work.flow import Offer, received
from oberih.work.offers import NEEDED

__all__ = ["handing_in"]

BEGUN = (0.2, 30)  # forms of one account: each second, and at once
AROUND = 1 << 20  # bytes of a body that are no files, at most
LONGEST_NOTE = 4000
KEPT = ("title", "kind", "place", "note", "latitude", "longitude", "licence", "subject")  # after an error
ONE_CONTRIBUTION = say("one contribution")
NO_FILES = ("No files came with the form.", "Choose photos or videos, and send it again.")
EMPTY = say("Leave it out, or choose it again.")
STATUS = {WhyNot.TOO_LARGE: 413, WhyNot.NO_ROOM: 507, WhyNot.BUSY: 423, WhyNot.STALLED: 503}
Now = Annotated[Present | None, Depends(present)]


def handing_in() -> APIRouter:
    """The one route. Whoever sends it is in person: programs have the interface for uploads."""
    router = APIRouter(include_in_schema=False)
    throttle, under_way = Throttle(*BEGUN), set[str]()

    @router.post("/contribute")
    async def handed_in(request: Request, now: Now, desk: Annotated[Desk, Depends(desk_of)]) -> Response:
        who = sender(request, now, desk)
        if not is_form(request):  # else its word comes with it, before any file
            trusted(request, desk, "")
        throttle.take(who.account)
        with nameless(desk.service.arrivals.folder) as file:
            coming = Incoming(
                is_form(request), file, who.limits, desk.service.arrivals.keep_free,
                lambda word: trusted(request, desk, word),
            )  # fmt: skip
            try:
                with one_at_a_time(under_way, who.account):
                    await read(request, coming)
                    made = await run_in_threadpool(hand_on, desk, who, coming, spoken(request, desk))
            except ClientDisconnect:
                return Response(status_code=499)  # nobody is there to read it
            except ValidationError as error:
                wrong = marked(error, coming.fields.get("consent", ()))
                return await run_in_threadpool(again, request, desk, now, coming, wrong)
            except (InputError, Refused) as error:
                status = STATUS.get(error.why, 400) if isinstance(error, Refused) else 422
                words = say("{message} {advice}", message=error.message, advice=error.advice)
                return await run_in_threadpool(again, request, desk, now, coming, {"": words}, status)
        return go(f"/contributions/{made}")

    return router


def sender(request: Request, now: Present | None, desk: Desk) -> Uploader:
    if now is None:
        raise NotAllowed(Why.NO) if "Authorization" in request.headers else NotLoggedIn
    why = anywhere(now.who, Action.CONTRIBUTE)
    if why is not None:
        raise NotAllowed(why)
    return Uploader(now.who.account, desk.service.limits)


def trusted(request: Request, desk: Desk, word: str) -> None:
    token = request.cookies.get(cookie_name("session", secure=desk.secure), "")
    if not csrf_is_right(token, request.headers.get(CSRF_HEADER, "") or word):
        raise WrongForm


@contextmanager
def one_at_a_time(under_way: set[str], account: str) -> Iterator[None]:
    """One form of an account at the same moment: two would each take the room that is left."""
    if account in under_way:
        raise Refused(
            WhyNot.BUSY, say("Another form of yours is still arriving."), say("Wait until it is there.")
        )
    under_way.add(account)
    try:
        yield
    finally:
        under_way.discard(account)


async def read(request: Request, coming: Incoming) -> None:
    """Take in all of the form. Raises `Refused`, `InputError`, `WrongForm`."""
    length, most = request.headers.get("Content-Length", ""), coming.limits.contribution_bytes
    if not is_form(request):
        raise InputError(*NO_FILES)
    if not length.isdecimal():
        raise InputError("How long the form is was not told.", "Send it from the page.")
    if int(length) > most + AROUND:
        raise too_much(int(length), ONE_CONTRIBUTION, most)
    await coming.read(request)
    if not coming.files:
        raise InputError(*NO_FILES)
    for one in coming.files:
        if not one.size:
            raise InputError(say("{name} is empty.", name=one.name), EMPTY)


def hand_on(desk: Desk, who: Uploader, coming: Incoming, language: str) -> str:
    """What came becomes a contribution like any other. Its identifier.

    Raises `ValidationError`, `InputError`, `Refused`.
    """
    service, arrivals = desk.service, desk.service.arrivals
    details = details_of(coming, language)
    if Offer.model_validate(details).subject:
        known_thing(service, who.account, details["subject"])
    note = coming.first("note").strip()[:LONGEST_NOTE]
    made, files = arrivals.begin(who, [one.offered for one in coming.files], note=note, details=details)
    try:
        for part, one in zip(coming.files, files, strict=True):
            coming.into.seek(part.at)
            with arrivals.taking(who.account, made.id, one.id, 0) as taking:
                while taking.left:
                    taking.append([coming.into.read(min(PIECE, taking.left))])
                taking.sync()
        arrivals.finish(who.account, made.id)
    except OberihError:
        arrivals.drop(who.account, made.id)
        raise
    arrived = arrivals.received(who.account, made.id)
    if arrived is not None:
        received(service, arrived)
    return made.id


def details_of(coming: Incoming, language: str) -> dict[str, Any]:
    """What is said with the files, as the interface for uploads has it."""
    names = ("title", "kind", "place", "licence", "terms", "subject")
    told: dict[str, Any] = {name: coming.first(name).strip() for name in names if coming.first(name).strip()}
    for name in ("latitude", "longitude"):
        told[name] = coming.first(name).strip().replace(",", ".") or None
    return {**told, "consents": sorted(set(coming.fields.get("consent", ()))), "language": language}


def marked(error: ValidationError, consents: Collection[str]) -> dict[str, str]:
    """Field -> what is wrong with it."""
    names = [str(one["loc"][0]) if one["loc"] else "" for one in error.errors()]
    told: dict[str, str] = {
        "": say("What was said with the files cannot be used. Choose the files again, please."),
        **{name: say("Fill it in again.") for name in names if name in KEPT},
    }
    if not NEEDED.issubset(consents):
        told["consents"] = say("The archive can take it only if you agree to the first two points.")
    return told


def spoken(request: Request, desk: Desk) -> str:
    return desk.pages.language_for(
        kept=request.cookies.get("language", ""), accepted=request.headers.get("Accept-Language", "")
    ).code


def again(
    request: Request, desk: Desk, now: Present | None, coming: Incoming, errors: Mapping[str, str],
    status: int = 422,
) -> Response:  # fmt: skip
    """The page once more. To somebody who still sends it is said at once, and the line is closed."""
    filled = {name: coming.first(name) for name in KEPT if coming.first(name)}
    view = contribute_page(
        desk, now, filled.get("subject", ""), filled, errors, coming.fields.get("consent", ())
    )
    answer = desk.page(request, view, asks=now, status=status)
    if coming.whole or not still_sending(request):
        return answer
    told = {name: one for name, one in answer.headers.items() if name != "content-length"}
    return HangingUp(answer.body, answer.status_code, told)
