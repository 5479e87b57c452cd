"""Publishing: as often as one likes, in any order, and withdrawn for good."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import event, select, text

from oberih.catalogue.public import (
    Projection,
    PublicCollection,
    PublicRecord,
    PublicRelation,
    PublicTerm,
    Query,
    Withdrawn,
    create,
    etag,
    is_current,
    load,
    map_view,
    near,
    open_projection,
    publish,
    record,
    search,
    suggest,
    tidy,
    withdraw,
)
from oberih.catalogue.public.indexing import body_of, rank_of
from oberih.catalogue.public.maps import Box
from oberih.catalogue.public.tables import (
    FORM,
    SCHEMA,
    cells,
    documents,
    forms,
    metadata,
    months,
    state,
    terms,
)
from oberih.errors import Conflict, StoreError
from public_help import KEY, ark, as_bytes, empty_store, ids, made, plain

EVERYWHERE = Box(south=-90, west=-180, north=90, east=180)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Projection, Projection]]:
    """An empty store, to write and to read."""
    with empty_store(request.param, tmp_path) as both:
        yield both


def contents(projection: Projection) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, but for what has no meaning of its own."""
    with projection.reading() as connection:
        return {
            table.name: sorted(
                (tuple(row) for row in connection.execute(select(table)) if row[0] != "turn"), key=repr
            )
            for table in metadata.tables.values()
        }


def test_what_is_published_is_found_and_read(store: tuple[Projection, Projection]) -> None:
    writer, reader = store
    assert publish(writer, made(1))
    assert record(reader, ark(1)) == made(1)
    assert ids(search(reader, Query())) == [ark(1)]
    assert record(reader, ark(2)) is None
    for strange in ("", "ark:/99999/b1'", "\x00", "\ud800", "ark:/99999/b1\n", "x" * 10_000):
        assert record(reader, strange) is None
        assert near(reader, strange) == ()


def test_publishing_again_changes_nothing(store: tuple[Projection, Projection]) -> None:
    writer, reader = store
    for number in range(5):
        assert publish(writer, made(number))
    before, answer = contents(reader), as_bytes(search(reader, Query(text="церква")))
    for number in (3, 0, 3):
        assert not publish(writer, made(number))
    assert contents(reader) == before
    assert etag(as_bytes(search(reader, Query(text="церква")))) == etag(answer)


def test_what_was_asked_for_is_remembered_until_something_changes(
    store: tuple[Projection, Projection],
) -> None:
    writer, reader = store
    publish(writer, made(1))
    asked: list[str] = []

    @event.listens_for(reader.engine, "before_cursor_execute")
    def note(_: object, __: object, statement: str, *rest: object) -> None:
        asked.append(statement)

    first, unasked = search(reader, Query(text="собор")), len(asked)
    assert search(reader, Query(text="собор")) == first
    assert len(asked) - unasked < unasked
    publish(writer, made(2).model_copy(update={"titles": {"uk": "Собор"}}))
    assert set(ids(search(reader, Query(text="собор")))) == {ark(1), ark(2)}
    withdraw(writer, ark(1), "2026-05")
    found = search(reader, Query(text="собор"))
    assert (ids(found), found.count) == ([ark(2)], 1)


def test_a_newer_version_takes_the_place_of_the_older(store: tuple[Projection, Projection]) -> None:
    writer, reader = store
    publish(writer, plain(titles={"en": "Old windmill"}))
    assert publish(writer, plain(version=2, titles={"en": "New lighthouse"}))
    assert not publish(writer, plain(version=1, titles={"en": "Old windmill"}))  # a step that came late
    assert ids(search(reader, Query(text="lighthouse"))) == [ark(1)]
    assert ids(search(reader, Query(text="windmill"))) == []
    assert suggest(reader, "wind") == ()


def test_what_was_withdrawn_is_gone_but_for_a_tombstone(store: tuple[Projection, Projection]) -> None:
    writer, reader = store
    publish(writer, made(1))
    before = contents(reader)
    secret = made(2).model_copy(update={"titles": {"en": "Unheardof zebrastone"}})
    publish(writer, secret)
    assert withdraw(writer, secret.id, "2026-05", today=date(2026, 5, 2))
    after = contents(reader)
    assert after.pop("withdrawn") == [(secret.id, 1, "2026-05")]
    assert before.pop("withdrawn") == []
    days = after.pop("changes")
    assert [one for one in days if one not in before["changes"]] == [
        (secret.id, "2026-05-02", None, None, False)
    ]
    assert len(days) == 1 + len(before.pop("changes"))
    assert after == before
    assert record(reader, secret.id) == Withdrawn(id=secret.id, version=1, month="2026-05")
    assert ids(search(reader, Query(text="zebrastone"))) == []
    assert suggest(reader, "zebr") == ()
    assert not withdraw(writer, secret.id, "2026-06")


