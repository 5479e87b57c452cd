"""A cell says the same of every true place inside it, holds enough places, and never gets finer by itself."""

import itertools
import math
import random
from pathlib import Path

import h3
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from oberih.errors import InputError
from oberih.trust.cells import (
    CLASSES,
    RESOLUTIONS,
    CandidateSites,
    Generalised,
    Precision,
    TruePlace,
    bounds,
    cell_of,
    centre,
    coarser,
    generalised,
    is_cell,
    parent,
    polygon,
    precision_of,
)

CHERNIHIV = TruePlace(51.4939, 31.2947)
FINE = CLASSES[1:]  # all but "withheld"

NUMBERS = np.random.default_rng(7)
EVEN = NUMBERS.uniform(51.2, 51.8, 3000), NUMBERS.uniform(30.9, 31.7, 3000)
SCATTERED = *EVEN, CandidateSites(*EVEN)

degrees = st.floats(allow_nan=False, allow_infinity=False, width=64)
places = st.builds(
    TruePlace,
    degrees.filter(lambda x: 0.01 < abs(x) <= 90) | st.floats(44, 52.4),
    degrees.filter(lambda x: 0.01 < abs(x) <= 180) | st.floats(22, 40.2),
)
# A dense corner of the country, so that cells of all sizes hold several places.
near = st.builds(TruePlace, st.floats(51.3, 51.7), st.floats(31.0, 31.6))
classes = st.sampled_from(CLASSES)


def register(count: int, seed: int = 1, spread: float = 0.2) -> CandidateSites:
    """Places scattered around Chernihiv."""
    numbers = np.random.default_rng(seed)
    return CandidateSites(
        numbers.normal(51.4939, spread, count).clip(40, 60), numbers.normal(31.2947, spread, count)
    )


def cell(place: TruePlace, precision: Precision) -> str:
    found = cell_of(place.latitude_deg, place.longitude_deg, precision)
    assert found
    return found


def anywhere_in(cell: str, random: random.Random) -> TruePlace:
    """A place inside a cell, not at its middle."""
    latitude, longitude = h3.cell_to_latlng(cell)
    outline = [h3.cell_to_latlng(vertex) for vertex in h3.grid_disk(cell, 1)]
    for _ in range(100):
        corner = random.choice(outline)
        share = random.uniform(0, 1) ** 0.5
        east = math.remainder(corner[1] - longitude, 360)
        at = latitude + share * (corner[0] - latitude), math.remainder(longitude + share * east, 360)
        if h3.latlng_to_cell(*at, h3.get_resolution(cell)) == cell:
            return TruePlace(*at)
    return TruePlace(latitude, longitude)


@given(places, classes)
def test_a_cell_is_that_of_the_grid(place: TruePlace, precision: Precision) -> None:
    found = cell_of(place.latitude_deg, place.longitude_deg, precision)
    if precision == "withheld":
        assert found is None
    else:
        expected = h3.latlng_to_cell(place.latitude_deg, place.longitude_deg, RESOLUTIONS[precision])
        assert found == expected and is_cell(found, precision) and precision_of(found) == precision


def test_cells_are_as_large_as_their_classes_say() -> None:
    assert CLASSES == ("withheld", "region", "10 km", "1 km", "exact")
    for precision, side_m in (("region", 69_000), ("10 km", 9_850), ("1 km", 1_400), ("exact", 28)):
        edge_m = h3.average_hexagon_edge_length(RESOLUTIONS[precision], "m")
        assert edge_m == pytest.approx(side_m, rel=0.05)


@given(near, st.sampled_from(FINE), st.integers(0, 40), st.randoms(use_true_random=False))
def test_the_answer_is_the_same_for_every_true_place_in_the_cell(
    place: TruePlace, asked: Precision, k: int, random: random.Random
) -> None:
    sites = register(300)
    public = generalised(place, asked, sites, k, before=None)
    assume(public.cell is not None and public.precision == asked)
    assert public.cell
    for _ in range(20):
        other = anywhere_in(public.cell, random)
        assert generalised(other, asked, sites, k, before=None) == public


