"""Every change is written down, and everything comes back from the archive."""

import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from keeping import make, recording
from oberih.archive.archive import open_archive
from oberih.archive.crypt import encrypted
from oberih.archive.deposit import deposit_files
from oberih.archive.rebuild import rebuild
from oberih.catalogue.database import Base, Database
from oberih.catalogue.ledger import (
    SEALED,
    Entry,
    as_line,
    bring_in,
    entries_of,
    happened,
    keep_entries,
    kept_entries,
    replay,
)
from oberih.catalogue.rebuild import FIRST, rebuild_catalogue
from oberih.catalogue.rows import state_of
from oberih.catalogue.tables import HERITAGE, Capture, Collection, ConditionReport, Place, Rights, Subject
from oberih.errors import Conflict, Damaged, InputError, KeyNeeded

DESCRIPTION = {"schema_version": "1", "titles": {"uk": "Катерининська церква", "en": "St Catherine's Church"}}


def filled(database: Database) -> str:
    """A subject with a sealed place, a capture of it, its licence, and a report on its condition."""
    with database.writing("person-olha", "describe") as session:
        session.add(Collection(id="chernihiv", titles={"en": "Chernihiv"}))
        session.flush()
        subject = Subject(
            id="ark:/99999/c4th", collection="chernihiv", title="Church", description=DESCRIPTION
        )
        session.add(subject)
        session.flush()
        session.add(Place(id=subject.id, latitude_deg=51.4892, longitude_deg=31.3024, source="photos"))
        session.add(Capture(
            id="ark:/99999/c4pt", subject=subject.id, collection="chernihiv", person="person-petro",
            taken=datetime(2022, 4, 9, 8, 30, tzinfo=UTC), devices=["phone"],
        ))  # fmt: skip
        session.add(
            Rights(of="ark:/99999/c4pt", kind="licence", uri="https://creativecommons.org/licenses/by/4.0/")
        )
        session.add(ConditionReport(subject=subject.id, assessed=date(2022, 4, 10), grade="moderate"))
    return subject.id


def test_rows_that_are_brought_in_are_as_those_of_the_mapper(database: Database) -> None:
    """The same columns, the same entries, both as they come back from the database."""
    values = [
        (Collection, {"id": "here", "titles": {"en": "Here"}}),
        (Subject, {"id": "s", "collection": "here", "title": "Дзвін", "description": DESCRIPTION}),
        (Place, {"id": "s", "latitude_deg": 51.5, "longitude_deg": 31.3}),
        (Capture, {"id": "c", "subject": "s", "collection": "here",
                   "received": datetime(2022, 4, 9, tzinfo=UTC)}),
        (Rights, {"id": "r1", "of": "c", "kind": "licence"}),
        (Rights, {"id": "r2", "of": "c", "kind": "consent", "uri": "keep"}),
        (ConditionReport, {"id": "d", "subject": "s", "assessed": date(2022, 4, 10)}),
    ]  # fmt: skip

    def told() -> list[object]:
        with database.reading() as session:
            rows = [state_of(session.get_one(kind, one["id"])) for kind, one in values]
            entries = [entries_of(session, kind.kind_of(), one["id"]) for kind, one in values]
            lines = [(e.kind, e.of, e.actor, e.action, e.version, e.data) for (e,) in entries]
        assert [line[-1] for line in lines] == rows  # the ledger holds what the table does
        return [[{**row, "created": "", "changed": ""} for row in rows], [line[:-1] for line in lines]]

    with database.writing("olha", "contribute") as session:
        bring_in(session, values)
    brought = told()
    with database.writers() as session, session.begin():
        for kind in (*reversed([kind for kind, _ in values]), Entry):
            session.execute(delete(kind))
    with database.writing("olha", "contribute") as session:
        for kind, one in values:
            session.add(kind(**one))
            session.flush()
    assert told() == brought


def test_what_is_brought_in_has_an_actor_and_no_unknown_columns(database: Database) -> None:
    here = (Collection, {"id": "here", "titles": {}})
    with pytest.raises(InputError), database.writers() as session, session.begin():
        bring_in(session, [here])
    with pytest.raises(ValueError, match="collection: colour"), database.writing("olha", "x") as session:
        bring_in(session, [(Collection, {"id": "here", "titles": {}, "colour": "red"})])
    with pytest.raises(ValueError, match="collection: titles"), database.writing("olha", "x") as session:
        bring_in(session, [(Collection, {"id": "here"})])
    with database.reading() as session:
        assert session.scalars(select(Collection)).all() == []