def test_what_was_withdrawn_comes_back_only_as_a_new_version(store: tuple[Projection, Projection]) -> None:
    writer, reader = store
    publish(writer, made(1))
    withdraw(writer, ark(1), "2026-05")
    with pytest.raises(Conflict, match="was withdrawn"):
        publish(writer, made(1))  # a step that is run again
    assert isinstance(record(reader, ark(1)), Withdrawn)
    assert publish(writer, made(1).model_copy(update={"version": 2}))
    assert record(reader, ark(1)) == made(1).model_copy(update={"version": 2})


def test_withdrawn_words_are_in_no_byte_of_the_file(tmp_path: Path) -> None:
    with empty_store("sqlite", tmp_path) as (writer, _):
        publish(writer, plain(1))
        publish(writer, plain(2, titles={"en": "Unheardof zebrastone"}))
        assert b"zebrastone" in (tmp_path / "public.sqlite").read_bytes().lower()
        withdraw(writer, ark(2), "2026-05")
        tidy(writer)
        assert b"zebrastone" not in (tmp_path / "public.sqlite").read_bytes().lower()


def test_a_record_that_is_more_than_its_type_is_refused(store: tuple[Projection, Projection]) -> None:
    class Leaky(PublicRecord):
        latitude: float = 0.0

    writer, reader = store
    leaky = Leaky(**made(1).model_dump(), latitude=51.4938)
    forged = made(2).model_copy(update={"titles": {"en": 51.4938}})
    for wrong in (leaky, forged):
        with pytest.raises(ValueError, match=r"latitude|titles"):
            publish(writer, wrong)
    assert "51.4938" not in repr(contents(reader))
    assert search(reader, Query()).count == 0


def test_only_relations_to_what_is_public_are_told(store: tuple[Projection, Projection]) -> None:
    writer, reader = store
    to_two = plain(1, relations=(PublicRelation(kind="is part of", id=ark(2)),))
    publish(writer, to_two)
    assert record(reader, ark(1)) == plain(1)
    assert ark(2) not in repr(contents(reader))
    publish(writer, plain(2))
    assert publish(writer, to_two)
    assert record(reader, ark(1)) == to_two
    withdraw(writer, ark(2), "2026-05")
    assert record(reader, ark(1)) == plain(1)


def test_numbers_are_those_of_the_records(store: tuple[Projection, Projection]) -> None:
    """However they came about: published, changed, withdrawn, or loaded at once."""
    writer, reader = store
    rng = random.Random(3)
    there = {}
    for _ in range(120):
        number = rng.randrange(25)
        if number in there and rng.random() < 0.4:
            withdraw(writer, ark(number), "2026-01")
            del there[number]
            continue
        there[number] = made(number, seed=rng.randrange(3)).model_copy(update={"version": 1000 + _})
        publish(writer, there[number])
    by_and_by = contents(reader)
    load(writer, there.values())
    at_once = contents(reader)
    for table in (cells, forms, months):
        assert by_and_by[table.name] == at_once[table.name], table.name
    assert facts(by_and_by["terms"]) == facts(at_once["terms"])
    assert by_and_by["bodies"] == at_once["bodies"]


