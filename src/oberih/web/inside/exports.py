"""Exports for partners and custodians: asked for, looked after, fetched."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from oberih.catalogue.access import Action
from oberih.i18n import say
from oberih.web.inside.desk import Asks, asks
from oberih.work.flow.exporting import ask_for_export, export_content, export_state

__all__ = ["router"]

router = APIRouter(tags=["exports"])
EXPORTER = Annotated[Asks, Depends(asks(Action.EXPORT))]


class ExportWanted(BaseModel):
    """What to export."""

    model_config = ConfigDict(extra="forbid", strict=True)

    collection: str = Field(max_length=80, description="its identifier")
    places: bool = Field(False, description="with true places; takes a right of its own")


@router.post("/exports", status_code=202)
def begin(request: Request, who: EXPORTER, body: ExportWanted) -> Response:
    """Ask for the records of a collection. They are made in a while, with the rights that you have then."""
    made = ask_for_export(who.desk.service, who.who, body.collection, places=body.places)
    return JSONResponse({"id": made, "url": f"{request.url.path}/{made}"}, 202)


@router.get("/exports/{export}")
def state(request: Request, who: EXPORTER, export: str) -> Response:
    """How far an export is."""
    found = export_state(who.desk.service, who.who, export)
    told: dict[str, Any] = {"id": export, "state": found.status if found else "waiting"}
    if found is not None and found.status == "done":
        told["file"] = f"{request.url.path}/records.zip"
    if found is not None and found.status == "failed":
        said = who.desk.pages.language_for(
            kept=request.cookies.get("language", ""), accepted=request.headers.get("Accept-Language", "")
        )
        told["reason"] = said(found.error.message if found.error else say("It could not be made."))
    return JSONResponse(told)


@router.get("/exports/{export}/records.zip")
def fetch(who: EXPORTER, export: str) -> Response:
    """The records: a ZIP file with records.csv and records.json."""
    headers = {"Content-Disposition": 'attachment; filename="records.zip"'}
    content = export_content(who.desk.service, who.who, export)
    return StreamingResponse(content, headers=headers, media_type="application/zip")
