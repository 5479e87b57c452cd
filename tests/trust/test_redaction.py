"""Faces and number plates are found and hidden for good; a custodian corrects what was found."""

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydantic import ValidationError

from drawn import face, number, placed, plate
from oberih.trust.redaction import HIDDEN, REACH, Box, Corrections, Kind, Region, blurred, find
from synthetic import value_noise

Picture = NDArray[np.uint8]


def wall(width: int = 640, height: int = 480, seed: int = 3) -> Picture:
    """A surface like rough stone."""
    return np.round(value_noise(width, height, seed) * 255).astype(np.uint8)


def with_face(
    background: Picture, x: float, y: float, height: float, *, seed: int = 1, turn: float = 0
) -> Picture:
    """A head of that height whose middle is at (x, y), turned clockwise by ``turn`` degrees."""
    head, mask = face(round(min(max(height, 64), 512)), seed)
    return placed(background, head, rectangle(x, y, 0.8 * height, height, turn), mask)


def rectangle(x: float, y: float, width: float, height: float, turn: float = 0) -> NDArray[np.float64]:
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    return corners @ np.array([[c, s], [-s, c]]) + (x, y)


def of(kind: Kind, found: tuple[Region, ...]) -> list[Region]:
    return [one for one in found if one.kind == kind]


# Finding


def test_what_is_not_there_is_not_found() -> None:
    assert find(wall()) == ()


@pytest.mark.parametrize("height", [24, 60, 180, 440])
def test_faces_of_every_size_are_found_where_they_are(height: int) -> None:
    (found,) = of("face", find(with_face(wall(), 320, 240, height)))
    assert abs(found.centre[0] - 320) < 0.15 * height and abs(found.centre[1] - 240) < 0.25 * height
    assert 0.5 < found.height / height < 1.1 and found.score > 0.5


def test_small_faces_in_a_large_picture_are_found_also_where_tiles_meet() -> None:
    picture = np.tile(wall(), (4, 4, 1))[:1600, :2400].copy()
    places = [(x, y) for x in (90, 1110, 1190, 2330) for y in (70, 790, 1530)]
    for number_, (x, y) in enumerate(places):
        picture = with_face(picture, x, y, 40, seed=number_)
    found = of("face", find(picture))
    assert len(found) == len(places)
    for x, y in places:
        assert any(math.dist(one.centre, (x, y)) < 12 for one in found), (x, y)


@pytest.mark.parametrize("turn", [30, -45, 90, 180])
def test_turned_faces_are_found(turn: int) -> None:
    assert len(of("face", find(with_face(wall(), 320, 240, 120, turn=turn)))) == 1


@pytest.mark.parametrize("look", ["ua", "eu", "yellow", "square"])
@pytest.mark.parametrize("height", [18, 40, 100])
def test_plates_of_every_look_and_size_are_found(look: str, height: int) -> None:
    rng = np.random.default_rng(height)
    drawn = plate(number(rng), look=look)
    width = height * drawn.shape[1] / drawn.shape[0]
    picture = placed(wall(), drawn, rectangle(320, 240, width, height, 4))
    (found,) = of("plate", find(picture))
    hidden = np.array([found.width, found.height]) * HIDDEN / 2
    inside = np.abs(rectangle(320, 240, 0.9 * width, 0.8 * height, 4) - found.centre) <= hidden
    assert inside.all(), "not all of the plate would be hidden"
    assert found.width < 1.4 * width + 20 and found.height < 2 * height + 20


def test_a_plate_seen_from_the_side_is_found() -> None:
    picture = placed(wall(), plate("AA 1234 BB"), np.array([[250, 200], [370, 225], [370, 270], [250, 262]]))
    (found,) = of("plate", find(picture))
    assert math.dist(found.centre, (310, 239)) < 15


def test_lettering_that_is_no_plate_stays() -> None:
    """An inscription is the heritage itself."""
    page = Image.fromarray(wall())
    pen = ImageDraw.Draw(page)
    for row, line in enumerate(
        (
            "THEY BUILT THIS CHURCH IN",
            "THE YEAR 1654 WITH HELP",
            "OF THE BROTHERHOOD OF",
            "MASONS OF CHERNIHIV",
        )
    ):
        pen.text((60, 80 + 60 * row), line, (40, 34, 30), ImageFont.load_default(36))
    assert of("plate", find(np.asarray(page))) == []


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_in_stored_order_is_searched_upright(orientation: int) -> None:
    """What a camera held on its side stored, with the region where it is in the stored picture."""
    upright = with_face(wall(480, 360), 130, 100, 90)
    exif = Image.Exif()
    exif[0x0112] = orientation
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[
        orientation
    ]  # Pillow's transpositions, inverted
    stored = Image.fromarray(upright)
    if undo is not None:
        stored = stored.transpose(Image.Transpose(undo))
    spot = np.zeros((360, 480), np.uint8)
    spot[100, 130] = 255
    row, column = np.argwhere(
        np.asarray(
            Image.fromarray(spot) if undo is None else Image.fromarray(spot).transpose(Image.Transpose(undo))
        )
    )[0]
    (found,) = of("face", find(np.asarray(stored), orientation=orientation))
    assert math.dist(found.centre, (column, row)) < 15


# Hiding


