"""What is counted over all records, and so need not be counted when somebody asks."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from oberih.catalogue.public.indexing import Facet, Indexed, code_of, middle
from oberih.catalogue.public.tables import cells, forms, months, sums, terms

__all__ = ["Tally"]

BATCH = 10_000  # rows in one statement


@dataclass
class Tally:
    """By how much the numbers of words, facets, cells and months change."""

    forms: Counter[str] = field(default_factory=Counter)  # as written
    read: dict[str, tuple[str, str]] = field(default_factory=dict)  # as written -> folded, key
    terms: Counter[tuple[str, str]] = field(default_factory=Counter)  # field, value
    cells: Counter[tuple[int, int]] = field(default_factory=Counter)  # level, cell
    months: Counter[int] = field(default_factory=Counter)
    sums: Counter[tuple[str, str]] = field(default_factory=Counter)  # of what, name
    labels: dict[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    codes: dict[tuple[str, str], int] = field(default_factory=dict)

    def count(self, entry: Indexed, by: int) -> None:
        (self.forms.update if by > 0 else self.forms.subtract)(entry.forms.keys())
        self.read |= entry.forms
        for facet in entry.facets:
            self.terms[facet.field, facet.value] += by
            if by > 0:
                self.labels[facet.field, facet.value] = facet.labels
        for cell in entry.cells:
            self.cells[cell] += by
        self.months[entry.month] += by
        for name, amount in entry.sums.items():
            self.sums[name] += by * amount

    def codes_of(self, connection: Connection, entries: Sequence[Indexed]) -> dict[tuple[str, str], int]:
        """Codes of all values of facets; those that are new get one."""
        facets = {(facet.field, facet.value): facet for entry in entries for facet in entry.facets}
        unknown = facets.keys() - self.codes.keys()
        if not unknown:
            return self.codes
        asked = select(terms.c.id).where(terms.c.field == bindparam("f"), terms.c.value == bindparam("v"))
        new: list[Facet] = []
        for name, value in sorted(unknown):
            found = connection.execute(asked, {"f": name, "v": value}).scalar()
            if found is None:
                new.append(facets[name, value])
            else:
                self.codes[name, value] = found
        for facet in new:
            last = select(func.max(terms.c.id)).where(terms.c.field == facet.field)
            highest = connection.execute(last).scalar()
            code = code_of(facet.field, 1) if highest is None else highest + 1
            self.codes[facet.field, facet.value] = code
            row = {"id": code, "field": facet.field, "value": facet.value, "labels": "{}", "total": 0}
            connection.execute(insert(terms), row)
        return self.codes

    def write(self, connection: Connection) -> None:
        """Change the tables. Rows of which nothing is left go."""
        change(connection, forms, [
            {"shown": shown, "folded": self.read[shown][0], "key": self.read[shown][1], "total": n}
            for shown, n in self.forms.items()
        ])  # fmt: skip
        places = [(level, cell, *middle(cell), n) for (level, cell), n in self.cells.items()]
        names = ("level", "cell", "lat", "lon", "total")
        change(connection, cells, [dict(zip(names, place, strict=True)) for place in places])
        change(connection, months, [{"month": month, "total": n} for month, n in self.months.items()])
        rows = [{"of": of, "name": name, "total": n} for (of, name), n in self.sums.items()]
        change(connection, sums, rows)
        changed = update(terms).where(terms.c.field == bindparam("f"), terms.c.value == bindparam("v"))
        for (name, value), n in sorted(self.terms.items()):
            values: dict[str, Any] = {"total": terms.c.total + n}
            if (name, value) in self.labels:
                values["labels"] = json.dumps(self.labels[name, value], ensure_ascii=False)
            connection.execute(changed.values(values), {"f": name, "v": value})
        connection.execute(delete(terms).where(terms.c.total <= 0))


def change(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add ``total`` to that of rows that are there; others are made, and those that come to nothing go."""
    upsert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = upsert(table)
    statement = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={"total": table.c.total + statement.excluded.total},
    )
    own = [column.name for column in table.primary_key.columns]
    gone = delete(table).where(
        table.c.total <= 0, *(table.c[name] == bindparam(f"old_{name}") for name in own)
    )
    for first in range(0, len(rows), BATCH):
        batch = [row for row in rows[first : first + BATCH] if row["total"]]
        fewer = [{f"old_{name}": row[name] for name in own} for row in batch if row["total"] < 0]
        if batch:
            connection.execute(statement, batch)
        if fewer:
            connection.execute(gone, fewer)
