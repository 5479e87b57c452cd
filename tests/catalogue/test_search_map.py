"""The map knows cells and nothing finer."""

from collections.abc import Iterator

import h3
import pytest

from oberih.catalogue.public import (
    Box,
    Projection,
    PublicPlace,
    PublicRecord,
    Query,
    box_of,
    load,
    map_view,
    near,
    search,
)
from oberih.catalogue.public import searching as searching_module
from oberih.catalogue.public.maps import MOST_CELLS, MapCell, level_of
from oberih.errors import InputError
from oberih.trust.cells import RESOLUTIONS, Precision
from public_help import ark, empty_store, ids, plain

CHERNIHIV = (51.4938, 31.2947)
WORLD = Box(south=-90, west=-180, north=90, east=180)


def at(number: int, precision: Precision, place: tuple[float, float] = CHERNIHIV) -> PublicRecord:
    cell = h3.latlng_to_cell(*place, RESOLUTIONS[precision])
    return plain(number, place=PublicPlace(precision=precision, cell=cell))


def box_around(cell: str, half: float = 0.001) -> Box:
    lat, lon = h3.cell_to_latlng(cell)
    return Box(south=lat - half, west=lon - half, north=lat + half, east=lon + half)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projection]:
    """One of each class at the same place, one 30 km and one an ocean away, and two that are on no map."""
    with empty_store(request.param, tmp_path_factory.mktemp("public")) as (writer, reading):
        records = [at(1, "region"), at(2, "10 km"), at(3, "1 km"), at(4, "exact"), plain(5)]
        records += [at(6, "exact", (51.25, 31.6)), at(7, "exact", (-17.0, 179.99)), plain(8)]
        load(writer, records)
        yield reading


def test_each_is_shown_no_finer_than_its_class(reader: Projection) -> None:
    exact = h3.latlng_to_cell(*CHERNIHIV, 11)
    for level, numbers in ((11, {11: 1, 7: 1, 5: 1, 3: 1}), (6, {6: 2, 5: 1, 3: 1}), (1, {1: 5})):
        shown: dict[int, int] = {}
        zoom = next(zoom for zoom in range(25) if level_of(box_around(exact), zoom) == level)
        for own in numbers:  # the middles of cells of different sizes are in different places
            view = map_view(reader, box_around(h3.cell_to_parent(exact, own)), zoom)
            assert view.level == level
            shown |= {h3.get_resolution(one.cell): one.count for one in view.cells}
        assert shown == numbers, level


def test_the_middle_of_the_cell_decides(reader: Projection) -> None:
    """A box around the true place, which holds no middle of a cell, is empty."""
    lat, lon = CHERNIHIV
    box = Box(south=lat - 1e-5, west=lon - 1e-5, north=lat + 1e-5, east=lon + 1e-5)
    assert map_view(reader, box, 22).cells == ()


def test_the_world(reader: Projection) -> None:
    view = map_view(reader, WORLD, 0)
    assert sum(one.count for one in view.cells) == 6  # those without a cell are on no map
    fine = map_view(reader, WORLD, 22)
    assert fine.level < 5
    assert sum(one.count for one in fine.cells) == 6


def test_across_the_antimeridian(reader: Projection) -> None:
    box = Box(south=-18, west=179, north=-16, east=-179)
    assert [one.count for one in map_view(reader, box, 8).cells] == [1]
    assert map_view(reader, Box(south=-18, west=-179, north=-16, east=179), 8).cells == ()


def test_a_search_on_the_map(reader: Projection) -> None:
    one = map_view(reader, WORLD, 3, Query(text="thing 4"))
    assert [shown.count for shown in one.cells] == [1]
    assert map_view(reader, WORLD, 3, Query(text="thing")).cells == map_view(reader, WORLD, 3).cells
    assert map_view(reader, WORLD, 3, Query(text="zebra")).cells == ()
    assert map_view(reader, WORLD, 3, Query(text="🙂")).cells == ()
    assert map_view(reader, WORLD, 3, Query()) == map_view(reader, WORLD, 3)
    assert map_view(reader, WORLD, 3, Query(filters={"kind": ("statue",)})).cells == ()


def test_a_cell_of_the_map_can_be_searched(reader: Projection) -> None:
    view = map_view(reader, WORLD, 10)
    for shown in view.cells:
        assert search(reader, Query(cell=shown.cell)).count == shown.count
    exact = h3.latlng_to_cell(*CHERNIHIV, 11)
    assert ids(search(reader, Query(cell=exact))) == [ark(4)]
    assert set(ids(search(reader, Query(cell=h3.cell_to_parent(exact, 7))))) == {ark(3), ark(4)}


def test_a_map_that_shows_not_all_says_so(reader: Projection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching_module, "MOST", 2)
    view = map_view(reader, WORLD, 3, Query(text="thing"))
    assert view.more
    assert sum(one.count for one in view.cells) == 2
    assert not map_view(reader, WORLD, 3, Query(text="thing 4")).more


def test_near_is_by_cells(reader: Projection) -> None:
    assert ids(near(reader, ark(4))) == []
    assert ids(near(reader, ark(3))) == [ark(4)]
    assert set(ids(near(reader, ark(2)))) == {ark(3), ark(4)}
    assert {ark(2), ark(3), ark(4), ark(6)} == set(ids(near(reader, ark(1))))
    assert len(near(reader, ark(1), 2)) == 2
    assert near(reader, ark(5)) == near(reader, ark(999)) == ()


def test_levels() -> None:
    small = box_around(h3.latlng_to_cell(*CHERNIHIV, 11))
    levels = [level_of(small, zoom) for zoom in range(25)]
    assert levels == sorted(levels)
    assert (levels[0], levels[-1]) == (1, 11)
    for half in (0.01, 0.3, 5.0, 60.0):
        box = Box(south=max(-90, 20 - half), west=10 - half, north=min(90, 20 + half), east=10 + half)
        assert (2 + 120 * 7 ** level_of(box, 22)) * box.share <= MOST_CELLS
    assert WORLD.share == pytest.approx(1)
    assert Box(south=0, west=170, north=90, east=-170).share == pytest.approx(20 / 360 / 2)


@pytest.mark.parametrize(
    "given",
    [
        {"south": 52, "west": 30, "north": 51, "east": 31},
        {"south": -91, "west": 0, "north": 0, "east": 0},
        {"south": 0, "west": 181, "north": 1, "east": 0},
        {"south": float("nan"), "west": 0, "north": 1, "east": 0},
        {"south": 0, "west": float("inf"), "north": 1, "east": 0},
        {"south": 0, "west": 0, "north": 1},
        {"south": "x", "west": 0, "north": 1, "east": 1},
    ],
)
def test_what_is_no_box_is_said(given: dict[str, float]) -> None:
    with pytest.raises(InputError, match="no part of a map"):
        box_of(**given)


def test_numbers_come_as_text_from_addresses() -> None:
    assert box_of(south="51", west="30.5", north="52", east="31") == Box(
        south=51, west=30.5, north=52, east=31
    )


def test_cells_are_in_no_telling_order(reader: Projection) -> None:
    cells = map_view(reader, WORLD, 10).cells
    assert list(cells) == sorted(cells, key=lambda one: one.cell)
    assert isinstance(cells[0], MapCell)
