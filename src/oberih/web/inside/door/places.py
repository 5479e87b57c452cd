"""What collections are called, for the pages of people."""

from collections.abc import Iterable

from fastapi import Request

from oberih.catalogue.access import EVERYWHERE
from oberih.catalogue.accounts import GrantRow
from oberih.catalogue.tables import Collection
from oberih.web.inside.desk import Desk
from oberih.web.views import Grant

__all__ = ["shown_grants", "title_of"]


def title_of(desk: Desk, request: Request, collection: str) -> str:
    """The title in the language of the page, or in any other; else the identifier."""
    with desk.service.database.reading() as session:
        found = session.get(Collection, collection)
    titles = found.titles if found is not None else {}
    spoken = desk.pages.language_for(
        kept=request.cookies.get("language", ""), accepted=request.headers.get("Accept-Language", "")
    )
    return str(titles.get(spoken.code) or next(iter(titles.values()), collection))


def shown_grants(desk: Desk, request: Request, rows: Iterable[GrantRow]) -> tuple[Grant, ...]:
    return tuple(
        Grant(
            one.id,
            one.role,
            "" if one.collection == EVERYWHERE else title_of(desk, request, one.collection),
            one.until,
        )
        for one in rows
    )