def test_what_is_brought_in_comes_after_what_was_added(database: Database) -> None:
    with database.writing("olha", "contribute") as session:
        session.add(Collection(id="here", titles={}))
        bring_in(session, [(Capture, {"id": "c", "collection": "here", "bytes": 3 * 10**9})])
        bring_in(session, [])
    with database.reading() as session:
        assert session.get_one(Capture, "c").bytes == 3 * 10**9
        assert [one.kind for one in session.scalars(select(Entry).order_by(Entry.number))] == [
            "collection",
            "capture",
        ]


def everything(database: Database) -> dict[str, object]:
    with database.reading() as session:
        rows = {kind.kind_of(): [state_of(row) for row in session.scalars(select(kind).order_by(kind.id))]
                for kind in HERITAGE}  # fmt: skip
        trail = select(Entry.id, Entry.at, Entry.actor, Entry.action, Entry.note, Entry.data).order_by(
            Entry.id
        )
        return {**rows, "trail": [tuple(one) for one in session.execute(trail)]}


def test_a_change_says_who_did_what_and_what_came_of_it(database: Database) -> None:
    subject = filled(database)
    with database.writing("person-olha", "edit", "its name was wrong") as session:
        session.get_one(Subject, subject).title = "St Catherine's Church"
    with database.reading() as session:
        first, second = entries_of(session, "subject", subject)
    assert (first.actor, first.action, first.version, first.data["title"]) == (
        "person-olha",
        "describe",
        1,
        "Church",
    )
    assert (second.action, second.note, second.version) == ("edit", "its name was wrong", 2)
    assert second.data["title"] == "St Catherine's Church"


def test_who_only_looked_is_written_down_too(database: Database) -> None:
    subject = filled(database)
    with database.writing("person-olha", "look at place") as session:
        happened(session, "place", subject)
    with database.reading() as session:
        *_, look = entries_of(session, "place", subject)
    assert (look.action, look.data) == ("look at place", None)


def test_nothing_changes_without_an_actor_and_nothing_is_deleted(database: Database) -> None:
    subject = filled(database)
    with pytest.raises(InputError, match="Nobody said"), database.reading() as session:
        session.get_one(Subject, subject).title = "no"
    with pytest.raises(InputError, match="cannot be deleted"), database.writing("x", "x") as session:
        session.delete(session.get_one(Subject, subject))
    with database.reading() as session:
        assert session.get_one(Subject, subject).title == "Church"
        assert len(entries_of(session, "subject", subject)) == 1


def test_of_two_who_change_the_same_one_is_told(database: Database) -> None:
    subject = filled(database)
    with database.reading() as session:
        seen = session.get_one(Subject, subject)
    with database.writing("a", "edit") as session:
        session.get_one(Subject, subject).title = "A"
    with pytest.raises(Conflict), database.writing("b", "edit") as session:
        session.merge(seen, load=False).title = "B"
    with database.reading() as session:
        assert session.get_one(Subject, subject).title == "A"


def test_everything_comes_back_from_the_archive_alone(
    database: Database, other: Database, tmp_path: Path
) -> None:
    archive, secrets = make(tmp_path / "archive")
    subject = filled(database)
    assert keep_entries(database, archive) == 6
    with database.writing("person-olha", "edit") as session:
        session.get_one(Subject, subject).precision = "region"
    assert keep_entries(database, archive) == 1
    assert keep_entries(database, archive) == 0
    (tmp_path / "archive/index.sqlite").unlink()
    rebuild(tmp_path / "archive")
    archive = open_archive(tmp_path / "archive")
    made = rebuild_catalogue(other, archive, [secrets["bohdan"]])
    assert (made.entries, made.adopted, made.troubles) == (7, 0, ())
    assert everything(other) == everything(database)
    assert rebuild_catalogue(other, archive, [secrets["ada"]]).entries == 0  # again: nothing new


def test_a_place_lies_sealed_in_the_archive(database: Database, tmp_path: Path) -> None:
    archive, secrets = make(tmp_path / "archive")
    filled(database)
    keep_entries(database, archive)
    stored = b"".join(path.read_bytes() for path in (tmp_path / "archive/main").rglob("*") if path.is_file())
    assert b"51.4892" not in stored and b"person-petro" not in stored
    with pytest.raises(KeyNeeded):
        list(kept_entries(archive, []))
    places = [line["data"] for _, line in kept_entries(archive, [secrets["ada"]]) if line["kind"] == "place"]
    assert [place["latitude_deg"] for place in places] == [51.4892]


