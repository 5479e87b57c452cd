"""The public files: models, pictures, downloads."""

import hmac
import re
from collections.abc import Iterator, Mapping
from functools import cache

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from oberih.archive.stores import Stat, Store
from oberih.catalogue.public import Projection
from oberih.catalogue.public.tables import now_of
from oberih.errors import NotInArchive
from oberih.web.open.answers import MISSING, ORIGINS
from oberih.web.pages import FILES_POLICY, HEADERS

__all__ = ["public_files"]

FILES_LIVE = "public, max-age=3600"
RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")

TYPES: Mapping[str, str] = {
    "glb": "model/gltf-binary", "usdz": "model/vnd.usdz+zip", "jpg": "image/jpeg", "webp": "image/webp",
    "png": "image/png", "json": "application/json", "zip": "application/zip", "stl": "model/stl",
}  # fmt: skip


def public_files(files: Store, projection: Projection) -> APIRouter:
    """``/files``: what was made for the public, as it lies in the store. A download that broke off goes on
    where it was (RFC 9110, one range of bytes).
    """
    made = APIRouter(include_in_schema=False)

    @cache
    def key() -> bytes:
        with projection.reading() as connection:
            return now_of(connection).key

    def tag_of(stat: Stat) -> str:
        """Its ETag. The store's own tag may be a time, and to the public times are months: it is sealed."""
        told = hmac.digest(key(), f"{stat.key} {stat.tag}".encode(), "sha256")
        return f'"{told[:16].hex()}"'

    @made.get("/files/{path:path}")
    @made.head("/files/{path:path}")
    def file(request: Request, path: str) -> Response:
        try:
            stat = files.stat(path)
        except (KeyError, ValueError) as error:
            raise NotInArchive(*MISSING) from error
        kind, tag = media_type(path), tag_of(stat)
        headers = {
            **HEADERS, **ORIGINS, "Cache-Control": FILES_LIVE, "ETag": tag, "Accept-Ranges": "bytes",
            "Content-Disposition": "inline" if kind.startswith(("image/", "model/")) else "attachment",
            "Content-Security-Policy": FILES_POLICY,
        }  # fmt: skip
        unless = request.headers.get("If-None-Match", "")
        if tag in unless or unless.strip() == "*":
            return Response(status_code=304, headers=headers)
        whole = {**headers, "Content-Length": str(stat.size)}
        if request.method == "HEAD":
            return Response(headers=whole, media_type=kind)
        wanted = None
        if request.headers.get("If-Range", tag) == tag:
            wanted = wanted_of(request.headers.get("Range", ""), stat.size)
        if wanted is None:
            return StreamingResponse(chunks(files, path, range(stat.size)), headers=whole, media_type=kind)
        if not wanted:
            return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{stat.size}"})
        part = {
            **headers, "Content-Length": str(len(wanted)),
            "Content-Range": f"bytes {wanted.start}-{wanted.stop - 1}/{stat.size}",
        }  # fmt: skip
        return StreamingResponse(chunks(files, path, wanted), 206, part, kind)

    return made


def wanted_of(header: str, size: int) -> range | None:
    """The bytes that a Range header asks for; empty: there are none such; None: all, as it asks for no part,
    or for more than one.
    """
    found = RANGE.fullmatch(header.strip())
    first, last = found.groups() if found else ("", "")
    if first:
        end = min(size, int(last) + 1) if last else size
        return None if last and int(last) < int(first) else range(min(int(first), size), end)
    return range(max(0, size - int(last)), size) if last else None


def media_type(path: str) -> str:
    return TYPES.get(path.rpartition(".")[2], "application/octet-stream")


def chunks(files: Store, path: str, wanted: range) -> Iterator[bytes]:
    left = len(wanted)
    for piece in files.stream(path, wanted.start):
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return
