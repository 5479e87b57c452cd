"""What all answers for everybody have in common: they are the same for all, and say so."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Path as InPath
from fastapi import Request, Response
from pydantic import BaseModel, Field, TypeAdapter

from oberih.catalogue.public import Projection, PublicRecord, Withdrawn, etag, record
from oberih.errors import NotInArchive
from oberih.i18n import ENGLISH, Language, Verbatim, available, language, say
from oberih.web.pages import preferred

__all__ = [
    "BODY",
    "GONE",
    "LIVES",
    "MISSING",
    "NOSNIFF",
    "NOT_UNDERSTOOD",
    "NOWHERE",
    "ORIGINS",
    "UNCHANGED",
    "Naan",
    "Name",
    "NoMore",
    "Problem",
    "bounds",
    "of_record",
    "problem",
    "tagged",
    "there",
]

LIVES = "public, max-age=60"
ORIGINS = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
NOSNIFF = {"X-Content-Type-Options": "nosniff"}
MISSING = ("There is nothing here.", "It may have been taken out of the archive's public part, or moved.")
WITHDRAWN = ("This was public once, and is no more.", "The archive keeps it.")
BODY: TypeAdapter[Any] = TypeAdapter(Any)

Naan = Annotated[str, InPath(description="of the ARK: who gave it", examples=["99999"])]
Name = Annotated[str, InPath(description="of the ARK: what it is of", examples=["b1gk8t2n5x7wq3mz"])]


class Problem(BaseModel):
    """What is wrong, in the language of the header Accept-Language (else in English), and what to do."""

    message: Annotated[str, Field(examples=["There is nothing here."])]
    advice: str


UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "Unchanged since the answer with this ETag (If-None-Match)"}
}
NOWHERE: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "Nothing is or was public under this identifier"}
}
GONE: dict[int | str, dict[str, Any]] = {
    410: {"model": Withdrawn, "description": "It was public, and was withdrawn"}
}
NOT_UNDERSTOOD: dict[int | str, dict[str, Any]] = {
    422: {"model": Problem, "description": "The question is not as it has to be"}
}


def tagged(request: Request, body: bytes, media_type: str, lives: str = LIVES) -> Response:
    """An answer with its ETag; nothing but the tag if the asker has it already."""
    tag = etag(body)
    headers = {"ETag": tag, "Cache-Control": lives, **NOSNIFF, **ORIGINS}
    if tag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


class NoMore(NotInArchive):
    """It was public, and was withdrawn."""


def there(found: PublicRecord | Withdrawn | None) -> PublicRecord:
    if isinstance(found, Withdrawn):
        raise NoMore(*WITHDRAWN)
    if not isinstance(found, PublicRecord):
        raise NotInArchive(*MISSING)
    return found


def problem(request: Request, status: int, message: str, advice: str) -> Response:
    """What is wrong, for a program: in the language that it asks for, or else in English."""
    said = asked_for(request.headers.get("Accept-Language", ""))
    body = json.dumps({"message": said(message), "advice": said(advice)}, ensure_ascii=False)
    return Response(body, status, {**ORIGINS, **NOSNIFF, "Vary": "Accept-Language"}, "application/json")


def bounds(error: Mapping[str, Any]) -> str:
    """What a value may be, of an error of pydantic's; if that has no bounds, where it is described."""
    match error.get("ctx"):
        case {"le": most} | {"lt": most}:
            return say("At most {most}.", most=most)
        case {"ge": least} | {"gt": least}:
            return say("At least {least}.", least=least)
        case {"max_length": most} if error["type"] == "string_too_long":
            return say("At most {count} letter.", "At most {count} letters.", count=most)
        case {"max_length": most}:
            return say("At most {most} of them.", most=most)
    return say("What it has to be is described at {address}.", address=Verbatim("/api"))


def asked_for(header: str) -> Language:
    return next((language(one) for one in preferred(header) if one in available()), ENGLISH)


def of_record(projection: Projection, identifier: str) -> PublicRecord | Response:
    """What is public under an identifier; or the answer that it was withdrawn. Raises `NotInArchive`."""
    found = record(projection, identifier)
    if isinstance(found, Withdrawn):
        return Response(BODY.dump_json(found), 410, {**ORIGINS, **NOSNIFF}, "application/json")
    return there(found)
