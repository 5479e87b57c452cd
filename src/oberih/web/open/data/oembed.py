"""oEmbed (https://oembed.com): what another site shows where somebody put the address of a record."""

import re
from html import escape
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from oberih.catalogue.public import PublicRecord
from oberih.catalogue.public.records import LEVELS
from oberih.web.open.addresses import embed_of, file_of, host_of
from oberih.web.open.data.mapping import largest

__all__ = ["OEmbed", "embedded", "identifier_in"]

WIDTH, HEIGHT = 800, 600
OURS = re.compile(r"/(?:records/|embed/|ark:/?)([0-9a-z]{5,9}/[0-9a-z]{1,40})/?")


class OEmbed(BaseModel):
    """An answer of oEmbed 1.0."""

    type: Literal["rich", "photo", "link"]
    version: Literal["1.0"] = "1.0"
    title: str
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
    return f"ark:/{found[1]}" if found else ""


def split(url: str) -> tuple[str, str, str] | None:
    """Scheme, host with its port, and path."""
    try:
        parts = urlsplit(url)
        return parts.scheme, f"{parts.hostname or ''}:{parts.port or ''}", parts.path
    except ValueError:
        return None


def embedded(record: PublicRecord, address: str, most_wide: int, most_high: int) -> OEmbed:
    """The model in a frame; without one its picture, or else a link."""
    told: dict[str, Any] = {
        "title": record.title(), "provider_name": f"Oberih, {host_of(address)}", "provider_url": address,
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
        width, height = min(WIDTH, most_wide), min(HEIGHT, most_high)
        frame = (
            f'<iframe src="{embed_of(address, record.id)}" width="{width}" height="{height}"'
            f' title="{escape(record.title())}" allow="fullscreen; xr-spatial-tracking" loading="lazy"'
            ' style="border:0"></iframe>'
        )
        return OEmbed(type="rich", html=frame, width=width, height=height, **told)
    if poster is not None and poster.size_px:
        width, height = poster.size_px
        return OEmbed(type="photo", url=file_of(address, poster.path), width=width, height=height, **told)
    return OEmbed(type="link", **told)


def fits(size: tuple[int, int] | None, most_wide: int, most_high: int) -> bool:
    return size is not None and size[0] <= most_wide and size[1] <= most_high
