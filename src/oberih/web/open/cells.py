"""The map as GeoJSON: for the map's own page, and for whoever draws another."""

import json

from fastapi import APIRouter, Request, Response

from oberih.catalogue.public import Projection, map_view, query_of
from oberih.web.charts import middle, outline
from oberih.web.open.answers import NOT_UNDERSTOOD, UNCHANGED, tagged
from oberih.web.open.interface import Filters, Part, Text, Zoom, filters_of

__all__ = ["cells_interface"]

GEOJSON = "application/geo+json"


def cells_interface(projection: Projection) -> APIRouter:
    """``/map.geojson``"""
    made = APIRouter(tags=["records"])

    @made.get(
        "/map.geojson", summary="Cells of a part of the map, with their outlines", response_class=Response,
        responses={
            200: {"content": {GEOJSON: {"schema": {"type": "object"}}}}, **UNCHANGED, **NOT_UNDERSTOOD,
        },
    )  # fmt: skip
    def cells(
        request: Request,
        box: Part,
        zoom: Zoom = 6,
        text: Text = "",
        filter: Filters = [],  # noqa: A002, B006
    ) -> Response:
        """A feature's id is its H3 cell; a record lies somewhere in it, and nobody outside knows where.
        A cell across the 180th meridian goes on beyond 180 degrees.
        """
        query = query_of(text=text, unfinished=False, filters=filters_of(filter))
        seen = map_view(projection, box, zoom, query)
        features = [
            {
                "type": "Feature", "id": one.cell,
                "geometry": {"type": "Polygon", "coordinates": [ring(one.cell)]},
                "properties": {"records": one.count, "middle": middle(one.cell)[::-1]},
            }
            for one in seen.cells
        ]  # fmt: skip
        told = {"type": "FeatureCollection", "features": features, "more": seen.more, "level": seen.level}
        return tagged(request, json.dumps(told, separators=(",", ":")).encode(), GEOJSON)

    return made


def ring(cell: str) -> list[tuple[float, float]]:
    """Closed, counterclockwise (RFC 7946)."""
    corners = list(outline(cell))
    return [*corners, corners[0]]
