"""Random questions have the same answers on SQLite, on PostgreSQL and in plain Python."""

import random
from collections.abc import Iterator
from contextlib import ExitStack

import h3
import pytest

from oberih.catalogue.public import (
    FIELDS,
    Box,
    Found,
    Projection,
    PublicRecord,
    Query,
    load,
    map_view,
    near,
    publish,
    search,
    searching,
    suggest,
    withdraw,
)
from oberih.catalogue.public import matching as matching_module
from oberih.catalogue.public.indexing import facets_of, texts_of
from public_help import KEY, ark, empty_store, ids, made, random_place
from public_reference import answer, cells_shown, matching, neighbours, suggestions

RECORDS = [made(n) for n in range(400)]
MOST, VALUES = 60, 4


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Projection]]:
    """The same records in both databases, most of them loaded, the others published in another order."""
    with ExitStack() as stack:
        found = []
        for kind in ("sqlite", "postgresql"):
            writer, reader = stack.enter_context(empty_store(kind, tmp_path_factory.mktemp(kind)))
            load(writer, [*RECORDS[:340], made(1000)])
            for record in reversed(RECORDS[340:]):
                publish(writer, record)
            withdraw(writer, ark(1000), "2026-01")
            found.append(reader)
        yield found


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that 400 records reach."""
    monkeypatch.setattr(searching, "MOST", MOST)
    monkeypatch.setattr(searching, "MOST_IN_A_ROW", MOST // 2)
    monkeypatch.setattr(searching, "MOST_VALUES", VALUES)
    monkeypatch.setattr(matching_module, "FEW", 5)
    monkeypatch.setattr(matching_module, "LARGE", 30)


def some_text(rng: random.Random) -> str:
    texts = [text for text, _ in texts_of(rng.choice(RECORDS))]
    pieces = []
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3])):
        words = rng.choice(texts).split()
        first = rng.randrange(len(words))
        piece = words[first]
        match rng.randrange(8):
            case 0:
                piece = f'"{" ".join(words[first : first + rng.randint(1, 3)])}"'
            case 1:
                piece = f"-{piece}"
            case 2:
                piece = piece.upper()
            case 3:
                piece = rng.choice(
                    ["Kiev", "Чернігова", "Lvov", "church's", "XVII", "nowhere", "🙂", "the", "у"]
                )
        pieces.append(piece)
    text = " ".join(pieces)
    if rng.random() < 0.3:
        text = text[: rng.randint(1, len(text))]
    return text + rng.choice(["", "", " "])


def some_query(rng: random.Random) -> Query:
    filters = {}
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
        facets = list(facets_of(rng.choice(RECORDS)))
        facet = rng.choice(facets)
        filters[facet.field] = (facet.value, *filters.get(facet.field, ()))
    if rng.random() < 0.03:
        filters["material"] = ("unobtainium",)
    cell = rng.choice(RECORDS).place.cell if rng.random() < 0.15 else None
    if cell and rng.random() < 0.7:
        cell = h3.cell_to_parent(cell, rng.randint(1, h3.get_resolution(cell)))
    return Query(
        text=some_text(rng) if rng.random() < 0.8 else "",
        unfinished=rng.random() < 0.6,
        filters=filters,
        cell=cell,
        sort=rng.choice([None, None, "newest", "title", "quality", "relevance"]),
        language=rng.choice(["en", "uk"]),
        size=rng.choice([1, 7, 24, 24, 100, 100]),
    )


def pages(reader: Projection, query: Query, most: int) -> tuple[list[Found[PublicRecord]], bool]:
    """Pages from the first, and whether they are all."""
    found = [search(reader, query)]
    while found[-1].next and len(found) < most:
        found.append(search(reader, query.model_copy(update={"cursor": found[-1].next})))
    return found, found[-1].next is None


@pytest.mark.parametrize("seed", range(6))
def test_searches(readers: list[Projection], seed: int) -> None:
    rng = random.Random(seed)
    found_something = 0
    for _ in range(50):
        query = some_query(rng)
        expected = answer(RECORDS, query, KEY, MOST, VALUES)
        found_something += bool(expected.ids)
        for reader in readers:
            got, whole = pages(reader, query, 3)
            first = got[0]
            assert (first.count, first.more, first.counted) == (
                expected.count, expected.more, expected.counted,
            ), query  # fmt: skip
            assert first.facets is not None
            facets = {name: [(one.value, one.count) for one in first.facets[name]] for name in FIELDS}
            assert facets == expected.facets, query
            listed = [one for page in got for one in ids(page)]
            assert listed == (expected.ids if whole else expected.ids[: len(listed)]), query
            assert all(page.records for page in got[1:]), query
            without = search(reader, query.model_copy(update={"facets": False}))
            assert (ids(without), without.next) == (ids(first), first.next)
            assert without.count is without.facets is None
    assert found_something > 25


def test_maps(readers: list[Projection]) -> None:
    rng = random.Random(11)
    shown = 0
    for turn in range(60):
        lat, lon = random_place(rng)
        half = rng.choice([0.005, 0.05, 0.5, 5, 30])
        box = Box(south=lat - half, west=lon - half, north=lat + half, east=lon + half)
        if turn % 10 == 0:  # across the antimeridian, the long way round
            box = Box(south=-90, west=lon, north=90, east=lon - 1)
        zoom = rng.randint(0, 20)
        query = some_query(rng) if turn % 2 else None
        views = [map_view(reader, box, zoom, query) for reader in readers]
        assert views[0] == views[1]
        level = views[0].level
        if views[0].more:
            continue
        there = RECORDS if query is None else matching(RECORDS, query)
        shown += len(views[0].cells)
        assert [(one.cell, one.count) for one in views[0].cells] == cells_shown(there, box, level), (
            box,
            query,
        )
    assert shown > 100


def test_neighbours(readers: list[Projection]) -> None:
    for number in range(0, 400, 23):
        expected = neighbours(RECORDS, ark(number), KEY, 5)
        for reader in readers:
            assert ids(near(reader, ark(number), 5)) == expected


def test_suggestions(readers: list[Projection]) -> None:
    rng = random.Random(5)
    for _ in range(60):
        beginning = some_text(rng)[: rng.randint(1, 8)]
        expected = suggestions(RECORDS, beginning, 6)
        for reader in readers:
            assert list(suggest(reader, beginning, 6)) == expected, beginning


@pytest.mark.parametrize("sort", ["relevance", "newest", "title", "quality"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_pages_hold_still_while_records_come_and_go(
    kind: str, sort: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """None comes twice, and none is skipped of those that were there all the time."""
    rng = random.Random(sort)
    with empty_store(kind, tmp_path_factory.mktemp(kind)) as (writer, reader):
        load(writer, RECORDS[:120])
        there: set[str] = {record.id for record in RECORDS[:120]}
        seen: list[str] = []
        for text in ("", "-замок"):  # the second finds more than are counted
            query = Query(text=text, sort=sort, size=5, language="uk")  # type: ignore[arg-type]
            stayed = set(all_pages(reader, query))
            assert len(stayed) >= MOST
            seen, cursor = [], None
            while True:
                page = search(reader, query.model_copy(update={"cursor": cursor}))
                seen += ids(page)
                cursor = page.next
                if cursor is None:
                    break
                gone = rng.choice(sorted(there))
                withdraw(writer, gone, "2026-01")
                new: PublicRecord = made(rng.randrange(10**6), seed=1)
                publish(writer, new)
                there = there - {gone} | {new.id}
                stayed.discard(gone)
            assert len(seen) == len(set(seen))
            assert stayed <= set(seen)
            assert stayed


def all_pages(reader: Projection, query: Query) -> list[str]:
    found, whole = pages(reader, query, 1000)
    assert whole
    return [one for page in found for one in ids(page)]
