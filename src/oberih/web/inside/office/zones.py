"""Danger zones: where nobody is sent, and from where uploads are set aside.

A zone is of no collection: whoever leads or decides anywhere may add one, since that only makes people safer.
To end one takes the right everywhere.
"""

from datetime import UTC, datetime
from typing import Annotated

import shapely
from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import or_, select

from oberih.catalogue.access import Action
from oberih.catalogue.tables import Zone as Row
from oberih.errors import InputError
from oberih.i18n import say
from oberih.trust.zones import MOST_MARGIN_M, scale
from oberih.trust.zones import Zone as Area
from oberih.web.inside.desk import Asks, asks, go
from oberih.web.inside.forms import Given, InForm
from oberih.web.inside.office.common import day_of, start_of, unseen
from oberih.web.sketches import geometry
from oberih.web.views import Zone, ZonesPage

__all__ = ["router"]

router = APIRouter()
Manager = Annotated[Asks, Depends(asks(Action.MANAGE_ZONES))]
FIELDS = ("name", "polygon", "margin", "begins", "ends", "reason")
LONGEST_NAME = 200


@router.get("/zones")
def listed(request: Request, who: Annotated[Asks, Depends(asks(Action.SEE_ZONES))]) -> Response:
    return who.page(request, ZonesPage(zones(who), may_end=who.may(Action.MANAGE_ZONES)))


@router.post("/zones")
def added(request: Request, who: Manager, sent: InForm) -> Response:
    errors: dict[str, str] = {}
    row = row_of(sent, errors)
    if row is None:
        values = {name: sent(name) for name in FIELDS}
        page = ZonesPage(zones(who), values, errors, may_end=who.may(Action.MANAGE_ZONES))
        return who.desk.page(request, page, asks=who.present, status=422)
    with who.desk.service.database.writing(who.who.actor, "mark zone", row.reason) as session:
        session.add(row)
    return go("/zones")


@router.post("/zones/{zone}/end")
def ended(zone: str, who: Manager) -> Response:
    who.demand(Action.MANAGE_ZONES)
    with who.desk.service.database.writing(who.who.actor, "end zone") as session:
        found = session.get(Row, zone, with_for_update=True)
        if found is None:
            raise unseen()
        found.withdrawn = found.withdrawn or datetime.now(UTC)
    return go("/zones")


def zones(who: Asks) -> tuple[Zone, ...]:
    """Those that hold, or will."""
    today = start_of(datetime.now(UTC).date())
    asked = select(Row).where(Row.withdrawn.is_(None), or_(Row.ends.is_(None), Row.ends >= today))
    with who.desk.service.database.reading() as session:
        rows = session.scalars(asked.order_by(Row.created.desc(), Row.id)).all()
    return tuple(
        Zone(
            one.id, one.name, one.polygon, one.margin_m, area_km2(one), one.reason, one.begins, one.ends
        )
        for one in rows
    )  # fmt: skip


def area_km2(row: Row) -> float:
    """Without its margin, to some per cent: with the scale in its middle."""
    area = Area.from_geojson(row.id, row.polygon, row.reason).area
    east_m, north_m = scale(shapely.centroid(area).y)
    return float(area.area * east_m * north_m / 1e6)


def row_of(sent: Given, errors: dict[str, str]) -> Row | None:
    """The zone that a form describes; None if ``errors`` says what is wrong with it."""
    name, reason = sent("name").strip(), sent("reason").strip()
    if not name or len(name) > LONGEST_NAME:
        errors["name"] = say("The zone needs a name of at most {most} letters.", most=LONGEST_NAME)
    if not reason:
        errors["reason"] = say("Say in a sentence or two why people must keep out.")
    days = {}
    for field in ("begins", "ends"):
        try:
            days[field] = day_of(sent(field))
        except InputError as error:
            errors[field] = error.message
    margin = margin_m(sent("margin"))
    if margin is None:
        errors["margin"] = say("The margin is a number of metres from 0 to {most}.", most=int(MOST_MARGIN_M))
    try:
        area = Area.from_geojson(name, geometry(sent("polygon")), reason or "?")
    except InputError as error:
        errors["polygon"] = error.message
    if errors or margin is None:
        return None
    try:
        Area(name, area.area, reason, days["begins"], days["ends"])
    except InputError as error:
        errors["ends" if days["ends"] else "reason"] = error.message
        return None
    return Row(
        name=name, polygon=area.geojson, margin_m=margin, reason=reason, begins=start_of(days["begins"]),
        ends=start_of(days["ends"]),
    )  # fmt: skip


def margin_m(text: str) -> float | None:
    try:
        value = float(text.replace(",", ".") or 0)
    except ValueError:
        return None
    return value if 0 <= value <= MOST_MARGIN_M else None
