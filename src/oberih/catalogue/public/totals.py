"""How much there is: over all public records, from numbers that change with them. Nothing is counted here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from oberih.catalogue.public.indexing import LAST_MONTH, Field
from oberih.catalogue.public.searching import FacetCount, all_facets
from oberih.catalogue.public.tables import Projection, cells, months, sums, terms

__all__ = ["Totals", "contributors", "totals", "value_of", "values"]


@dataclass(frozen=True)
class Totals:
    """Numbers of everything public."""

    records: int
    located: int  # of them, those that the map shows
    photos: int  # of which they were made
    triangles: int
    contributors: int  # different names
    months: Mapping[str, int]  # YYYY-MM -> records that became public then, the oldest first
    facets: Mapping[Field, tuple[FacetCount, ...]]  # the commonest values of each


def totals(projection: Projection) -> Totals:
    with projection.reading() as connection:
        rows = connection.execute(select(months.c.month, months.c.total).order_by(months.c.month.desc()))
        by_month = {month_of(number): total for number, total in rows}
        mapped = select(func.coalesce(func.sum(cells.c.total), 0)).where(cells.c.level == 1)
        found = connection.execute(select(sums.c.name, sums.c.total).where(sums.c.of == "amount"))
        amounts = {name: int(total) for name, total in found}
        people = select(func.count()).where(sums.c.of == "contributor")
        return Totals(
            records=sum(by_month.values()),
            located=int(connection.execute(mapped).scalar_one()),
            photos=amounts.get("photos", 0),
            triangles=amounts.get("triangles", 0),
            contributors=int(connection.execute(people).scalar_one()),
            months=by_month,
            facets=all_facets(connection),
        )


def contributors(projection: Projection, most: int = 1_000) -> tuple[FacetCount, ...]:
    """Names of those who recorded, as records give them; those with the most records first."""
    by = (sums.c.total.desc(), sums.c.name)
    found = select(sums.c.name, sums.c.total).where(sums.c.of == "contributor").order_by(*by).limit(most)
    with projection.reading() as connection:
        return tuple(FacetCount(name, {}, int(total)) for name, total in connection.execute(found))


def values(projection: Projection, field: Field, most: int = 1_000) -> tuple[FacetCount, ...]:
    """Values of a facet over all records, the commonest first."""
    by = (terms.c.total.desc(), terms.c.value)
    found = select(terms.c.value, terms.c.labels, terms.c.total).where(terms.c.field == field)
    with projection.reading() as connection:
        rows = connection.execute(found.order_by(*by).limit(most))
        return tuple(FacetCount(value, json.loads(labels), total) for value, labels, total in rows)


def value_of(projection: Projection, field: Field, value: str) -> FacetCount | None:
    """One value of a facet; None: no record has it."""
    found = select(terms.c.labels, terms.c.total).where(terms.c.field == field, terms.c.value == value)
    with projection.reading() as connection:
        row = connection.execute(found).one_or_none()
        return FacetCount(value, json.loads(row.labels), row.total) if row else None


def month_of(number: int) -> str:
    """Of `indexing.month_number` the month."""
    year, month = divmod(LAST_MONTH - number, 12)
    return f"{year:04}-{month + 1:02}"
