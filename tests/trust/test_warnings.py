"""A reviewer is warned of what betrays a place or a person in prose (case 13)."""

import itertools

import pytest

from oberih.i18n import language
from oberih.trust.warnings import Names, WarningKind, warnings_in

COORDINATES = [
    "Стоїть за координатами 51.4939, 31.2947 біля лісу",
    "51.49391 31.29471",
    "51,4939; 31,2947",
    "31.2947, 51.4939",
    "(51.494, 31.295) by GPS",
    "GPS: 51.49 31.29",
    "-33.8568, 151.2153",
    "lat=51.49&lon=31.29",
    '{"lat": 51.4939, "lng": 31.2947}',
    "широта 51.4939, довгота 31.2947",
    "51.4939° N, 31.2947° E",
    "N 51.49°",
    "51.4939 пн. ш. 31.2947 сх. д.",
    "51°29'38\"N 31°17'41\"E",
    "51°29′38″ пн. ш., 31°17′41″ сх. д.",
    "51° 29.634' N",
    "N51°29.634 E31°17.682",
    "51º29'38.5''с.ш.",
    "51d29m38s N",
    "51 29 38 N, 31 17 41 E",
    "IMG_51-29-38N_31-17-41E.jpg",
    "photo_51.4939_31.2947.jpg",
    "51 градус 29 хвилин північної широти",
    "51 degrees 29 minutes north",
    "51°29' 31°17'",
    "512938N 0311741E",
    "+51.4939+031.2947/",
    "36U UB 81600 06000",
    "36UUB8160006000",
    "36U 381600 5706000",
    "UTM 36U 0381600E 5706000N",
    "X=5706000, Y=6381600",
    "9GF3F7VV+HV",
    "F7VV+HV Чернігів",
    "geo:51.4939,31.2947",
    "https://maps.google.com/?q=51.4,31.2",
    "https://www.google.com/maps/@51.4,31.2,17z",
    "дивіться https://maps.app.goo.gl/AbCdEf12345",
    "https://www.openstreetmap.org/#map=17/51.4/31.2",
    "https://osm.org/go/0EEQjE--",
    "https://example.org/view?lat=51.4939&lon=31.2947",
    "///filled.count.soap",
    "what3words: слово.друге.третє",
    "geohash u8vxn84mnu",
    "cell 871e4d00affffff",
    "51.4939\u00a0N, 31.2947\u00a0E",
    "5\u200b1.4\u200b939, 31.2947",  # invisible characters between
    "５１.４９３９, ３１.２９４７",  # full width
    "51.4939 — 31.2947",
]
ADDRESSES = [
    "вул. Шевченка, 12",
    "Церква на вулиці Гончій",
    "вул. Т. Шевченка",
    "вул. ім. академіка Павлова 3а",
    "вул. 8 Березня",
    "просп. Перемоги 44",
    "на проспекті Миру",
    "бульвар Лесі Українки",
    "площа Ринок, 4",
    "на Контрактовій площі",
    "Андріївський узвіз",
    "пров. Музейний, буд. 5",
    "у будинку 7а",
    "буд. 12/3",
    "кв. 5",
    "квартира 17",
    "індекс 14000",
    "14000, м. Чернігів",
    "майдан Незалежності",
    "кадастровий номер 7410100000:01:012:0045",
    "ул. Ленина, 3",
    "12 Market Street",
    "It stands in Khreshchatyk Street",
    "221B Baker St",
    "10 Downing St., London",
    "on Independence Square",
    "apartment 12",
    "Flat 3b",
    "SW1A 2AA",
    "vul. Shevchenka, 12",
    "vulytsia Soborna",
    "Hauptstraße 5",
]
SETTLEMENTS = [
    "дерев'яна церква в с. Седнів",
    "село Козацьке",
    "у селі Великі Сорочинці",
    "смт Козелець",
    "м. Ніжин",
    "хутір Надія",
    "Ічнянський район",
    "Менська громада",
    "the village of Sedniv",
    "in Sedniv village",
]
PEOPLE = [
    ("phone", "+380 44 123 45 67"),
    ("phone", "+380441234567"),
    ("phone", "067 123 45 67"),
    ("phone", "(0462) 12-34-56"),
    ("phone", "тел. 2-34-56"),
    ("phone", "+44 20 7946 0958"),
    ("phone", "(555) 012-3456"),
    ("e-mail", "пишіть на somebody@example.org"),
    ("e-mail", "somebody (at) example (dot) org"),
    ("e-mail", "somebody [at] example.org"),
    ("account", "t.me/somebody"),
    ("account", "https://www.instagram.com/somebody"),
    ("account", "мій канал @somebody_ua"),
    ("number plate", "поруч авто АА 1234 ВВ"),
    ("number plate", "AA1234BB"),
    ("number plate", "КА-1234-ІН"),
    ("number plate", "AB-123-CD"),
    ("number plate", "AB12 CDE"),
    ("number plate", "a car WA 12345"),
    ("number plate", "автомобіль B-MW 1234"),
]
MILITARY = [
    "поруч блокпост",
    "біля блокпосту стоять",
    "зліва видно окопи",
    "окоп за церквою",
    "траншея вздовж дороги",
    "бліндаж",
    "військова частина А1234",
    "у військовому містечку",
    "в/ч А1234",
    "позиції ЗСУ",
    "позиція ППО за школою",
    "вогнева точка",
    "склад боєприпасів",
    "заміноване поле",
    "мінне поле",
    "колона бронетехніки",
    "гаубиця у дворі",
    "стоїть БТР",
    "протитанкові їжаки",
    "a checkpoint next to the gate",
    "trenches behind the church",
    "an artillery position",
    "a military base nearby",
    "troops live in the school",
    "a minefield",
    "air defence on the hill",
    "unexploded shell",
    "an ammunition depot",
    "T-72 in the yard",
    "anti-tank hedgehogs",
    "a sniper's nest",
]