def test_a_hidden_face_is_found_no_more_and_the_rest_is_untouched() -> None:
    picture = with_face(wall(), 300, 200, 160)
    regions = find(picture)
    public = blurred(picture, regions)
    assert find(public) == ()
    away = np.ones(picture.shape[:2], bool)
    for one in regions:
        (x, y), across, down = one.centre, one.width * REACH / 2, one.height * REACH / 2
        away[int(y - down) : int(y + down) + 2, int(x - across) : int(x + across) + 2] = False
    assert away.mean() > 0.8 and np.array_equal(public[away], picture[away])
    assert not np.array_equal(picture, public)  # and the picture that was given is as it was


@pytest.mark.parametrize("kind", ["face", "plate", "by hand"])
@pytest.mark.parametrize("size", [12, 60, 300])
def test_all_of_the_region_and_a_third_more_is_a_handful_of_colours(kind: Kind, size: int) -> None:
    """Two pictures whose few rounded means agree are the same afterwards: what told them apart is gone."""
    rng = np.random.default_rng(size)
    one = rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)
    region = Region(kind, 320 - size / 2, 240 - size / 2, size, size)
    hidden = blurred(one, [region])
    reach = int(size * HIDDEN / 2 * 2 ** (-1 / 4)) - 1  # a square inside the rounded outline
    middle = hidden[240 - reach : 240 + reach, 320 - reach : 320 + reach]
    assert reach >= size / 2 - 1  # the region lies in it
    again = cv2.resize(
        cv2.resize(middle, (6, 6), interpolation=cv2.INTER_AREA),
        middle.shape[1::-1],
        interpolation=cv2.INTER_LINEAR,
    )
    assert np.abs(again.astype(int) - middle).mean() < 8  # 36 numbers tell all that is left, and
    other = one.copy()
    part = other[240 - reach : 240 + reach, 320 - reach : 320 + reach]
    for rows in np.array_split(np.arange(len(part)), 6):  # shuffled within each corner, means stay
        for columns in np.array_split(np.arange(len(part)), 6):
            block = part[np.ix_(rows, columns)].reshape(-1, 3)
            part[np.ix_(rows, columns)] = rng.permutation(block).reshape(len(rows), len(columns), 3)
    assert (
        np.abs(blurred(other, [region]).astype(int) - hidden)[
            240 - reach : 240 + reach, 320 - reach : 320 + reach
        ].max()
        <= 16
    )


def test_the_number_of_a_plate_cannot_be_told_from_what_is_left() -> None:
    """An attacker who knows how it was done hides every number that may be, and compares."""
    rng = np.random.default_rng(8)
    background = wall()
    left = set()
    for _ in range(60):
        picture = placed(background, plate(number(rng)), rectangle(320, 240, 260, 56))
        hidden = blurred(picture, [Region("plate", 190, 212, 260, 56)])
        left.add(hidden[212:268, 190:450].tobytes())
    assert len(left) <= 4  # of 60


def test_hiding_is_the_same_at_every_size() -> None:
    picture = with_face(wall(), 300, 200, 200)
    region = Region("face", 240, 130, 120, 150)
    large = cv2.resize(picture, (1280, 960), interpolation=cv2.INTER_CUBIC)
    smaller = cv2.resize(blurred(large, [region.scaled(2, 2)]), (640, 480), interpolation=cv2.INTER_AREA)
    assert np.abs(smaller.astype(int) - blurred(picture, [region])).mean() < 3


def test_regions_at_the_border_and_outside_do_no_harm() -> None:
    picture = wall(100, 80)
    for left, top in ((-20, -20), (90, 70), (-500, 10), (40, 200)):
        assert blurred(picture, [Region("face", left, top, 40, 40)]).shape == picture.shape


# Corrections


def test_a_custodian_clears_a_statue_s_face_and_adds_what_was_missed() -> None:
    """The face of a statue is found like any: it is hidden until somebody says that it may be seen."""
    picture = with_face(with_face(wall(), 160, 200, 120), 460, 200, 120, seed=2)
    found = find(picture)
    statue = min(found, key=lambda one: one.left)
    corrections = Corrections(
        cleared=(Box.of(statue, picture.shape),), added=(Box(left=0.4, top=0.8, width=0.1, height=0.1),)
    )
    kept = Corrections.model_validate_json(corrections.model_dump_json())
    assert kept == corrections
    hidden = kept.applied(found, picture.shape)
    assert statue not in hidden and [one.kind for one in hidden] == ["face", "by hand"]
    public = blurred(picture, hidden)
    assert [round(one.centre[0]) for one in of("face", find(public))] == [round(statue.centre[0])]
    # A thumbnail has other pixels, but the same fractions.
    small = cv2.resize(picture, (320, 240), interpolation=cv2.INTER_AREA)
    assert [one.kind for one in kept.applied(find(small), small.shape)] == ["face", "by hand"]


def test_clearing_one_face_does_not_clear_another() -> None:
    there, beside = Region("face", 100, 100, 40, 50, 0.9), Region("face", 130, 100, 40, 50, 0.9)
    large = Region("face", 60, 60, 140, 150, 0.9)
    corrections = Corrections(cleared=(Box.of(there, (480, 640)),))
    assert corrections.applied([there, beside, large], (480, 640)) == (beside, large)


@pytest.mark.parametrize(
    "told",
    [
        '{"added": [{"left": -0.1, "top": 0, "width": 0.5, "height": 0.5}]}',
        '{"added": [{"left": 0, "top": 0, "width": 0, "height": 0.5}]}',
        '{"added": [{"left": 0, "top": 0, "width": NaN, "height": 0.5}]}',
        '{"seen": []}',
    ],
)
def test_corrections_that_make_no_sense_are_refused(told: str) -> None:
    with pytest.raises(ValidationError):
        Corrections.model_validate_json(told)
