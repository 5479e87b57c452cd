"""tus 1.0 (https://tus.io/protocols/resumable-upload): core, creation, creation-with-upload, checksum,
expiration, termination. Deferred lengths and concatenation are not offered."""

import base64
import binascii
import re
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from email.utils import formatdate
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Request, Response
from starlette.background import BackgroundTask

from oberih.errors import InputError
from oberih.i18n import say
from oberih.web.uploads.answers import TUS_VERSION, HangingUp, Route, refusal, still_sending
from oberih.web.uploads.body import read_into
from oberih.web.uploads.desk import AtDesk, Desk
from oberih.work.arrivals import ALGORITHMS, Checksum, Offered, Refused, Why, too_many

__all__ = ["address", "files", "media_type", "options"]

EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
SINGLE = ("upload-length", "upload-offset", "upload-metadata", "upload-checksum", "content-type")
BYTES = "application/offset+octet-stream"
MEDIA_TYPE = re.compile(r"[A-Za-z0-9.+_-]{1,63}/[A-Za-z0-9.+_-]{1,63}")
HEADERS = {"Tus-Resumable": TUS_VERSION, "Cache-Control": "no-store"}
ABOUT = {
    "Tus-Version": TUS_VERSION,
    "Tus-Extension": EXTENSIONS,
    "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
}

Count = Annotated[str, Header(pattern="^[0-9]{1,15}$")]
ContentType = Annotated[str, Header(alias="Content-Type")]
Sum = Annotated[str, Header(alias="Upload-Checksum", max_length=200)]


class TusRoute(Route):
    """A route of tus: it speaks one version, and anything that is not understood is a 400."""

    not_understood_status = 400

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handled(request: Request) -> Response:
            if request.headers.get("tus-resumable") != TUS_VERSION:
                error = InputError(
                    say("This is not tus {version}.", version=TUS_VERSION),
                    say("Send the header Tus-Resumable with this version."),
                )
                answer = refusal(request, error, status=412)
                answer.headers["Tus-Version"] = TUS_VERSION
                return answer
            if any(len(request.headers.getlist(name)) > 1 for name in SINGLE):
                return refusal(request, wrong(say("A header is there twice.")))
            return await handler(request)

        return handled


def speaks(tus_resumable: Annotated[Literal["1.0.0"], Header()]) -> None:
    """For the description of the interface: `TusRoute` has seen to it."""


# Whatever the service allows elsewhere: here each upload has the limit that its sender announced.
files = APIRouter(route_class=TusRoute, max_body_size=2**60, dependencies=[Depends(speaks)])
options = APIRouter(include_in_schema=False)

FILES = "/contributions/{contribution}/files"
FILE = FILES + "/{file}"


@options.options(FILES)
@options.options(FILE)
async def about() -> Response:
    """What this server can do."""
    return Response(status_code=204, headers={**HEADERS, **ABOUT})


@files.post(FILES, status_code=201)
async def create(
    request: Request,
    desk: AtDesk,
    contribution: str,
    upload_length: Count,
    upload_metadata: Annotated[str, Header(max_length=8192)] = "",
    content_type: ContentType = "",
    upload_checksum: Sum = "",
) -> Response:
    """Add a file to a contribution; its first bytes may come along. One that is there already goes on."""
    if "upload-defer-length" in request.headers or "upload-concat" in request.headers:
        raise wrong(say("Deferred lengths and concatenation are not offered."))
    if request.headers.get("x-http-method-override", "POST").upper() != "POST":
        raise wrong(say("Here only POST is possible."))
    told = metadata(upload_metadata)
    when = told.get("lastModified", told.get("last_modified", ""))
    offered = Offered(
        told.get("filename", told.get("name", "")),
        int(upload_length),
        media_type(told.get("filetype", told.get("type", ""))),
        int(when) if re.fullmatch(r"-?[0-9]{1,15}", when) else None,
    )
    made, (file,) = await desk.do(desk.arrivals.add, desk.who, contribution, [offered])
    arrived, background = await desk.do(made.arrived, file), None
    kind = Response
    if brings_bytes(request):
        if content_type != BYTES:
            return refusal(request, wrong_type(), status=415)
        if arrived == 0:
            arrived, background = await take(request, desk, made.id, file.id, 0, upload_checksum)
        elif still_sending(request):  # it thinks that the file is new: it learns where to go on
            kind = HangingUp
    headers = {
        **HEADERS,
        "Location": address(request, made.id, file.id),
        "Upload-Offset": str(arrived),
        "Upload-Expires": expiry(desk),
    }
    return kind(status_code=201, headers=headers, background=background)


