"""The JSON interface to collections, organisations and condition reports."""

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from oberih.catalogue import register
from oberih.catalogue.access import Action
from oberih.catalogue.rows import state_of
from oberih.catalogue.tables import Heritage
from oberih.web.inside.desk import Asks, no_larger
from oberih.web.inside.register import Keeper, Maker, Reader, Reporter
from oberih.web.open.addresses import identifier_of

__all__ = ["router"]

MOST_BYTES = 1 << 20
router = APIRouter(tags=["register"], dependencies=[Depends(no_larger(MOST_BYTES))])
HIDDEN = ("public",)  # nothing of a report is public, whatever the row says
Id = Annotated[str, Path(max_length=80, pattern="^[!-~]+$")]
Version = Annotated[int, Field(ge=1, lt=2**31, description="that was looked at")]
T = TypeVar("T", bound=register.Told)


class CollectionChange(register.CollectionTold):
    version: Version


class OrganisationChange(register.OrganisationTold):
    version: Version


class ReportChange(register.ReportTold):
    version: Version


def told(row: Heritage) -> dict[str, Any]:
    return {name: value for name, value in state_of(row).items() if name not in HIDDEN}


def answer(value: Any, status: int = 200) -> Response:
    return JSONResponse(value, status)


def body_of(change: register.Told, kind: type[T]) -> T:
    """Without the version, which is not told of the thing itself."""
    return kind.model_validate(change.model_dump(exclude={"version"}))


@router.get("/collections", summary="Collections that one may change")
def all_collections(who: Keeper) -> Response:
    return answer({"collections": [told(one) for one in register.collections(who.database, who.who)]})


@router.post("/collections", summary="Make a collection", status_code=201)
def new_collection(who: Maker, body: register.CollectionTold) -> Response:
    made = register.make_collection(who.database, who.who, body)
    return answer(told(register.collection_of(who.database, who.who, made)), 201)


@router.get("/collections/{collection}", summary="One collection")
def one_collection(who: Keeper, collection: Id) -> Response:
    return answer(told(register.collection_of(who.database, who.who, collection)))


@router.put("/collections/{collection}", summary="Change a collection")
def changed_collection(who: Keeper, collection: Id, body: CollectionChange) -> Response:
    new = body_of(body, register.CollectionTold)
    register.change_collection(who.database, who.who, collection, new, body.version)
    return answer(told(register.collection_of(who.database, who.who, collection)))


@router.get("/organisations", summary="Organisations")
def all_organisations(who: Keeper) -> Response:
    return answer({"organisations": [told(one) for one in register.organisations(who.database)]})


@router.post("/organisations", summary="Make an organisation", status_code=201)
def new_organisation(who: Maker, body: register.OrganisationTold) -> Response:
    made = register.make_organisation(who.database, who.who, body)
    return answer(told(register.organisation_of(who.database, made)), 201)


@router.put("/organisations/{organisation}", summary="Change an organisation")
def changed_organisation(who: Maker, organisation: Id, body: OrganisationChange) -> Response:
    new = body_of(body, register.OrganisationTold)
    register.change_organisation(who.database, who.who, organisation, new, body.version)
    return answer(told(register.organisation_of(who.database, organisation)))


@router.get("/subjects/{naan}/{name}/reports", summary="Condition reports of a subject")
def all_reports(who: Reader, naan: Id, name: Id) -> Response:
    subject = register.subject_of(who.database, who.who, identifier_of(naan, name), Action.SEE_RECORD)
    return answer({"reports": [told(one) for one in register.reports(who.database, subject.id)]})


@router.post("/subjects/{naan}/{name}/reports", summary="Report the condition of a subject", status_code=201)
def new_report(who: Reporter, naan: Id, name: Id, body: register.ReportTold) -> Response:
    made = register.make_report(who.database, who.who, identifier_of(naan, name), body)
    return report_told(who, made, Action.REPORT_CONDITION, 201)


@router.get("/reports/{report}", summary="One condition report")
def one_report(who: Reader, report: Id) -> Response:
    return report_told(who, report, Action.SEE_RECORD)


@router.put("/reports/{report}", summary="Change a condition report")
def changed_report(who: Reporter, report: Id, body: ReportChange) -> Response:
    new = body_of(body, register.ReportTold)
    register.change_report(who.database, who.who, report, new, body.version)
    return report_told(who, report, Action.REPORT_CONDITION)


def report_told(who: Asks, report: str, action: Action, status: int = 200) -> Response:
    found, _ = register.report_of(who.database, who.who, report, action)
    return answer(told(found), status)