def facts(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Values of facets with their numbers; the codes are nobody's business."""
    return sorted(row[1:] for row in rows)


def test_loading_makes_everything_anew(store: tuple[Projection, Projection]) -> None:
    writer, reader = store
    publish(writer, plain(7, titles={"en": "Forgotten"}))
    related = plain(1, relations=(PublicRelation(kind="related to", id=ark(2)),
                                  PublicRelation(kind="related to", id=ark(99))))  # fmt: skip
    graves = [Withdrawn(id=ark(50), version=3, month="2025-01")]
    assert load(writer, [related, plain(2)], graves) == 2
    assert record(reader, ark(7)) is None
    assert record(reader, ark(50)) == graves[0]
    assert record(reader, ark(1)) == plain(1, relations=related.relations[:1])  # 99 is not public
    assert load(writer, []) == 0
    assert search(reader, Query()).count == 0


def test_a_load_that_fails_leaves_what_was_there(store: tuple[Projection, Projection]) -> None:
    writer, reader = store
    publish(writer, made(1))

    def broken() -> Iterator[object]:
        yield made(2)
        raise OSError("the archive cannot be read")

    with pytest.raises(OSError, match="archive"):
        load(writer, broken())  # type: ignore[arg-type]
    assert ids(search(reader, Query())) == [ark(1)]


def test_the_order_is_not_that_of_uploads(store: tuple[Projection, Projection]) -> None:
    """Case 10: by months, and within a month as a secret says."""
    writer, reader = store
    records = [plain(n, published=f"2026-{1 + n % 3:02}") for n in range(30)]
    for one in records:
        publish(writer, one)
    found = search(reader, Query(size=100)).records
    assert [one.published for one in found] == sorted((one.published for one in records), reverse=True)
    numbers = [records.index(one) for one in found if one.published == "2026-01"]
    assert numbers not in (sorted(numbers), sorted(numbers, reverse=True))
    key = bytes.fromhex(KEY)
    ranks = [rank_of(one.id, 1, key) for one in found if one.published == "2026-01"]
    assert ranks == sorted(ranks)


def test_two_records_of_one_rank_both_have_a_place(
    store: tuple[Projection, Projection], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = store
    monkeypatch.setattr(
        "oberih.catalogue.public.publishing.rank_of",
        lambda _, month, key, attempt=0: (rank_of("the same", month, key) & ~0xF) + attempt,
    )
    publish(writer, plain(1))
    load(writer, [plain(2), plain(3)])
    publish(writer, plain(4))
    assert sorted(ids(search(reader, Query()))) == sorted(map(ark, (2, 3, 4)))


def test_names_of_collections_and_words_follow_the_records(store: tuple[Projection, Projection]) -> None:
    writer, reader = store
    for version, title in ((1, "Mills"), (2, "Windmills")):
        collection = PublicCollection(id="c1", titles={"en": title})
        publish(writer, plain(version=version, collection=collection,
                              materials=(PublicTerm(labels={"en": "Wood"}),)))  # fmt: skip
    facets = search(reader, Query()).facets
    assert facets is not None
    assert [(one.value, one.labels, one.count) for one in facets["collection"]] == [
        ("c1", {"en": "Windmills"}, 1)
    ]
    assert [one.value for one in facets["material"]] == ["wood"]


def test_tables_of_another_form_are_not_written_to(store: tuple[Projection, Projection]) -> None:
    writer, reader = store
    load(writer, [])
    assert is_current(reader)
    create(writer)  # is there already
    with writer.writing() as connection:
        connection.execute(state.update().where(state.c.name == "form").values(value="0"))
    assert not is_current(reader)
    with pytest.raises(Conflict) as caught:
        publish(writer, made(1))
    assert "same version" in caught.value.advice


def test_tables_of_another_form_are_made_anew(store: tuple[Projection, Projection]) -> None:
    writer, reader = store
    load(writer, [made(1)])
    create(writer)  # nothing happens
    assert is_current(reader) and record(reader, ark(1)) == made(1)
    with writer.engine.begin() as connection:
        connection.execute(state.update().where(state.c.name == "form").values(value="0"))
    assert not is_current(reader)
    create(writer)
    assert not is_current(reader) and record(reader, ark(1)) is None  # until all is there
    assert load(writer, [made(1)]) == 1 and record(reader, ark(1)) == made(1)
    assert is_current(reader)


def test_tables_of_a_newer_version_stay(store: tuple[Projection, Projection]) -> None:
    writer, reader = store
    load(writer, [made(1)])
    with writer.engine.begin() as connection:
        connection.execute(state.update().where(state.c.name == "form").values(value=f"{int(FORM) + 1}"))
    with pytest.raises(Conflict, match="newer version"):
        create(writer)
    assert record(reader, ark(1)) == made(1)


def test_of_tables_from_before_a_change_of_their_form_somebody_says_try_again(
    store: tuple[Projection, Projection],
) -> None:
    writer, reader = store
    load(writer, [made(1)])
    with writer.engine.begin() as connection:
        connection.execute(state.delete().where(state.c.name == "turn"))
    with pytest.raises(StoreError, match="made anew"):
        search(reader, Query())


def test_a_reader_writes_nothing(tmp_path: Path) -> None:
    with empty_store("sqlite", tmp_path) as (writer, reader):
        publish(writer, made(1))
        before = (tmp_path / "public.sqlite").stat()
        search(reader, Query(text="церква", sort="title"))
        map_view(reader, EVERYWHERE, 3)
        assert [path.name for path in tmp_path.iterdir()] == ["public.sqlite"]
        assert (tmp_path / "public.sqlite").stat().st_mtime_ns == before.st_mtime_ns
        with pytest.raises(StoreError):
            publish(reader, made(2))
        with closing(sqlite3.connect(tmp_path / "public.sqlite")) as plain_sqlite:
            assert plain_sqlite.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_store_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be reached"):
        search(open_projection(f"sqlite:///{tmp_path}/none.sqlite"), Query())
    with pytest.raises(StoreError, match="cannot be reached"):
        search(open_projection("postgresql://nobody@127.0.0.1:1/nothing"), Query())


def test_a_reader_sees_one_state(store: tuple[Projection, Projection]) -> None:
    writer, reader = store
    publish(writer, made(1))
    if reader.on_sqlite:
        return  # a writer waits until readers are done
    with reader.reading() as connection:
        assert len(connection.execute(select(documents.c.id)).all()) == 1
        publish(writer, made(2))
        assert len(connection.execute(select(documents.c.id)).all()) == 1


def test_bodies_are_the_same_for_the_same_record() -> None:
    assert body_of(made(5)) == body_of(type(made(5)).model_validate_json(body_of(made(5))))


def test_indexes_of_postgresql_are_there_after_loading(tmp_path: Path) -> None:
    with empty_store("postgresql", tmp_path) as (writer, reader):
        load(writer, [made(n) for n in range(10)])
        with reader.reading() as connection:
            names = connection.execute(
                text(f"SELECT indexname FROM pg_indexes WHERE schemaname = '{SCHEMA}'")
            )
            assert {"documents_keys", "documents_title_uk", "forms_folded"} <= set(names.scalars())
            assert connection.execute(select(terms.c.id)).all()