@given(places, st.sampled_from(list(itertools.combinations(FINE, 2))))
def test_classes_nest(place: TruePlace, pair: tuple[Precision, Precision]) -> None:
    """In the index exactly; on the ground, a cell lies in its parent or reaches out of it a little."""
    coarse, fine = pair
    assert coarser(coarse, fine) and not coarser(fine, coarse) and not coarser(fine, fine)
    above = parent(cell(place, fine), coarse)
    assert above is not None and is_cell(above, coarse)
    assert not is_cell(cell(place, fine), coarse)
    assert above in h3.grid_disk(cell(place, coarse), 1)
    assert parent(above, coarse) == above
    assert parent(above, "withheld") is None


def test_a_finer_cell_is_never_made_of_a_coarser_one() -> None:
    with pytest.raises(InputError, match="cannot be had"):
        parent(cell(CHERNIHIV, "10 km"), "1 km")


@given(near, classes, st.integers(0, 60), st.integers(0, 60), st.integers(0, 400))
def test_more_places_to_hide_among_never_give_a_finer_cell(
    place: TruePlace, asked: Precision, one: int, other: int, count: int
) -> None:
    sites = register(count)
    few, many = (generalised(place, asked, sites, k, before=None) for k in sorted((one, other)))
    assert few.precision == many.precision or coarser(many.precision, few.precision)
    for public, k in zip((few, many), sorted((one, other)), strict=True):
        assert public.asked == asked and not coarser(asked, public.precision)
        assert (public.cell is None) == (public.precision == "withheld")
        if public.cell and public.precision != "exact":
            assert sites.count(public.cell) >= k


def test_a_cell_with_too_few_places_becomes_coarser_until_it_holds_enough() -> None:
    """Case 12: on a coast or a border a cell may hold nothing but the one thing that hides in it."""
    alone, in_town = [51.4939], [51.60, 51.61, 51.62]
    sites = CandidateSites(alone + in_town, [31.2947, 31.30, 31.31, 31.32])
    first = generalised(CHERNIHIV, "1 km", sites, 1, before=None)
    assert first.precision == "1 km" and "custodian chose" in first.reason
    hidden = generalised(CHERNIHIV, "1 km", sites, 4, before=None)
    assert hidden.precision == "region" and hidden.cell == cell(CHERNIHIV, "region")
    assert "fewer than 4" in hidden.reason
    nothing = generalised(CHERNIHIV, "1 km", sites, 5, before=None)
    assert (nothing.cell, nothing.precision) == (None, "withheld") and "not even a region" in nothing.reason
    assert generalised(CHERNIHIV, "exact", sites, 5, before=None).cell == cell(CHERNIHIV, "exact")
    assert generalised(CHERNIHIV, "withheld", sites, 0, before=None).cell is None


@given(
    near, st.sampled_from(FINE), st.lists(st.tuples(near, st.integers(0, 500)), max_size=8), st.integers(1, 9)
)
def test_what_is_public_never_becomes_finer_or_moves_aside(
    place: TruePlace, asked: Precision, later: list[tuple[TruePlace, int]], k: int
) -> None:
    """Case 11: ingested again and again, the place corrected, known places added and removed."""
    public = generalised(place, asked, register(120), k, before=None)
    assert all(
        generalised(place, asked, register(120), k, before=public).cell == public.cell for _ in range(5)
    )
    for corrected, count in later:
        again = generalised(corrected, asked, register(count), k, before=public)
        if again.cell is None:
            assert again.precision == "withheld"
        else:
            assert public.cell is not None
            assert parent(public.cell, again.precision) == again.cell
        public = again


def test_places_that_become_known_later_make_nothing_finer_by_themselves() -> None:
    public = generalised(CHERNIHIV, "1 km", register(5), 20, before=None)
    assert public.precision == "withheld"
    crowd = CandidateSites(51.4939 + np.linspace(0, 1e-2, 200), np.full(200, 31.2947))
    still = generalised(CHERNIHIV, "1 km", crowd, 20, before=public)
    assert still.cell is None and "only if the class is changed" in still.reason
    changed = generalised(CHERNIHIV, "10 km", crowd, 20, before=still)
    assert changed.cell == cell(CHERNIHIV, "10 km")


