"""Records become public, change, and cease to be: each in one transaction, and as often as anybody tries.

`publish` the same record twice and nothing changes; `withdraw` it and what remains is a tombstone; `load`
makes everything anew. A step that comes late, with an older version or after a withdrawal, brings nothing
back.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, text, update

from oberih.archive.metadata import is_taken_by_europeana
from oberih.catalogue.public.indexing import (
    Indexed,
    body_of,
    glance_of,
    indexed,
    rank_of,
    rank_tokens,
)
from oberih.catalogue.public.records import PublicRecord, Withdrawn
from oberih.catalogue.public.tables import (
    FILLED,
    FTS5,
    GIN,
    SCHEMA,
    Projection,
    bodies,
    cells,
    changes,
    documents,
    forms,
    months,
    now_of,
    relations,
    state,
    sums,
    terms,
    withdrawn,
)
from oberih.catalogue.public.tallies import Tally
from oberih.errors import Conflict
from oberih.i18n import say

__all__ = ["load", "publish", "tidy", "withdraw"]

BATCH = 2_000  # records that `load` has in memory at a time


def publish(projection: Projection, record: PublicRecord, *, today: date | None = None) -> bool:
    """Make a record public, or the newer version of one. False if nothing changed. ``today``: in UTC.

    Relations to what is not public are left out: publish again what was related when the other has become
    public. Raises `Conflict` if this version was withdrawn.
    """
    with projection.writing() as connection:
        before = stored(connection, record.id)
        if before is not None and before[1].version > record.version:
            return False
        grave = connection.execute(select(withdrawn.c.version).where(withdrawn.c.id == record.id)).scalar()
        if grave is not None and record.version <= grave:
            raise Conflict(
                say("Version {version} of {id} was withdrawn.", version=record.version, id=record.id),
                "To make it public again, publish it as a new version.",
            )
        record = related(record, public_among(connection, [r.id for r in record.relations]))
        if before is not None and before[1] == record:
            return False
        tally = Tally()
        if before is not None:
            remove(connection, *before, tally)
        add(connection, [record], tally)
        tally.write(connection)
        connection.execute(delete(withdrawn).where(withdrawn.c.id == record.id))
        connection.execute(delete(changes).where(changes.c.id == record.id))
        put(connection, changes, [changed(record, day_of(today))])
        return True


def withdraw(projection: Projection, identifier: str, month: str, *, today: date | None = None) -> bool:
    """Take a record out of everything public; ``month`` (YYYY-MM) is when. False if it was not public.

    Its words vanish from the files with the next `tidy`, which may take seconds.
    """
    day = day_of(today)
    with projection.writing() as connection:
        before = stored(connection, identifier)
        if before is None:
            return False
        tally = Tally()
        remove(connection, *before, tally)
        tally.write(connection)
        sources = select(relations.c.source).where(relations.c.target == identifier)
        for source in connection.execute(sources).scalars().all():
            forget_relation(connection, source, identifier)
            connection.execute(update(changes).where(changes.c.id == source).values(day=day))
        connection.execute(delete(relations).where(relations.c.target == identifier))
        grave = Withdrawn(id=identifier, version=before[1].version, month=month)
        connection.execute(insert(withdrawn), grave.model_dump())
        connection.execute(update(changes).where(changes.c.id == identifier).values(buried(identifier, day)))
    return True


def load(
    projection: Projection, records: Iterable[PublicRecord], graves: Iterable[Withdrawn] = (), *,
    today: date | None = None,
) -> int:  # fmt: skip
    """Make everything anew from ``records``, each identifier once. Returns how many there are.

    It is one transaction: until it ends, and if it fails, what was there before stands, and those who read
    wait. ``records``, and then ``graves``, are asked for in it: who publishes meanwhile does so after it. The
    tables themselves have to be there (`create`). All of it has changed today: what was there before is not
    known any more.
    """
    count, day = 0, day_of(today)
    with projection.writing() as connection:
        empty(connection)
        tally = Tally()
        incoming = iter(records)
        while batch := list(islice(incoming, BATCH)):
            add(connection, batch, tally)
            put(connection, changes, [changed(record, day) for record in batch])
            count += len(batch)
        tally.write(connection)
        keep_public_relations(connection)
        if rows := [grave.model_dump() for grave in graves]:
            connection.execute(insert(withdrawn), rows)
            connection.execute(insert(changes), [buried(row["id"], day) for row in rows])
        connection.execute(delete(state).where(state.c.name == FILLED))
        connection.execute(insert(state), {"name": FILLED, "value": day})
        finish(connection)
    tidy(projection)
    return count


def tidy(projection: Projection) -> None:
    """What keeps searches fast, and lets withdrawn words vanish from the files: the index only notes that
    they are gone, until its parts are put together.
    """
    if projection.on_sqlite:
        with projection.writing() as connection:
            connection.execute(text("INSERT INTO words(words) VALUES ('optimize')"))
        return
    with projection.reading() as connection:
        apart = connection.execution_options(isolation_level="AUTOCOMMIT")
        often = (documents, forms, terms, cells, months, sums, changes)
        tables = ", ".join(f"{SCHEMA}.{table.name}" for table in often)
        apart.execute(text(f"VACUUM (ANALYZE) {tables}"))


def day_of(today: date | None) -> str:
    return (today or datetime.now(UTC).date()).isoformat()


def changed(record: PublicRecord, day: str) -> dict[str, Any]:
    """That a record is public as it is since a day."""
    return {
        "id": record.id, "day": day, "kind": record.kind,
        "collection": record.collection.id if record.collection else None,
        "edm": is_taken_by_europeana(record.rights.uri if record.rights else None),
    }  # fmt: skip


def buried(identifier: str, day: str) -> dict[str, Any]:
    """That it was withdrawn."""
    return {"id": identifier, "day": day, "kind": None, "collection": None, "edm": False}


# -- one record --------------------------------------------------------------------------------------------


def stored(connection: Connection, identifier: str) -> tuple[int, PublicRecord] | None:
    """Rank and record of what is public under an identifier."""
    found = connection.execute(
        select(bodies.c.rank, bodies.c.body)
        .join(documents, documents.c.rank == bodies.c.rank)
        .where(documents.c.id == identifier)
    ).one_or_none()
    return (found.rank, PublicRecord.model_validate_json(found.body)) if found else None


def public_among(connection: Connection, identifiers: Sequence[str]) -> set[str]:
    known = select(documents.c.id).where(documents.c.id.in_(identifiers))
    return set(connection.execute(known).scalars()) if identifiers else set()


def related(record: PublicRecord, public: set[str]) -> PublicRecord:
    """The record without relations to what is not ``public``."""
    kept = tuple(r for r in record.relations if r.id in public)
    return record if kept == record.relations else record.model_copy(update={"relations": kept})


def forget_relation(connection: Connection, source: str, target: str) -> None:
    found = stored(connection, source)
    assert found is not None  # the table of relations is kept with the records
    rank, record = found
    kept = tuple(r for r in record.relations if r.id != target)
    body = body_of(record.model_copy(update={"relations": kept}))
    connection.execute(update(bodies).where(bodies.c.rank == rank).values(body=body))


def remove(connection: Connection, rank: int, record: PublicRecord, tally: Tally) -> None:
    """Take a record out of the tables, but for the tombstone and what others say of it."""
    tally.count(indexed(record), -1)
    connection.execute(delete(documents).where(documents.c.rank == rank))
    connection.execute(delete(relations).where(relations.c.source == record.id))
    if connection.dialect.name == "sqlite":
        connection.execute(delete(bodies).where(bodies.c.rank == rank))
        connection.execute(text("DELETE FROM words WHERE rowid = :rank"), {"rank": rank})


def add(connection: Connection, records: Sequence[PublicRecord], tally: Tally) -> None:
    """Put records into the tables that are in none. Raises `ValueError` if one is more than its type."""
    written = [body_of(record) for record in records]
    records = [PublicRecord.model_validate_json(body) for body in written]
    entries = [indexed(record) for record in records]
    codes = tally.codes_of(connection, entries)
    ranks = ranks_of(connection, records, entries)
    on_sqlite = connection.dialect.name == "sqlite"
    rows, words, texts = [], [], []
    for record, body, entry, rank in zip(records, written, entries, ranks, strict=True):
        tally.count(entry, 1)
        own = [codes[facet.field, facet.value] for facet in entry.facets]
        marks = [*entry.marks, *(f"_f{code}" for code in own)]
        row = {
            "rank": rank,
            "id": record.id,
            "title_en": entry.titles["en"],
            "title_uk": entry.titles["uk"],
            "quality": entry.quality,
            "cell": entry.cell,
            "codes": b"".join(code.to_bytes(4, "little") for code in own),
            "keys": None,
            "body": None,
            "glance": None,
        }
        glance = glance_of(record)
        if on_sqlite:
            words.append({"rank": rank, "keys": " ".join([*entry.words, *marks])})
            texts.append({"rank": rank, "body": body, "glance": glance})
        else:
            keys = tsvector(entry.words, [*marks, *rank_tokens(rank)])
            row |= {"keys": keys, "body": body, "glance": glance}
        rows.append(row)
    put(connection, documents, rows)
    pairs = {(relation.id, record.id) for record in records for relation in record.relations}
    put(connection, relations, [{"target": target, "source": source} for target, source in sorted(pairs)])
    if on_sqlite:
        put(connection, bodies, texts)
        connection.execute(text("INSERT INTO words (rowid, keys) VALUES (:rank, :keys)"), words)


def ranks_of(
    connection: Connection, records: Sequence[PublicRecord], entries: Sequence[Indexed]
) -> list[int]:
    """A rank for each that no other has. Two of a month meet once in some 70 thousand million pairs."""
    secret = now_of(connection).key
    ranks = [rank_of(record.id, entry.month, secret) for record, entry in zip(records, entries, strict=True)]
    taken = set(connection.execute(select(documents.c.rank).where(documents.c.rank.in_(ranks))).scalars())
    for place, (record, entry) in enumerate(zip(records, entries, strict=True)):
        attempt = 0
        while ranks[place] in taken:
            attempt += 1
            ranks[place] = rank_of(record.id, entry.month, secret, attempt)
            taken |= set(
                connection.execute(select(documents.c.rank).where(documents.c.rank == ranks[place])).scalars()
            )
        taken.add(ranks[place])
    return ranks


def tsvector(words: Iterable[str], marks: Iterable[str]) -> str:
    """The text form of PostgreSQL's ``tsvector``: each key once, with its places."""
    places: dict[str, list[str]] = {}
    for place, word in enumerate(words, 1):
        if word != "_":
            places.setdefault(word, []).append(str(place))
    return " ".join([*(f"{word}:{','.join(where)}" for word, where in places.items()), *marks])


