"""oEmbed (https://oembed.com): what another site shows where somebody put the address of a record."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from pydantic import BaseModel, Field

from oberih.catalogue.public import PublicRecord
from oberih.catalogue.public.records import LEVELS
from oberih.web.open.addresses import House, embed_of, file_of, identifier_of
from oberih.web.open.data.citing import credit
from oberih.web.open.data.mapping import largest
from oberih.web.views import FRAME_PX, frame_line

__all__ = ["OEmbed", "as_xml", "embedded", "identifier_in"]

OURS = re.compile(r"/(?:records/|embed/|ark:/?)([0-9a-z]{5,9})/([0-9a-z]{1,40})/?")


class OEmbed(BaseModel):
    """An answer of oEmbed 1.0."""

    type: Literal["rich", "photo", "link"]
    version: Literal["1.0"] = "1.0"
    title: str
    author_name: Annotated[str | None, Field(description="how whoever made it is to be named")] = None
    provider_name: str
    provider_url: str
    cache_age: Annotated[int, Field(description="seconds")] = 3600
    html: str | None = None
    url: str | None = None
    width: int | None = None
    height: int | None = None
    thumbnail_url: str | None = None
    thumbnail_width: int | None = None
    thumbnail_height: int | None = None


def identifier_in(url: str, address: str) -> str:
    """The record whose page, embed or persistent address ``url`` is; "" if it is none of ours."""
    given, own = split(url), split(address)
    if given is None or own is None or given[0] not in ("http", "https") or given[1] != own[1]:
        return ""
    found = OURS.fullmatch(given[2])
    return identifier_of(found[1], found[2]) if found else ""


def split(url: str) -> tuple[str, str, str] | None:
    """Scheme, host with its port, and path."""
    try:
        parts = urlsplit(url)
        return parts.scheme, f"{parts.hostname or ''}:{parts.port or ''}", parts.path
    except ValueError:
        return None


def embedded(record: PublicRecord, house: House, most_wide: int, most_high: int) -> OEmbed:
    """The model in a frame; without one its picture, or else a link."""
    address = house.address
    told: dict[str, Any] = {
        "title": record.title(), "author_name": credit(record) or None, "provider_name": house.archive,
        "provider_url": address,
    }  # fmt: skip
    poster = next((one for one in largest(record, "poster") if fits(one.size_px, most_wide, most_high)), None)
    small = [one for one in record.files_for("poster") if fits(one.size_px, most_wide, most_high)]
    if small:
        shown = max(small, key=lambda one: one.size_px or (0, 0))
        width, height = shown.size_px or (0, 0)
        told |= {
            "thumbnail_url": file_of(address, shown.path), "thumbnail_width": width,
            "thumbnail_height": height,
        }  # fmt: skip
    if record.files_for(*LEVELS):
        width, height = min(FRAME_PX[0], most_wide), min(FRAME_PX[1], most_high)
        frame = frame_line(embed_of(address, record.id), record.title(), (width, height))
        return OEmbed(type="rich", html=frame, width=width, height=height, **told)
    if poster is not None and poster.size_px:
        width, height = poster.size_px
        return OEmbed(type="photo", url=file_of(address, poster.path), width=width, height=height, **told)
    return OEmbed(type="link", **told)


def as_xml(told: OEmbed) -> bytes:
    """The same as XML, as oEmbed has it."""
    parts = told.model_dump(exclude_none=True).items()
    inside = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in parts)
    return f'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n<oembed>{inside}</oembed>\n'.encode()


def fits(size: tuple[int, int] | None, most_wide: int, most_high: int) -> bool:
    return size is not None and size[0] <= most_wide and size[1] <= most_high
