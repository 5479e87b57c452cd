"""The JSON interface: what is public, as it is kept. `app` describes it (OpenAPI), `/api` explains it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from oberih.catalogue.public import (
    FIELDS,
    Box,
    Field,
    Found,
    MapView,
    Projection,
    PublicRecord,
    Sort,
    Suggestion,
    box_of,
    map_view,
    near,
    query_of,
    search,
    suggest,
)
from oberih.errors import InputError
from oberih.i18n import Verbatim, say
from oberih.web.open.addresses import identifier_of
from oberih.web.open.answers import (
    BODY,
    GONE,
    NOT_UNDERSTOOD,
    NOWHERE,
    UNCHANGED,
    Naan,
    Name,
    of_record,
    tagged,
)

__all__ = ["API", "Filters", "Part", "Text", "Zoom", "filters_of", "interface"]

API = "/api/v1"

Text = Annotated[
    str,
    Query(
        max_length=500, examples=["собор Чернігів", '"golden gate" -Kyiv'],
        description="Words, in any form and spelling; words in quotation marks stand in a row; those after a "
        "minus are not there. The last may be a beginning.",
    ),
]  # fmt: skip
Filters = Annotated[
    list[str],
    Query(
        max_length=60, examples=[["kind:building", "century:17"]],
        description="field:value; several of one field are alternatives. Fields: kind, century, material, "
        "licence, collection, region, language, available",
    ),
]  # fmt: skip
Cell = Annotated[
    str | None, Query(pattern="^8[0-9a-f]{14}$", description="an H3 cell of the map: what it shows")
]
Zoom = Annotated[int, Query(ge=0, le=24, description="of a web map")]


def box_in(
    south: Annotated[float, Query(ge=-90, le=90, description="degrees", examples=[51.4])],
    west: Annotated[float, Query(ge=-180, le=180, description="degrees", examples=[31.1])],
    north: Annotated[float, Query(ge=-90, le=90, description="degrees", examples=[51.6])],
    east: Annotated[float, Query(ge=-180, le=180, description="degrees", examples=[31.5])],
) -> Box:
    return box_of(south=south, west=west, north=north, east=east)


Part = Annotated[Box, Depends(box_in)]


def interface(projection: Projection) -> APIRouter:
    """Searching, records, words, the map."""
    api = APIRouter(tags=["records"])

    def answer(request: Request, value: Any) -> Response:
        return tagged(request, BODY.dump_json(value), "application/json")

    @api.get(
        "/records", summary="Search records", response_model=Found[PublicRecord],
        responses={**UNCHANGED, **NOT_UNDERSTOOD},
    )  # fmt: skip
    def records(
        request: Request,
        text: Text = "",
        filter: Filters = [],  # noqa: A002, B006
        cell: Cell = None,
        sort: Annotated[Sort | None, Query(description="relevance if there is a text, else newest")] = None,
        language: Annotated[Literal["en", "uk"], Query(description="of the order of titles")] = "en",
        size: Annotated[int, Query(ge=1, le=100)] = 24,
        cursor: Annotated[str | None, Query(max_length=1000, description="`next` of the page before")] = None,
        facets: Annotated[bool, Query(description="count, and count by facets")] = True,
    ) -> Response:
        """A page of what was found. To go on, ask the same with `cursor`."""
        asked = query_of(
            text=text, filters=filters_of(filter), cell=cell, sort=sort, language=language, size=size,
            cursor=cursor, facets=facets,
        )  # fmt: skip
        return answer(request, search(projection, asked))

    @api.get(
        "/records/{naan}/{name}", summary="One record", response_model=PublicRecord,
        responses={**UNCHANGED, **NOWHERE, **GONE, **NOT_UNDERSTOOD},
    )  # fmt: skip
    def one(request: Request, naan: Naan, name: Name) -> Response:
        """All that is public of one subject. Its files lie below `/files/`."""
        found = of_record(projection, identifier_of(naan, name))
        return found if isinstance(found, Response) else answer(request, found)

    @api.get(
        "/records/{naan}/{name}/near", summary="Records of the same part of the map",
        response_model=tuple[PublicRecord, ...], responses={**UNCHANGED, **NOWHERE, **GONE, **NOT_UNDERSTOOD},
    )  # fmt: skip
    def neighbours(request: Request, naan: Naan, name: Name) -> Response:
        """By the cells that are public: nothing is near by what nobody may know."""
        found = of_record(projection, identifier_of(naan, name))
        return found if isinstance(found, Response) else answer(request, near(projection, found.id))

    @api.get(
        "/suggest", summary="Words that begin so", response_model=tuple[Suggestion, ...],
        responses={**UNCHANGED, **NOT_UNDERSTOOD},
    )  # fmt: skip
    def words(request: Request, text: Annotated[str, Query(max_length=200, examples=["черн"])]) -> Response:
        """Words of public records that begin as the text ends, the commonest first."""
        return answer(request, suggest(projection, text))

    @api.get(
        "/map", summary="Cells of a part of the map", response_model=MapView,
        responses={**UNCHANGED, **NOT_UNDERSTOOD},
    )  # fmt: skip
    def cells(
        request: Request,
        box: Part,
        zoom: Zoom = 6,
        text: Text = "",
        filter: Filters = [],  # noqa: A002, B006
    ) -> Response:
        """How many records each H3 cell shows, no finer than each of them may be known."""
        query = query_of(text=text, filters=filters_of(filter))
        return answer(request, map_view(projection, box, zoom, query))

    return api


def filters_of(given: list[str]) -> dict[Field, tuple[str, ...]]:
    """``field:value``, several of one field are alternatives."""
    filters: dict[str, list[str]] = {}
    for one in given:
        field, colon, value = one.partition(":")
        if not colon:
            raise InputError("A filter has a field and a value.", "Write it as field:value.")
        filters.setdefault(field, []).append(value)
    try:
        return query_of(filters=filters).filters
    except InputError as error:  # it calls them as the query does, not as the address
        raise InputError(
            say("This is not as it has to be: {part}.", part=Verbatim("filter")),
            say("Fields: {fields}.", fields=Verbatim(", ".join(FIELDS))),
        ) from error
