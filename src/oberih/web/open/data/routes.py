"""Where one record is asked for in the words of others."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from oberih.catalogue.public import Projection, PublicRecord
from oberih.errors import InputError, NotInArchive
from oberih.i18n import say
from oberih.web.open.addresses import DATA, DataName, House, identifier_of
from oberih.web.open.answers import (
    BODY,
    GONE,
    LIVES,
    MISSING,
    NOT_UNDERSTOOD,
    NOWHERE,
    ORIGINS,
    UNCHANGED,
    Naan,
    Name,
    Problem,
    of_record,
    problem,
    tagged,
)
from oberih.web.open.data.citing import bibtex, ris, sentence
from oberih.web.open.data.iiif import manifest as iiif_manifest
from oberih.web.open.data.iiif import scene_manifest
from oberih.web.open.data.links import header_of, links_of
from oberih.web.open.data.mapping import as_dublin_core, as_edm, as_lido, as_schema_org
from oberih.web.open.data.oembed import OEmbed, as_xml, embedded, identifier_in
from oberih.web.open.data.resolving import place_of

__all__ = ["data_routes"]

Writer = Callable[[PublicRecord, House], Any]  # -> text, bytes, JSON; None: there is none

WRITERS: Mapping[DataName, tuple[str, Writer]] = {
    "schema.jsonld": ("application/ld+json", as_schema_org),
    "edm.rdf": ("application/rdf+xml", as_edm),
    "lido.xml": ("application/xml", as_lido),
    "dc.xml": ("application/xml", as_dublin_core),
    "citation.bib": ("application/x-bibtex", bibtex),
    "citation.ris": ("application/x-research-info-systems", ris),
    "citation.txt": ("text/plain", sentence),
    "iiif.json": ("application/json", iiif_manifest),
    "iiif4.json": ("application/json", scene_manifest),
}
KINDS: dict[str, Any] = {kind: {"schema": {"type": "string"}} for kind, _ in WRITERS.values()}
KINDS["application/json"] = KINDS["application/ld+json"] = {"schema": {"type": "object"}}


def data_routes(projection: Projection, house: House) -> APIRouter:
    """By the persistent identifier, in the words of others, and for other sites."""
    made, address = APIRouter(tags=["data"]), house.address

    def resolved(request: Request, naan: Naan, name: Name) -> Response:
        """To the page or the data, as ``Accept`` asks. Hyphens and capitals in an ARK mean nothing."""
        found = of_record(projection, identifier_of(naan, name.replace("-", "").lower()))
        if isinstance(found, Response):
            return found
        headers = {
            "Location": place_of(found.id, request.headers.get("Accept", "")), "Vary": "Accept",
            "Cache-Control": LIVES, "Link": header_of(links_of(found, address)), **ORIGINS,
        }  # fmt: skip
        return Response(status_code=303, headers=headers)

    made.get(
        "/ark:/{naan}/{name}", summary="What a persistent identifier leads to", status_code=303,
        response_class=Response,
        responses={
            303: {"description": "See there: a page, or data, as Accept asks"},
            **NOWHERE, **GONE, **NOT_UNDERSTOOD,
        },
    )(resolved)  # fmt: skip
    for form in (
        "/ark:{naan}/{name}",
        "/ark:/{naan}/{name}/",
        "/ark:{naan}/{name}/",
    ):  # since 2018, and typed
        made.get(form, include_in_schema=False)(resolved)

    @made.get(
        f"{DATA}/{{naan}}/{{name}}/{{form}}", summary="One record in another standard",
        response_class=Response,
        responses={200: {"content": KINDS, "description": "The record"}, **UNCHANGED, **NOWHERE, **GONE,
                   **NOT_UNDERSTOOD},
    )  # fmt: skip
    def data(request: Request, naan: Naan, name: Name, form: DataName) -> Response:
        found = of_record(projection, identifier_of(naan, name))
        if isinstance(found, Response):
            return found
        kind, write = WRITERS[form]
        try:
            written = write(found, house)
        except InputError as error:  # Europeana does not take these rights
            raise NotInArchive(error.message, error.advice) from error
        if written is None:
            raise NotInArchive(*MISSING)
        body = BODY.dump_json(written) if isinstance(written, dict) else written
        return tagged(request, body.encode() if isinstance(body, str) else body, kind)

    @made.get(
        "/oembed", summary="What another site shows of a record (oEmbed)", response_model=OEmbed,
        responses={
            200: {"content": {"text/xml": {"schema": {"type": "string"}}}}, **UNCHANGED, **NOWHERE, **GONE,
            **NOT_UNDERSTOOD, 501: {"model": Problem, "description": "Another format than JSON and XML"},
        },
    )  # fmt: skip
    def oembed(
        request: Request,
        url: Annotated[str, Query(max_length=1000, examples=["https://heritage.example/records/99999/b1x"])],
        maxwidth: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
        maxheight: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
        form: Annotated[str, Query(alias="format", max_length=20, description="json or xml")] = "json",
    ) -> Response:
        if form not in ("json", "xml"):
            return problem(request, 501, say("There is no such format."), say("Ask with format=json or xml."))
        found = of_record(projection, identifier_in(url, address))
        if isinstance(found, Response):
            return found
        told = embedded(found, house, maxwidth, maxheight)
        if form == "xml":
            return tagged(request, as_xml(told), "text/xml")
        return tagged(request, told.model_dump_json(exclude_none=True).encode(), "application/json")

    return made
