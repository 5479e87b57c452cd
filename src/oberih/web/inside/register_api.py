"""The JSON interface to collections, organisations and condition reports."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from oberih.catalogue.access import Action
from oberih.catalogue.ledger import state_of
from oberih.catalogue.tables import Collection, ConditionReport, Heritage, Organisation
from oberih.web.inside import register as known
from oberih.web.inside.desk import Asks, asks, no_larger

__all__ = ["router"]

MOST_BYTES = 1 << 20
router = APIRouter(tags=["register"], dependencies=[Depends(no_larger(MOST_BYTES))])
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
HIDDEN = ("public",)  # nothing of a report is public, whatever the row says
Reader = Annotated[Asks, Depends(asks(Action.SEE_RECORD))]
Reporter = Annotated[Asks, Depends(asks(Action.REPORT_CONDITION))]
Id = Annotated[str, Path(max_length=80, pattern="^[!-~]+$")]
Version = Annotated[int, Field(ge=1, lt=2**31, description="that was looked at")]


class CollectionChange(known.CollectionTold):
    version: Version


class OrganisationChange(known.OrganisationTold):
    version: Version


class ReportChange(known.ReportTold):
    version: Version


def told(row: Heritage) -> dict[str, Any]:
    return {name: value for name, value in state_of(row).items() if name not in HIDDEN}


def answer(value: Any, status: int = 200) -> Response:
    return JSONResponse(value, status, PRIVATE)


def body_of(change: known.Told, kind: type[known.Told]) -> known.Told:
    """Without the version, which is not told of the thing itself."""
    return kind.model_validate(change.model_dump(exclude={"version"}))


@router.get("/collections", summary="Collections that one may change")
def all_collections(who: known.Keeper) -> Response:
    with who.desk.service.database.reading() as session:
        return answer({"collections": [told(one) for one in known.collections(session, who)]})


@router.post("/collections", summary="Make a collection", status_code=201)
def new_collection(who: known.Maker, body: known.CollectionTold) -> Response:
    return answer(told(known.collection_of(who, known.make_collection(who, body))), 201)


@router.get("/collections/{collection}", summary="One collection")
def one_collection(who: known.Keeper, collection: Id) -> Response:
    return answer(told(known.collection_of(who, collection)))


@router.put("/collections/{collection}", summary="Change a collection")
def changed_collection(who: known.Keeper, collection: Id, body: CollectionChange) -> Response:
    known.collection_of(who, collection)
    new = body_of(body, known.CollectionTold)
    known.change(who, Action.EDIT_COLLECTION.value, Collection, collection, new, body.version)
    return answer(told(known.collection_of(who, collection)))


@router.get("/organisations", summary="Organisations")
def all_organisations(who: known.Keeper) -> Response:
    with who.desk.service.database.reading() as session:
        return answer({"organisations": [told(one) for one in known.organisations(session)]})


@router.post("/organisations", summary="Make an organisation", status_code=201)
def new_organisation(who: known.Maker, body: known.OrganisationTold) -> Response:
    return answer(told(known.organisation_of(who, known.make_organisation(who, body))), 201)


@router.put("/organisations/{organisation}", summary="Change an organisation")
def changed_organisation(who: known.Maker, organisation: Id, body: OrganisationChange) -> Response:
    known.organisation_of(who, organisation)
    new = body_of(body, known.OrganisationTold)
    known.change(who, "change organisation", Organisation, organisation, new, body.version)
    return answer(told(known.organisation_of(who, organisation)))


@router.get("/subjects/{naan}/{name}/reports", summary="Condition reports of a subject")
def all_reports(who: Reader, naan: Id, name: Id) -> Response:
    subject = known.subject_of(who, f"ark:/{naan}/{name}", Action.SEE_RECORD)
    with who.desk.service.database.reading() as session:
        return answer({"reports": [told(one) for one in known.reports(session, subject.id)]})


@router.post("/subjects/{naan}/{name}/reports", summary="Report the condition of a subject", status_code=201)
def new_report(who: Reporter, naan: Id, name: Id, body: known.ReportTold) -> Response:
    subject = known.subject_of(who, f"ark:/{naan}/{name}", Action.REPORT_CONDITION)
    made = known.make_report(who, subject, body)
    return answer(told(known.report_of(who, made, Action.REPORT_CONDITION)[0]), 201)


@router.get("/reports/{report}", summary="One condition report")
def one_report(who: Reader, report: Id) -> Response:
    return answer(told(known.report_of(who, report, Action.SEE_RECORD)[0]))


@router.put("/reports/{report}", summary="Change a condition report")
def changed_report(who: Reporter, report: Id, body: ReportChange) -> Response:
    known.report_of(who, report, Action.REPORT_CONDITION)
    new = body_of(body, known.ReportTold)
    known.change(who, Action.REPORT_CONDITION.value, ConditionReport, report, new, body.version)
    return answer(told(known.report_of(who, report, Action.REPORT_CONDITION)[0]))
