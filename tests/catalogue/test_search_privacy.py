"""Nothing that can be asked tells two true places within one cell apart, nor who uploaded before whom.

Case 14 and 15 of the attacks: bisection by boxes, facets, counts, suggestions, orders; case 10: order of
uploads; case 16: pages and ETags.
"""

import random
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import h3
import pytest

from oberih.catalogue.public import (
    Box,
    Projection,
    PublicPerson,
    PublicPlace,
    PublicRecord,
    PublicRights,
    Query,
    etag,
    load,
    map_view,
    near,
    publish,
    record,
    search,
    suggest,
    withdraw,
)
from oberih.trust.cells import CLASSES, RESOLUTIONS, Precision, cell_of
from public_help import BY, TOWNS, WORDS_EN, WORDS_UK, ark, as_bytes, empty_store, made, plain

COUNT = 60


@dataclass(frozen=True)
class Sealed:
    """What the private side knows."""

    lat: float
    lon: float
    precision: Precision


def somewhere_in(cell: str, rng: random.Random) -> tuple[float, float]:
    """A random true place in a cell."""
    lat, lon = h3.cell_to_latlng(cell)
    size = h3.average_hexagon_edge_length(h3.get_resolution(cell), unit="km") / 111
    while True:
        place = lat + rng.uniform(-size, size), lon + rng.uniform(-2 * size, 2 * size)
        if h3.latlng_to_cell(*place, h3.get_resolution(cell)) == cell:
            return place


def published(number: int, truth: Sealed) -> PublicRecord:
    """What the publishing side makes of a record and its true place."""
    place = PublicPlace(precision=truth.precision, cell=cell_of(truth.lat, truth.lon, truth.precision))
    return made(number).model_copy(update={"place": place})


def two_truths() -> tuple[list[Sealed], list[Sealed]]:
    """The same records at different true places in the same cells."""
    rng = random.Random(7)
    one, other = [], []
    for _ in range(COUNT):
        town = rng.choice(TOWNS)
        precision: Precision = rng.choice(["region", "10 km", "1 km", "exact"])
        start = (town[2] + rng.gauss(0, 0.05), town[3] + rng.gauss(0, 0.05))
        cell = h3.latlng_to_cell(*start, RESOLUTIONS[precision])
        one.append(Sealed(*somewhere_in(cell, rng), precision))
        other.append(Sealed(*somewhere_in(cell, rng), precision))
    return one, other


def asked(reader: Projection, rng: random.Random, truths: list[Sealed]) -> bytes:
    """The answer to a random question of somebody who guesses well: many boxes end at a true place."""
    words = rng.choices([*WORDS_UK, *WORDS_EN], k=rng.choice([1, 1, 2]))
    text = " ".join(words)[: rng.randint(1, 30)] if rng.random() < 0.7 else ""
    query = Query(
        text=text,
        filters={"century": (rng.choice(["10", "17", "18"]),)} if rng.random() < 0.3 else {},
        sort=rng.choice(["newest", "title", "quality", "relevance"]),
        language=rng.choice(["uk", "en"]),
        size=rng.choice([3, 24]),
    )
    truth = rng.choice(truths)
    match rng.randrange(6):
        case 0:
            page = search(reader, query)
            following = search(reader, query.model_copy(update={"cursor": page.next})) if page.next else None
            return as_bytes([page, following])
        case 1 | 2 | 3:
            half = 10 ** rng.uniform(-5, 1)
            box = Box(south=truth.lat - half, west=truth.lon - half, north=truth.lat, east=truth.lon)
            return as_bytes(map_view(reader, box, rng.randint(0, 22), query if rng.random() < 0.5 else None))
        case 4:
            cell = h3.latlng_to_cell(truth.lat, truth.lon, rng.randint(0, 11))
            return as_bytes(search(reader, query.model_copy(update={"cell": cell})))
        case _:
            number = rng.randrange(COUNT)
            return as_bytes([
                suggest(reader, text), near(reader, ark(number)), record(reader, ark(number)),
            ])  # fmt: skip


@pytest.mark.parametrize(("kind", "questions"), [("sqlite", 1000), ("postgresql", 300)])
def test_answers_are_the_same_for_every_true_place_in_a_cell(
    kind: str, questions: int, tmp_path: Path
) -> None:
    one, other = two_truths()
    assert not {(truth.lat, truth.lon) for truth in one} & {(truth.lat, truth.lon) for truth in other}
    with ExitStack() as stack:
        stores = []
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
            stores.append(stack.enter_context(empty_store(kind, tmp_path / name)))
        (writer, reader), (other_writer, other_reader) = stores
        load(writer, [published(n, truth) for n, truth in enumerate(one)])
        # The other one grew in another order, with some that came and went.
        order = random.Random(1).sample(range(COUNT), COUNT)
        load(other_writer, [made(500), *(published(n, other[n]) for n in order[:40])])
        for n in order[40:]:
            publish(other_writer, published(n, other[n]))
        withdraw(other_writer, ark(500), "2026-01")
        told = set()
        for question in range(questions):
            answers = [asked(each, random.Random(question), one) for each in (reader, other_reader)]
            assert answers[0] == answers[1], question
            told.add(etag(answers[0]))
        assert len(told) > questions / 4  # they are not all empty


def test_who_is_to_be_named_collects_nothing_that_is_shielded(tmp_path: Path) -> None:
    """What somebody recorded in open lies around what they recorded of what is not for everybody."""
    rights = PublicRights(uri=BY, holder="Museum of Fedorchuk", credit="Photos: Fedorchuk")
    people = (
        PublicPerson(name="Ivan Fedorchuk", role="rights holder"),
        PublicPerson(name="Taras Horodetskyi", role="creator"),
    )
    shown = [
        plain(number, rights=rights, people=people, place=PublicPlace(precision=precision, cell=cell))
        for number, precision in enumerate(CLASSES)
        for cell in [cell_of(51.49, 31.29, precision)]
    ]
    with empty_store("sqlite", tmp_path) as (writer, reader):
        load(writer, shown)
        for asked_for, found in (("Fedorchuk", ["exact"]), ("Horodetskyi", [*CLASSES])):
            page = search(reader, Query(text=asked_for))
            assert sorted(one.place.precision for one in page.records) == sorted(found), asked_for
        assert [one.count for one in suggest(reader, "fedor")] == [1]


def test_the_test_would_notice_another_cell(tmp_path: Path) -> None:
    one, _ = two_truths()
    moved = [*one]
    moved[3] = Sealed(one[3].lat + 1.5, one[3].lon, one[3].precision)
    with ExitStack() as stack:
        readers = []
        for name, truths in (("one", one), ("moved", moved)):
            (tmp_path / name).mkdir()
            writer, reader = stack.enter_context(empty_store("sqlite", tmp_path / name))
            load(writer, [published(n, truth) for n, truth in enumerate(truths)])
            readers.append(reader)
        different = [
            question
            for question in range(300)
            if len({asked(reader, random.Random(question), one) for reader in readers}) == 2
        ]
        assert len(different) > 5
