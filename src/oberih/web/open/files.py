"""The public files: models, pictures, downloads."""

from collections.abc import Iterator, Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from oberih.archive.stores import Store
from oberih.errors import NotInArchive
from oberih.web.open.answers import MISSING, ORIGINS
from oberih.web.pages import FILES_POLICY, HEADERS

__all__ = ["public_files"]

FILES_LIVE = "public, max-age=3600"

TYPES: Mapping[str, str] = {
    "glb": "model/gltf-binary", "usdz": "model/vnd.usdz+zip", "jpg": "image/jpeg", "webp": "image/webp",
    "png": "image/png", "json": "application/json", "zip": "application/zip", "stl": "model/stl",
}  # fmt: skip


def public_files(files: Store) -> APIRouter:
    """``/files``: what was made for the public, as it lies in the store."""
    made = APIRouter(include_in_schema=False)

    @made.get("/files/{path:path}")
    @made.head("/files/{path:path}")
    def file(request: Request, path: str) -> Response:
        try:
            stat = files.stat(path)
        except (KeyError, ValueError) as error:
            raise NotInArchive(*MISSING) from error
        kind = media_type(path)
        headers = {
            **HEADERS, **ORIGINS, "Cache-Control": FILES_LIVE, "Content-Length": str(stat.size),
            "Content-Disposition": "inline" if kind.startswith(("image/", "model/")) else "attachment",
            "Content-Security-Policy": FILES_POLICY,
        }  # fmt: skip
        if request.method == "HEAD":
            return Response(headers=headers, media_type=kind)
        return StreamingResponse(chunks(files, path), headers=headers, media_type=kind)

    return made


def media_type(path: str) -> str:
    return TYPES.get(path.rpartition(".")[2], "application/octet-stream")


def chunks(files: Store, path: str) -> Iterator[bytes]:
    yield from files.stream(path)
