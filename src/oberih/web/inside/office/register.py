"""Pages of collections and organisations: which there are, making and changing one."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from oberih.catalogue import register
from oberih.catalogue.access import Action
from oberih.catalogue.tables import Collection, Organisation
from oberih.errors import InputError
from oberih.i18n import say
from oberih.web.inside.desk import Asks, go
from oberih.web.inside.forms import Given, InForm
from oberih.web.inside.office.common import in_words, number_of
from oberih.web.inside.register import Keeper, Maker
from oberih.web.views import Option, RegisterPage, RegisterRow
from oberih.web.views.words import ORGANISATIONS

__all__ = ["router", "wrong_fields"]

router = APIRouter()
NOTHING: Mapping[str, str] = {}


@router.get("/register/collections")
def listed(request: Request, who: Keeper) -> Response:
    return collections_page(request, who)


@router.post("/register/collections")
def made(request: Request, who: Maker, sent: InForm) -> Response:
    try:
        register.make_collection(who.database, who.who, collection_told(sent))
    except (ValidationError, InputError) as error:
        return collections_page(request, who, sent=sent, errors=wrong_fields(error))
    return go("/register/collections")


@router.get("/register/collections/{collection}")
def one(request: Request, collection: str, who: Keeper) -> Response:
    return collections_page(request, who, register.collection_of(who.database, who.who, collection))


@router.post("/register/collections/{collection}")
def changed(request: Request, collection: str, who: Keeper, sent: InForm) -> Response:
    row = register.collection_of(who.database, who.who, collection)
    try:
        told = collection_told(sent)
        register.change_collection(who.database, who.who, collection, told, version_of(sent))
    except (ValidationError, InputError) as error:
        return collections_page(request, who, row, sent=sent, errors=wrong_fields(error))
    return go("/register/collections")


@router.get("/register/organisations")
def organisations(request: Request, who: Keeper) -> Response:
    return organisations_page(request, who)


@router.post("/register/organisations")
def organisation_made(request: Request, who: Maker, sent: InForm) -> Response:
    try:
        register.make_organisation(who.database, who.who, organisation_told(sent))
    except ValidationError as error:
        return organisations_page(request, who, sent=sent, errors=wrong_fields(error))
    return go("/register/organisations")


@router.get("/register/organisations/{organisation}")
def organisation(request: Request, organisation: str, who: Maker) -> Response:
    return organisations_page(request, who, register.organisation_of(who.database, organisation))


@router.post("/register/organisations/{organisation}")
def organisation_changed(request: Request, organisation: str, who: Maker, sent: InForm) -> Response:
    row = register.organisation_of(who.database, organisation)
    try:
        told = organisation_told(sent)
        register.change_organisation(who.database, who.who, organisation, told, version_of(sent))
    except ValidationError as error:
        return organisations_page(request, who, row, sent=sent, errors=wrong_fields(error))
    return go("/register/organisations")


# -- what a form says ---


def by_language(sent: Given, field: str) -> dict[str, str]:
    names = [name for name in sent.fields if name.startswith(f"{field}-")]
    return {name.removeprefix(f"{field}-"): sent(name) for name in names if sent(name).strip()}


def collection_told(sent: Given) -> register.CollectionTold:
    return register.CollectionTold(
        titles=by_language(sent, "title"), summary=by_language(sent, "summary"),
        organisation=sent("organisation") or None,
    )  # fmt: skip


def organisation_told(sent: Given) -> register.OrganisationTold:
    told = {"names": by_language(sent, "title"), "kind": sent("kind"), "uri": sent("uri").strip()}
    return register.OrganisationTold.model_validate(told)


def version_of(sent: Given) -> int:
    return number_of(sent("version"))


def wrong_fields(error: ValidationError | InputError) -> dict[str, str]:
    """Field -> what is wrong with it."""
    if isinstance(error, InputError):
        return {"": in_words(error)}
    fields = {str(one["loc"][0]) if one["loc"] else "" for one in error.errors()}
    if fields & {"names", "titles"}:
        return {"": say("It needs a name in at least one language, of at most 300 letters.")}
    return {one: say("Fill it in again.") for one in sorted(fields)}


# -- pages ---


def collections_page(
    request: Request, who: Asks, row: Collection | None = None, *, sent: Given | None = None,
    errors: Mapping[str, str] = NOTHING,
) -> Response:  # fmt: skip
    found = [] if row else register.collections(who.database, who.who)
    theirs = {one.id: dict(one.names) for one in register.organisations(who.database)}
    values = filled(row.titles, row.summary) | {"organisation": row.organisation or ""} if row else {}
    spoken = [*(row.titles if row else ()), *who.desk.service.settings.languages]
    page = RegisterPage(
        "collections",
        tuple(
            RegisterRow(one.id, one.titles, name_in(theirs.get(one.organisation or "", {}))) for one in found
        ),
        who.may(Action.MAKE_COLLECTION), row.id if row else "",
        name_in(row.titles) if row else "", row.version if row else 0,
        tuple(dict.fromkeys(spoken)), values | texts_of(sent),
        tuple(Option(key, name_in(names)) for key, names in theirs.items()), errors,
    )  # fmt: skip
    return who.desk.page(request, page, asks=who.present, status=422 if errors else 200)


def organisations_page(
    request: Request, who: Asks, row: Organisation | None = None, *, sent: Given | None = None,
    errors: Mapping[str, str] = NOTHING,
) -> Response:  # fmt: skip
    found = [] if row else register.organisations(who.database)
    values = filled(row.names, {}) | {"kind": row.kind, "uri": row.uri} if row else {}
    spoken = [*(row.names if row else ()), *who.desk.service.settings.languages]
    page = RegisterPage(
        "organisations",
        tuple(
            RegisterRow(one.id, one.names, ORGANISATIONS[one.kind].label if one.kind in ORGANISATIONS else "")
            for one in found
        ),
        who.may(Action.MAKE_COLLECTION), row.id if row else "",
        name_in(row.names) if row else "", row.version if row else 0,
        tuple(dict.fromkeys(spoken)), values | texts_of(sent), (), errors,
    )  # fmt: skip
    return who.desk.page(request, page, asks=who.present, status=422 if errors else 200)


def filled(names: Mapping[str, str], summary: Mapping[str, str]) -> dict[str, str]:
    told = {f"title-{code}": name for code, name in names.items()}
    return told | {f"summary-{code}": text for code, text in summary.items()}


def texts_of(sent: Given | None) -> dict[str, Any]:
    return {name: sent(name) for name in sent.fields if name != "csrf"} if sent else {}


def name_in(names: Mapping[str, str]) -> str:
    return " / ".join(names.values())
