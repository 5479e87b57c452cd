"""What the public may know, as a store of its own: records, publishing into it, search and map.

It is made from the catalogue and knows nothing of it. Public types have no field for a secret (`records`);
every search, number, order, page and map is computed from public values only, and the same on SQLite and
PostgreSQL.
"""

from oberih.catalogue.public.asking import Query, Sort, query_of
from oberih.catalogue.public.indexing import FIELDS, Field
from oberih.catalogue.public.maps import Box, MapCell, MapView, box_of, map_view, near
from oberih.catalogue.public.publishing import load, publish, tidy, withdraw
from oberih.catalogue.public.records import (
    Kind,
    PublicCollection,
    PublicFile,
    PublicIdentifier,
    PublicPeriod,
    PublicPerson,
    PublicPlace,
    PublicRecord,
    PublicRelation,
    PublicRights,
    PublicTerm,
    Quality,
    Withdrawn,
)
from oberih.catalogue.public.searching import FacetCount, Found, Suggestion, etag, record, search, suggest
from oberih.catalogue.public.tables import (
    Projection,
    create,
    grant_reader,
    is_current,
    open_projection,
    refuse_more,
)

__all__ = [
    "FIELDS",
    "Box",
    "FacetCount",
    "Field",
    "Found",
    "Kind",
    "MapCell",
    "MapView",
    "Projection",
    "PublicCollection",
    "PublicFile",
    "PublicIdentifier",
    "PublicPeriod",
    "PublicPerson",
    "PublicPlace",
    "PublicRecord",
    "PublicRelation",
    "PublicRights",
    "PublicTerm",
    "Quality",
    "Query",
    "Sort",
    "Suggestion",
    "Withdrawn",
    "box_of",
    "create",
    "etag",
    "grant_reader",
    "is_current",
    "load",
    "map_view",
    "near",
    "open_projection",
    "publish",
    "query_of",
    "record",
    "refuse_more",
    "search",
    "suggest",
    "tidy",
    "withdraw",
]
