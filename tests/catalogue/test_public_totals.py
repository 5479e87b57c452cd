"""Numbers of everything public are always those of what is public, however it came to be."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from oberih.catalogue.public import (
    Glance,
    Projection,
    PublicPerson,
    PublicRecord,
    Quality,
    at_a_glance,
    contributors,
    glances,
    load,
    publish,
    query_of,
    search,
    totals,
    value_of,
    values,
    withdraw,
)
from public_help import ark, empty_store, made

NAMES = ("Мальва", "Остап", "Євген")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Projection, Projection]]:
    with empty_store(request.param, tmp_path) as found:
        yield found


def told(number: int, version: int = 1) -> PublicRecord:
    rng = random.Random(f"{number} {version}")
    named = rng.sample(NAMES, rng.randint(0, 2))
    people = [PublicPerson(name=one, role="contributor") for one in named]
    people += [PublicPerson(name="Мальва", role="creator")]  # that is no contribution
    return made(number).model_copy(
        update={
            "version": version,
            "people": tuple(people),
            "quality": Quality(photos=rng.choice([None, 0, 80]), triangles=rng.choice([None, 5_000])),
        }
    )


def agree(reader: Projection, public: dict[int, PublicRecord]) -> None:
    found, all_of = totals(reader), list(public.values())
    assert found.records == len(all_of)
    assert found.located == sum(one.place.cell is not None for one in all_of)
    assert found.photos == sum(one.quality.photos or 0 for one in all_of)
    assert found.triangles == sum(one.quality.triangles or 0 for one in all_of)
    assert found.months == Counter(one.published for one in all_of)
    assert list(found.months) == sorted(found.months)
    names = Counter(who.name for one in all_of for who in one.people if who.role == "contributor")
    assert {one.value: one.count for one in contributors(reader)} == names
    assert found.contributors == len(names)
    kinds = Counter(one.kind for one in all_of)
    assert {one.value: one.count for one in values(reader, "kind")} == kinds
    for kind, count in kinds.items():
        one = value_of(reader, "kind", kind)
        assert one is not None and one.count == count
    assert value_of(reader, "kind", "nothing") is None


def test_numbers_follow_what_is_published_changed_and_withdrawn(store: tuple[Projection, Projection]) -> None:
    writer, reader = store
    public = {number: told(number) for number in range(20)}
    load(writer, public.values())
    agree(reader, public)
    for number in (3, 7, 25, 26):
        public[number] = told(number, 2)
        publish(writer, public[number])
    for number in (0, 1, 3):
        withdraw(writer, ark(number), "2026-11")
        del public[number]
    agree(reader, public)
    load(writer, public.values())
    agree(reader, public)
    for number in list(public):
        withdraw(writer, ark(number), "2026-11")
    agree(reader, {})


def test_several_records_come_in_the_order_that_is_asked_for(store: tuple[Projection, Projection]) -> None:
    writer, reader = store
    load(writer, [told(number) for number in range(5)])
    wanted = [ark(4), ark(99), ark(0), ark(2)]
    assert [one.id for one in glances(reader, wanted)] == [ark(4), ark(0), ark(2)]
    assert glances(reader, []) == ()


def test_lists_show_the_same_of_a_record_whole_or_at_a_glance(store: tuple[Projection, Projection]) -> None:
    writer, reader = store
    load(writer, [made(number) for number in range(30)])
    publish(writer, made(3).model_copy(update={"version": 2, "titles": {"en": "Another"}}))
    asked = query_of(size=20)
    whole, seen = search(reader, asked), at_a_glance(reader, asked)
    assert seen.records == tuple(Glance.of(one) for one in whole.records)
    assert (seen.next, seen.count, seen.facets) == (whole.next, whole.count, whole.facets)
    assert [one.titles for one in glances(reader, [ark(3)])] == [{"en": "Another"}]