def put(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many rows, in the fastest way there is."""
    if not rows:
        return
    if connection.dialect.name == "sqlite" or len(rows) < 50:
        connection.execute(insert(table), rows)
        return
    columns = [column.name for column in table.columns]
    raw = connection.connection.driver_connection
    assert raw is not None
    with raw.cursor() as cursor:
        into = f"COPY {SCHEMA}.{table.name} ({', '.join(columns)}) FROM STDIN"
        with cursor.copy(into) as copy:
            for row in rows:
                copy.write_row([row[column] for column in columns])


# -- everything anew -----------------------------------------------------------------------------------------


def empty(connection: Connection) -> None:
    tables = (documents, forms, terms, cells, months, sums, relations, withdrawn, changes)
    if connection.dialect.name == "sqlite":
        for table in (*tables, bodies):
            connection.execute(delete(table))
        connection.execute(text("DROP TABLE words"))
        connection.execute(text(FTS5))
    else:
        names = ", ".join(f"{SCHEMA}.{table.name}" for table in tables)
        connection.execute(text(f"TRUNCATE {names}"))
        connection.execute(text(f"DROP INDEX {SCHEMA}.documents_keys"))


def keep_public_relations(connection: Connection) -> None:
    """Drop relations to what turned out not to be among the loaded."""
    loose = (
        select(relations.c.source, relations.c.target)
        .outerjoin(documents, documents.c.id == relations.c.target)
        .where(documents.c.id.is_(None))
    )
    for source, target in connection.execute(loose).all():
        forget_relation(connection, source, target)
        connection.execute(
            delete(relations).where(relations.c.target == target, relations.c.source == source)
        )


def finish(connection: Connection) -> None:
    """Put rows into the order in which they are read, and only then make the index."""
    if connection.dialect.name != "sqlite":
        connection.execute(text("SET LOCAL maintenance_work_mem = '256MB'"))
        connection.execute(text(f"CLUSTER {SCHEMA}.documents USING documents_pkey"))
        connection.execute(text(GIN))