@given(near, st.integers(1, 30))
def test_a_changed_class_never_leaves_fewer_places_than_k(place: TruePlace, k: int) -> None:
    """Who knows the old cell and the new one can intersect them: enough places lie in both."""
    latitudes, longitudes, sites = SCATTERED
    wide = generalised(place, "10 km", sites, k, before=None)
    close = generalised(place, "1 km", sites, k, before=wide)
    assert wide.cell and close.cell
    both = [
        (latitude, longitude)
        for latitude, longitude in zip(latitudes, longitudes, strict=True)
        if cell_of(latitude, longitude, wide.precision) == wide.cell
        and cell_of(latitude, longitude, close.precision) == close.cell
    ]
    assert len(both) >= k
    wide_again = generalised(place, "10 km", sites, k, before=close)
    assert wide_again.cell == parent(close.cell, "10 km")  # which anybody could have told


def test_places_beyond_the_old_cell_do_not_hide_anything_in_the_new_one() -> None:
    """A small cell across the border of the large one that was public: only its part inside may be meant."""
    latitude, longitude = centre(cell(CHERNIHIV, "10 km"))
    steps = [TruePlace(latitude, longitude + step / 10_000) for step in range(2_000)]
    last = next(a for a, b in itertools.pairwise(steps) if cell(a, "10 km") != cell(b, "10 km"))
    around = [TruePlace(last.latitude_deg, last.longitude_deg + step / 20_000) for step in range(-400, 400)]
    shared = [place for place in around if cell(place, "1 km") == cell(last, "1 km")]
    beyond = [place for place in shared if cell(place, "10 km") != cell(last, "10 km")]
    inside = [place for place in shared if place not in beyond]
    sites = CandidateSites(*zip(*[(p.latitude_deg, p.longitude_deg) for p in shared], strict=True))
    assert inside and beyond
    wide = generalised(last, "10 km", sites, 1, before=None)
    k = len({cell(place, "exact") for place in inside})
    assert generalised(last, "1 km", sites, k, before=wide).precision == "1 km"
    assert generalised(last, "1 km", sites, k + 1, before=wide).precision != "1 km"
    assert generalised(last, "1 km", sites, k + 1, before=None).precision == "1 km"


def test_counting_is_exact_and_several_entries_for_one_place_are_one() -> None:
    far_apart = np.meshgrid(np.linspace(51, 52, 50), np.linspace(31, 32, 40))
    latitudes, longitudes = (axis.ravel().tolist() for axis in far_apart)
    twice = CandidateSites(latitudes * 2, longitudes * 2)
    assert len(twice) == 2000
    for precision in FINE:
        wanted = [
            h3.latlng_to_cell(*at, RESOLUTIONS[precision]) for at in zip(latitudes, longitudes, strict=True)
        ]
        for one in sorted(set(wanted))[:50]:
            assert twice.count(one) == wanted.count(one)
    assert CandidateSites([], []).count(cell(CHERNIHIV, "region")) == 0


@pytest.mark.parametrize(
    ("latitude", "longitude", "said"),
    [
        (math.nan, 31.0, "no number"),
        (51.0, math.inf, "no number"),
        (None, 31.0, "no number"),
        ("51", 31.0, "no number"),
        (True, 31.0, "no number"),
        (90.01, 31.0, "within 90"),
        (51.0, -180.5, "within 180"),
        (5_590_000, 322_000, "within 90"),
        (51.0, 10**400, "within 180"),
        (0.0, 0.0, "Gulf of Guinea"),
        (-0.0004, 0.0009, "Gulf of Guinea"),
    ],
)
def test_what_is_no_place_is_refused(latitude: float, longitude: float, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        cell_of(latitude, longitude, "region")
    assert caught.value.advice
    with pytest.raises(InputError):
        TruePlace(latitude, longitude)


def test_ends_of_the_earth_are_places() -> None:
    for latitude, longitude in ((90, 180), (-90, -180), (0, 31), (51, 0), (0.0, 0.01)):
        assert cell_of(latitude, longitude, "exact")


def test_true_places_never_print() -> None:
    shown = f"{CHERNIHIV} {CHERNIHIV!r} {[CHERNIHIV]} {register(3)!r}"
    assert "51" not in shown and "31" not in shown
    with pytest.raises(InputError) as caught:
        TruePlace(91.2345, 31.5678)
    assert "1.2345" not in caught.value.message and "31" not in caught.value.message


@pytest.mark.parametrize("precision", FINE)
def test_a_cell_on_a_map(precision: Precision) -> None:
    one = cell(CHERNIHIV, precision)
    outline = polygon(one)
    assert outline[0] == outline[-1] and len(outline) == 7
    area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in itertools.pairwise(outline))
    assert area > 0  # counter-clockwise
    west, south, east, north = bounds(one)
    latitude, longitude = centre(one)
    assert west < longitude < east and south < latitude < north
    assert west <= CHERNIHIV.longitude_deg <= east and south <= CHERNIHIV.latitude_deg <= north