@files.head(FILE)
async def head(desk: AtDesk, contribution: str, file: str) -> Response:
    """How much of a file has arrived."""
    path, one = await desk.do(desk.arrivals.file, desk.who.account, contribution, file)
    arrived = await desk.do(desk.arrivals.offset, desk.who.account, contribution, file)
    told = {"filename": one.name} | ({"filetype": one.type} if one.type else {})
    headers = {
        "Upload-Offset": str(arrived),
        "Upload-Length": str(one.size),
        "Upload-Metadata": ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in told.items()),
        "Upload-Expires": formatdate(desk.arrivals.expires(path.parent), usegmt=True),
    }
    return Response(headers={**HEADERS, **headers})


@files.patch(FILE, status_code=204, name="uploads.file")
async def patch(
    request: Request,
    desk: AtDesk,
    contribution: str,
    file: str,
    upload_offset: Count,
    content_type: ContentType = "",
    upload_checksum: Sum = "",
) -> Response:
    """Append to a file. What is acknowledged is on the disk."""
    if content_type != BYTES:
        return refusal(request, wrong_type(), status=415)
    arrived, background = await take(request, desk, contribution, file, int(upload_offset), upload_checksum)
    headers = {**HEADERS, "Upload-Offset": str(arrived), "Upload-Expires": expiry(desk)}
    return Response(status_code=204, headers=headers, background=background)


@files.delete(FILE, status_code=204)
async def end(desk: AtDesk, contribution: str, file: str) -> Response:
    """End the upload of a file and forget its bytes."""
    await desk.do(desk.arrivals.drop_file, desk.who.account, contribution, file)
    return Response(status_code=204, headers=HEADERS)


@files.post(FILE, status_code=204)
async def override(
    request: Request,
    desk: AtDesk,
    contribution: str,
    file: str,
    x_http_method_override: Annotated[str, Header(pattern="^(PATCH|DELETE)$")],
    upload_offset: Count = "",
    content_type: ContentType = "",
    upload_checksum: Sum = "",
) -> Response:
    """PATCH and DELETE for those who can send neither."""
    if x_http_method_override == "DELETE":
        return await end(desk, contribution, file)
    if not upload_offset:
        raise wrong(say("The header Upload-Offset is missing."))
    return await patch(request, desk, contribution, file, upload_offset, content_type, upload_checksum)


async def take(
    request: Request, desk: Desk, contribution: str, file: str, offset: int, checksum: str
) -> tuple[int, BackgroundTask | None]:
    """Append the body at ``offset``. Returns how much has arrived, and what to do after the answer."""
    expected = Checksum(checksum) if checksum else None
    with desk.one_more():
        taking = await desk.do(desk.arrivals.taking, desk.who.account, contribution, file, offset)
        with taking:
            length = request.headers.get("content-length", "")
            if length.isdigit() and int(length) > taking.left:
                raise too_many(taking.size)
            arrived = await read_into(request, desk, taking, expected)
    whole = arrived == taking.size
    return arrived, BackgroundTask(seal, desk, contribution, file) if whole else None


async def seal(desk: Desk, contribution: str, file: str) -> None:
    """Hash a file that is whole while its bytes are still in memory, so that completing is quick."""
    with suppress(Refused):  # it was ended in the meantime
        await desk.hash(desk.arrivals.seal, desk.who.account, contribution, file)


def metadata(header: str) -> dict[str, str]:
    """What ``Upload-Metadata`` says: "filename aW1hZ2U=,filetype aW1hZ2UvanBlZw==,private"."""
    told: dict[str, str] = {}
    for pair in header.split(",") if header.strip() else ():
        key, _, value = pair.strip().partition(" ")
        try:
            text = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            raise wrong(say("The header Upload-Metadata cannot be read.")) from None
        if not re.fullmatch(r"[!-+\--~]{1,100}", key) or key in told:
            raise wrong(say("The header Upload-Metadata cannot be read."))
        told[key] = text
    return told


def media_type(text: str) -> str:
    """``text`` if it is a media type, else nothing: it is only the sender's belief."""
    return text if MEDIA_TYPE.fullmatch(text) else ""


def brings_bytes(request: Request) -> bool:
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


def address(request: Request, contribution: str, file: str) -> str:
    """The path of a file. No host is in it: the one that the sender claims is not to be trusted."""
    return request.url_for("uploads.file", contribution=contribution, file=file).path


def expiry(desk: Desk) -> str:
    """``Upload-Expires`` of what has just been touched."""
    return formatdate(time.time() + desk.arrivals.idle.total_seconds(), usegmt=True)


def wrong(message: str) -> Refused:
    return Refused(Why.WRONG, message, say("Send this as tus 1.0 says."))


def wrong_type() -> InputError:
    return InputError(
        say("Bytes of a file are of the type {type}.", type=BYTES), say("Send them with this Content-Type.")
    )
