"""What the sample pages are put together from. People, and all the rest, are invented."""

from datetime import UTC, date, datetime

from oberih.i18n import say
from oberih.web.views import (
    FigureRow,
    Picture,
    View,
    Visitor,
)

__all__ = ["ADMIN", "CUSTODIAN", "EARLIER", "FIGURES", "MAY", "NEWCOMER", "NOW", "TODAY", "Sample", "picture"]

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)

EARLIER = datetime(2026, 11, 20, 16, 5, tzinfo=UTC)

TODAY = date(2026, 11, 21)

MAY = date(2026, 5, 1)

NEWCOMER = Visitor("Мальва", frozenset({"contributor"}))
CUSTODIAN = Visitor("Ярина", frozenset({"contributor", "custodian"}))
ADMIN = Visitor("Остап", frozenset({"custodian", "admin"}))


def picture(number: int) -> Picture:
    return Picture(f"/pictures/{number}.jpg", 640, 480)


Sample = tuple[View, Visitor | None, str]
"""What a page shows, who looks at it, and its address."""

FIGURES = (
    FigureRow(say("Photos used"), "118 / 124", say("counted")),
    FigureRow(say("Error"), "4.2 mm", say("counted")),
    FigureRow(say("Scale"), "", say("counted")),
)
