"""Open data: what is public in the words of libraries, museums, search engines and scholars.

Everything here is written from public records alone, and holds no more than they do.
"""

from fastapi import APIRouter, Request, Response

from oberih.catalogue.public import Projection, newest
from oberih.web.open.addresses import House, tail
from oberih.web.open.data.bulk import bulk_routes
from oberih.web.open.data.citing import bibtex, ris, sentence
from oberih.web.open.data.json_ld import json_ld
from oberih.web.open.data.links import Link, header_of, links_of
from oberih.web.open.data.oai import Repository, oai_pmh
from oberih.web.open.data.routes import data_routes
from oberih.web.pages import Pages
from oberih.web.views import DataPage

__all__ = ["Link", "bibtex", "header_of", "json_ld", "links_of", "open_data", "ris", "sentence"]


def open_data(projection: Projection, pages: Pages, house: House) -> APIRouter:
    """All routes."""
    made = APIRouter()
    made.include_router(oai_pmh(Repository(projection, house)))
    made.include_router(data_routes(projection, house))
    made.include_router(bulk_routes(projection, house))

    @made.get("/api", include_in_schema=False)
    def explained(request: Request) -> Response:
        examples = [DataPage(tail(one.id)) for one in newest(projection, 1)]
        return pages.response(request, examples[0] if examples else DataPage(), knows_visitor=False)

    return made