def kinds(text: str) -> list[WarningKind]:
    return [warning.kind for warning in warnings_in(text)]


@pytest.mark.parametrize("text", COORDINATES)
def test_coordinates_in_any_notation(text: str) -> None:
    assert "coordinates" in kinds(text)


@pytest.mark.parametrize("text", ADDRESSES)
def test_addresses(text: str) -> None:
    assert "address" in kinds(text)


@pytest.mark.parametrize("text", SETTLEMENTS)
def test_settlements_that_say_what_they_are(text: str) -> None:
    assert kinds(text) == ["settlement"]


@pytest.mark.parametrize(("kind", "text"), PEOPLE)
def test_ways_to_reach_a_person(kind: WarningKind, text: str) -> None:
    assert kinds(text) == [kind]


@pytest.mark.parametrize("text", MILITARY)
def test_military_words(text: str) -> None:
    assert set(kinds(text)) == {"military"}


NEAR = Names(
    ["Чернігів", "Козацьке", "Бородянка", "Ірпінь", "Біла Церква", "Кам'янець-Подільський", "Суми", "Sedniv"]
)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Церква у Чернігові", "Чернігові"),
        ("Чернігівська ратуша", "Чернігівська"),
        ("Знято під Козацьким улітку", "Козацьким"),
        ("біля Бородянки", "Бородянки"),
        ("у Бородянці", "Бородянці"),
        ("з Ірпеня", "Ірпеня"),
        ("ДЗВІНИЦЯ В ІРПЕНІ", "ІРПЕНІ"),
        ("у Білій Церкві", "Білій Церкві"),
        ("музей Кам'янця-Подільського", "Кам'янця-Подільського"),
        ("музей Камʼянця–Подільського", "Камʼянця–Подільського"),
        ("до Сум", "Сум"),
        ("Chernihiv's oldest church", "Chernihiv"),
        ("a mill in Kozatske", "Kozatske"),
        ("Sedniv, 1905", "Sedniv"),
        ("chernihiv_church_01.jpg", "chernihiv"),
        ("ChurchInBorodianka2.jpg", "Borodianka"),
        ("млин_козацьке.jpg", "козацьке"),
        ("Черні\u0301гів", "Черні\u0301гів"),  # with a stress mark
        ("Ки\u0308в і Чернігів", "Чернігів"),
    ],
)
def test_names_of_settlements_in_all_their_forms(text: str, named: str) -> None:
    found = [warning for warning in warnings_in(text, settlements_near=NEAR) if warning.kind == "settlement"]
    assert [warning.text for warning in found] == [named]
    assert text[found[0].start : found[0].end] == named


@pytest.mark.parametrize(
    "text",
    ["Дві суми за роботу", "козацьке бароко", "біла церква", "Чернівці", "Сумка", "Суміш вапна", "Сумерки"],
)
def test_other_words_are_no_names_of_settlements(text: str) -> None:
    """Common words count only with a capital, as long as the text has any."""
    assert warnings_in(f"Опис. {text}", settlements_near=NEAR) == ()


WHO = Names.of_people(["Оксана Коваленко", "Andrii Shevchuk"])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Фото Оксани Коваленко", ["Оксани Коваленко"]),
        ("знімала Коваленко Оксана", ["Коваленко Оксана"]),
        ("фото О. Коваленко", ["Коваленко"]),
        ("Photo: Oksana Kovalenko", ["Oksana Kovalenko"]),
        ("Kovalenko_church.jpg", ["Kovalenko"]),
        ("recorded by A. Shevchuk", ["Shevchuk"]),
        ("дім Коваленків", ["Коваленків"]),
        ("Церква Святої Оксани", []),
        ("Saint Andrii", []),
        ("Stone house of Shevchuk", ["Shevchuk"]),
    ],
)
def test_names_of_contributors(text: str, named: list[str]) -> None:
    assert [w.text for w in warnings_in(text, people=WHO) if w.kind == "person"] == named


def test_a_warning_says_what_it_means_where_and_in_whose_language() -> None:
    text = "Старий млин.\nСтоїть за 51.4939, 31.2947; питати за +380 67 123 45 67."
    where, whom = warnings_in(text)
    assert (
        (where.kind, text[where.start : where.end])
        == ("coordinates", "51.4939, 31.2947")
        == (where.kind, where.text)
    )
    assert (whom.kind, whom.text) == ("phone", "+380 67 123 45 67")
    assert where.message.startswith("This looks like coordinates")
    assert language("en")(where.message) == where.message


def test_warnings_do_not_overlap_and_stand_in_order() -> None:
    text = "м. Чернігів, вул. Шевченка, 12, 51.4939, 31.2947, https://maps.google.com/?q=51.49,31.29 блокпост"
    found = warnings_in(text, settlements_near=NEAR)
    assert {w.kind for w in found} == {"settlement", "address", "coordinates", "military"}
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))
    assert all(text[w.start : w.end] == w.text for w in found)


def test_names_can_be_given_as_they_are() -> None:
    found = warnings_in("Оксана, Седнів", settlements_near=["Седнів"], people=["Оксана Коваленко"])
    assert [warning.kind for warning in found] == ["person", "settlement"]


def test_names_never_print() -> None:
    assert "Коваленко" not in f"{WHO} {WHO!r} {[WHO]}" and "ковален" not in repr(WHO)