def test_cells_across_the_antimeridian_and_on_the_poles() -> None:
    across = h3.latlng_to_cell(-17.0, 180.0, 3)
    longitudes = [longitude for longitude, _ in polygon(across)]
    assert max(longitudes) - min(longitudes) < 5
    west, _, east, _ = bounds(across)
    assert 170 < west < 180 and -180 < east < -170
    north = h3.latlng_to_cell(90.0, 0.0, 3)
    assert bounds(north)[0::2] == (-180, 180) and bounds(north)[3] == 90
    assert bounds(h3.latlng_to_cell(-90.0, 0.0, 3))[1] == -90


@pytest.mark.parametrize("wrong", ["", "abc", "8", "881e4d0000fffff", "851E4D03FFFFFFF", "851e4d03fffffff0"])
def test_what_is_no_public_cell_is_refused(wrong: str) -> None:
    for use in (precision_of, centre, polygon, bounds):
        with pytest.raises(InputError, match="no public cell"):
            use(wrong)


def test_a_register_is_read_from_a_table(tmp_path: Path) -> None:
    table = tmp_path / "register.csv"
    table.write_text('name,lat,lon\nchurch,51.4939,31.2947\n\n"mill, old",51.5000,31.3000\n')
    sites = CandidateSites.from_csv(table)
    assert len(sites) == 2 and sites.count(cell(CHERNIHIV, "region")) == 2
    table.write_bytes(
        "\ufeffНазва;Широта;Довгота\nцерква;51,4939;31,2947\n".encode()
    )  # as Excel in Ukraine writes
    assert CandidateSites.from_csv(table).count(cell(CHERNIHIV, "exact")) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no columns lat and lon"),
        (b"51.4,31.2\n51.5,31.3\n", "no columns lat and lon"),
        (b"lat,lon\n51.4,31.2\n51.5\n", "row 3: The latitude or the longitude is no number"),
        (b"lat,lon\n51.4,here\n", "row 2: The latitude or the longitude is no number"),
        (b"lat,lon\n31.2,251.4\n", "row 2: The latitude is not within"),
        (b"lat,lon\n51.4,31.2\n0,0\n", "row 3: The place is 0, 0"),
        (b"lat,lon\n\xff\xfe,1\n", "no CSV table"),
        (b'lat,lon\n"' + b"x" * 200_000 + b'",1\n', "no CSV table"),
    ],
)
def test_a_table_that_is_wrong_is_refused_with_its_row(tmp_path: Path, content: bytes, said: str) -> None:
    table = tmp_path / "register.csv"
    table.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        CandidateSites.from_csv(table)
    assert caught.value.advice


def test_a_table_that_is_not_there_and_arrays_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        CandidateSites.from_csv(tmp_path / "none.csv")
    with pytest.raises(InputError, match="as many latitudes"):
        CandidateSites([51.0, 52.0], [31.0])
    with pytest.raises(InputError, match="Place 2 of the list: The latitude or the longitude is no number"):
        CandidateSites([51.0, math.nan], [31.0, 32.0])
    with pytest.raises(InputError, match="negative"):
        generalised(CHERNIHIV, "1 km", register(1), -1, before=None)


def test_what_is_kept_is_what_was_answered() -> None:
    public = generalised(CHERNIHIV, "1 km", register(100), 0, before=None)
    assert public == Generalised(cell(CHERNIHIV, "1 km"), "1 km", "1 km", "As the custodian chose.")