def test_of_entries_kept_twice_and_out_of_order_the_newest_counts(
    database: Database, other: Database
) -> None:
    subject = filled(database)
    for title in ("B", "C"):
        with database.writing("x", "edit") as session:
            session.get_one(Subject, subject).title = title
    with database.reading() as session:
        lines = [("ark:/x", as_line(one)) for one in session.scalars(select(Entry))]
    assert replay(other, json.loads(json.dumps([*reversed(lines), *lines]))) == len(lines)
    with other.reading() as session:
        assert session.get_one(Subject, subject).title == "C"
        assert session.get_one(Subject, subject).version == 3


def test_what_was_deposited_without_a_service_gets_a_record(database: Database, tmp_path: Path) -> None:
    archive, secrets = make(tmp_path / "archive")
    deposited = recording(archive, tmp_path)
    assert rebuild_catalogue(database, archive, [secrets["ada"]]).adopted == 1
    with database.reading() as session:
        capture = session.get_one(Capture, deposited.id)
        assert (capture.collection, capture.state, capture.digest) == (FIRST, "preserved", deposited.digest)
    assert rebuild_catalogue(database, archive, [secrets["ada"]]).adopted == 0


def test_a_column_that_an_older_release_did_not_know_has_its_default(
    database: Database, other: Database
) -> None:
    line = {
        "at": "2026-01-01T00:00:00+00:00", "id": "old", "actor": "x", "action": "x", "note": "",
        "kind": "collection", "of": "c", "version": 1,
        "data": {"id": "c", "version": 1, "titles": {"en": "C"}, "gone": 1},
    }  # fmt: skip
    assert replay(other, [("ark:/x", line)]) == 1
    with other.reading() as session:
        assert session.get_one(Collection, "c").summary == {}


def test_what_is_there_and_newer_stays_and_what_is_there_and_older_is_brought_forward(
    database: Database, other: Database
) -> None:
    subject = filled(database)
    with database.reading() as session:
        lines = [("ark:/x", as_line(one)) for one in session.scalars(select(Entry).order_by(Entry.number))]
    replay(other, json.loads(json.dumps(lines)))
    for title in ("B", "C"):
        for here in (database, other):  # two machines that both went on
            with here.writing("x", "edit") as session:
                session.get_one(Subject, subject).title = f"{title} of {here is other}"
    with database.writing("x", "edit") as session:
        session.get_one(Place, subject).error_m = 5.0
    with database.reading() as session:
        lines = [("ark:/x", as_line(one)) for one in session.scalars(select(Entry))]
    assert replay(other, json.loads(json.dumps(lines))) == 3
    with other.reading() as session:
        row, place = session.get_one(Subject, subject), session.get_one(Place, subject)
        assert (row.title, row.version) == ("C of True", 3)
        assert (place.error_m, place.version) == (5.0, 2)


def test_however_long_the_ledger_is_little_of_it_is_in_memory(database: Database) -> None:
    large = "x" * 50_000  # what a detector found in photos, say
    line = {"at": "2026-01-01T00:00:00+00:00", "actor": "x", "action": "x", "note": "", "kind": "collection"}

    def lines() -> Iterator[tuple[str, dict[str, object]]]:
        for number in range(900):
            of, version = f"c{number % 450}", 1 + number // 450
            state = {"id": of, "version": version, "titles": {"en": f"{large}{number}"}}
            yield "ark:/x", {**line, "id": f"e{number}", "of": of, "version": version, "data": state}

    tracemalloc.start()
    try:
        assert replay(database, lines()) == 900
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    with database.reading() as session:
        assert session.scalars(select(Collection.version).distinct()).all() == [2]
    assert peak < 30e6  # of 45 MB


def test_entries_that_are_no_entries_are_said_to_be_damaged(database: Database, tmp_path: Path) -> None:
    archive, secrets = make(tmp_path / "archive")
    about = {"kind": "ledger", "title": "catalogue"}
    sealed = b"".join(encrypted([b"no gzip"], archive.recipients()))
    made = deposit_files(archive, {}, about, {SEALED: sealed}, event="creation")
    with pytest.raises(Damaged, match=made.id):
        replay(database, kept_entries(archive, [secrets["ada"]]))


def test_tables_are_emptied_by_nobody(database: Database) -> None:
    """The tests' own check that `everything` sees what is there."""
    filled(database)
    with database.writers() as session, session.begin():
        session.execute(delete(Place))
    assert everything(database)["place"] == [] and Base.metadata.tables
