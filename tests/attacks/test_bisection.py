"""Cases 14, 15: nothing that can be asked tells two true places in one cell apart; 10: nor who came first.

`benchmarks/bisection.py` asks the whole service, 10,000 times and more.
"""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from attacks.bisection import Side, Truth, answers, differ, move, public_sides, truths

pytestmark = pytest.mark.xdist_group("attacks")
QUESTIONS = 500
ONE = truths(7)
OTHER = truths(8, beside=ONE)


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, ...]]:
    with public_sides(tmp_path_factory.mktemp("sides"), ONE, OTHER) as made:
        yield made


def where(places: list[Truth]) -> set[tuple[float, float]]:
    return {(one.latitude, one.longitude) for one in places}


def test_cases_10_14_15_answers_are_the_same_for_every_true_place_in_a_cell(sides: tuple[Side, ...]) -> None:
    assert not where(ONE) & where(OTHER)
    found = [number for number in range(QUESTIONS) if differ(sides[0], sides[1], number, [*ONE, *OTHER])]
    assert found == []
    told = [answers(sides[0], random.Random(number), ONE) for number in range(60)]
    assert len({repr(one) for one in told}) > 30  # they are not all empty,
    assert {one[0][0] for one in told} >= {200, 404}  # nor all alike
    assert any(part[0] == 304 for one in told for part in one)


def test_case_14_a_place_in_another_cell_would_be_noticed(sides: tuple[Side, ...]) -> None:
    which = next(number for number, each in enumerate(OTHER) if each.asked == "10 km")
    moved = replace(OTHER[which], latitude=OTHER[which].latitude + 0.2)
    assert moved.cells != OTHER[which].cells
    move(sides[1].folder, which, moved)
    around = [OTHER[which], moved]
    found = [number for number in range(80) if differ(sides[0], sides[1], number, around)]
    assert len(found) > 4
