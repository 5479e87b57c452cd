"""The router of uploads, and its JSON half: contributions."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from oberih.web.uploads import tus
from oberih.web.uploads.answers import Route
from oberih.web.uploads.desk import AtDesk, Desk
from oberih.work.arrivals import Arrivals, ArrivingFile, Contribution, Offered, Received, Uploader

__all__ = ["uploads_router"]

MOST_OFFERED = 10_000  # files in one request; accounts have limits of their own
MOST_BODY = 4 << 20  # bytes of JSON: 3,000 files with long names are about 1 MB
MOST_DETAILS = 64 << 10  # bytes
LARGEST = 2**50


class FileOffered(BaseModel):
    """A file that a phone wants to send."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(max_length=1024, description="as it is called on the phone")
    size: int = Field(ge=0, le=LARGEST, description="bytes")
    type: str = Field("", max_length=200, description="media type, if the phone knows it")
    last_modified: int | None = Field(
        None, ge=-(2**53), le=2**53, description="milliseconds since 1970: a file is known again by it"
    )

    def offered(self) -> Offered:
        return Offered(self.name, self.size, tus.media_type(self.type), self.last_modified)


class FilesOffered(BaseModel):
    """Further files of a contribution; those that are there already are known again."""

    model_config = ConfigDict(extra="forbid", strict=True)

    files: list[FileOffered] = Field(max_length=MOST_OFFERED)


class ContributionOffered(FilesOffered):
    """A contribution to begin."""

    note: str = Field("", max_length=4000, description="in the sender's words")
    details: dict[str, JsonValue] = Field(
        default_factory=dict, description="whatever else was asked: kept with the contribution"
    )
    key: str = Field(
        "", max_length=64, pattern="^[A-Za-z0-9_-]*$",
        description="made up by the sender: who sends the same again gets the same contribution",
    )  # fmt: skip

    @field_validator("details")
    @classmethod
    def bounded(cls, details: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if len(json.dumps(details, allow_nan=False, ensure_ascii=False).encode()) > MOST_DETAILS:
            raise ValueError  # as do numbers and texts that are none
        return details


class Completion(BaseModel):
    """How to complete a contribution."""

    model_config = ConfigDict(extra="forbid", strict=True)

    without_missing: bool = Field(False, description="give up the files that have not arrived in whole")


def uploads_router(
    arrivals: Arrivals,
    uploader: Callable[..., Any],
    handed_on: Callable[[Received], None],
    welcome: Callable[[str, Mapping[str, Any]], None] = lambda *_: None,
) -> APIRouter:
    """All routes. ``uploader`` is a dependency that gives the `Uploader`, or refuses the request.

    ``handed_on`` gets each finished contribution, in a thread, before its receipt goes out; again whenever
    somebody asks for the receipt again, until the contribution is released. ``welcome`` is told who wants to
    send, and what they say of it, and raises if that would be refused: before the first byte is sent.
    """
    shared = Desk(arrivals, handed_on, welcome)

    async def come_in(request: Request, who: Annotated[Uploader, Depends(uploader)]) -> None:
        request.state.desk = shared.for_(who)

    router = APIRouter(tags=["uploads"])
    inside = APIRouter(route_class=Route, dependencies=[Depends(come_in)])
    inside.include_router(contributions)
    inside.include_router(tus.files)
    router.include_router(inside)
    router.include_router(tus.options)
    return router


contributions = APIRouter(route_class=Route, max_body_size=MOST_BODY)


@contributions.post("/contributions", status_code=201)
async def begin(request: Request, desk: AtDesk, body: ContributionOffered) -> Response:
    """Begin a contribution."""
    offered = [file.offered() for file in body.files]
    await desk.do(desk.welcome, desk.who.account, body.details)
    made, asked = await desk.do(
        desk.arrivals.begin, desk.who, offered, note=body.note, details=body.details, key=body.key
    )
    return await told(request, desk, made, asked, status=201)


@contributions.get("/contributions")
async def under_way(request: Request, desk: AtDesk) -> Response:
    """The contributions that are under way, without their files."""
    found = await desk.do(desk.arrivals.contributions, desk.who.account)
    return answer({"contributions": [summary(request, desk, one) for one in found]})


@contributions.get("/contributions/{contribution}", name="uploads.contribution")
async def show(request: Request, desk: AtDesk, contribution: str) -> Response:
    """What has arrived of a contribution; its receipt if it is finished."""
    receipt = await desk.do(desk.arrivals.receipt, desk.who.account, contribution)
    if receipt is not None:
        return answer({"id": contribution, "receipt": receipt.json()})
    found = await desk.do(desk.arrivals.contribution, desk.who.account, contribution)
    return await told(request, desk, found, found.files)


@contributions.post("/contributions/{contribution}")
async def add(request: Request, desk: AtDesk, contribution: str, body: FilesOffered) -> Response:
    """Add files to a contribution. One that is there already is answered with what has arrived of it."""
    offered = [file.offered() for file in body.files]
    made, asked = await desk.do(desk.arrivals.add, desk.who, contribution, offered)
    return await told(request, desk, made, asked)


@contributions.delete("/contributions/{contribution}", status_code=204)
async def drop(desk: AtDesk, contribution: str) -> Response:
    """End a contribution that is not complete, and forget all of it."""
    await desk.do(desk.arrivals.drop, desk.who.account, contribution)
    return Response(status_code=204)


@contributions.post("/contributions/{contribution}/complete")
async def complete(desk: AtDesk, contribution: str, body: Completion | None = None) -> Response:
    """Complete a contribution: everything is there. The answer is the receipt, the same each time."""
    account = desk.who.account
    receipt = await desk.hash(
        desk.arrivals.finish, account, contribution, without_missing=body is not None and body.without_missing
    )
    received = await desk.do(desk.arrivals.received, account, contribution)
    if received is not None:
        await desk.do(desk.handed_on, received)
    return answer(receipt.json())


def answer(value: Any, status: int = 200, **headers: str) -> Response:
    return JSONResponse(value, status, {"Cache-Control": "no-store", **headers})


async def told(
    request: Request, desk: Desk, made: Contribution, asked: tuple[ArrivingFile, ...], status: int = 200
) -> Response:
    """A contribution and those of its files that were asked for."""
    arrived = await desk.do(lambda: [made.arrived(file) for file in asked])
    files = [
        {
            "id": file.id, "name": file.name, "size": file.size, "type": file.type,
            "last_modified": file.last_modified, "offset": offset,
            "url": tus.address(request, made.id, file.id),
        }
        for file, offset in zip(asked, arrived, strict=True)
    ]  # fmt: skip
    value = {**summary(request, desk, made), "files": files}
    return answer(value, status, Location=value["url"]) if status == 201 else answer(value)


def summary(request: Request, desk: Desk, made: Contribution) -> dict[str, Any]:
    until = datetime.fromtimestamp(int(desk.arrivals.expires(made.folder)), UTC)
    return {
        "id": made.id,
        "url": request.url_for("uploads.contribution", contribution=made.id).path,
        "created": made.created,
        "expires": until.isoformat().replace("+00:00", "Z"),
        "note": made.note,
        "details": made.details,
        "count": len(made.files),
        "bytes": made.bytes,
    }
