"""The viewer of a record: on its page, and alone for a frame of any other site.

<iframe src="https://heritage.example/embed/99999/b1xyz" title="A mill" width="640" height="480"></iframe>
"""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from oberih.catalogue.public import LEVELS, Glance, GlanceFile, Projection, PublicFile, PublicRecord, record
from oberih.errors import NotInArchive
from oberih.web.open.addresses import api_of, file_of, identifier_of, page_of
from oberih.web.open.answers import MISSING, there
from oberih.web.pages import Pages
from oberih.web.views import EmbedPage, Picture, Viewer

__all__ = ["embedded", "poster_of", "viewer_of"]


def viewer_of(found: PublicRecord) -> Viewer | None:
    """What shows the record's model in 3D; None if there is none."""
    if found.scene is None or not found.files_for(*LEVELS, "tiles"):
        return None
    return Viewer(api_of("", found.id), dict(found.titles), poster_of(found))


def poster_of(found: PublicRecord | Glance) -> Picture | None:
    """The picture of the model, in all its sizes."""
    files: Sequence[PublicFile | GlanceFile] = found.files_for("poster")
    if not files:
        return None
    *others, largest = sorted(files, key=lambda one: one.size_px or (0, 0))
    width, height = largest.size_px or (1200, 900)
    smaller = tuple((file_of("", one.path), one.size_px[0]) for one in others if one.size_px)
    return Picture(file_of("", largest.path), width, height, others=smaller)


def embedded(projection: Projection, pages: Pages) -> APIRouter:
    """``/embed``: the viewer, and who is to be named."""
    made = APIRouter(include_in_schema=False)

    @made.get("/embed/{naan}/{name}")
    def embed(request: Request, naan: str, name: str) -> Response:
        found = there(record(projection, identifier_of(naan, name)))
        viewer = viewer_of(found)
        if viewer is None:
            raise NotInArchive(*MISSING)
        rights = found.rights
        credit = (rights.credit or rights.holder or "") if rights else ""
        page = EmbedPage(viewer, page_of(pages.address, found.id), credit, rights.uri if rights else "")
        return pages.response(request, page, knows_visitor=False)

    return made
