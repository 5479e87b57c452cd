"""Made-up public records that behave as real ones would: words after Zipf in two languages, some in most of
the records and most in a few; towns of Ukraine by their size; places as exact as custodians let them be.
"""

import random
from collections.abc import Iterator, Sequence

import h3
import numpy as np

from oberih.catalogue.public import (
    PublicCollection,
    PublicFile,
    PublicIdentifier,
    PublicPeriod,
    PublicPlace,
    PublicRecord,
    PublicRights,
    PublicTerm,
    Quality,
)
from oberih.trust.cells import RESOLUTIONS

__all__ = ["WORDS", "records"]

TOWNS = [  # Ukrainian, English, latitude, longitude, thousands of people, oblast in both
    ("Київ", "Kyiv", 50.45, 30.52, 2950, "Київ", "Kyiv"),
    ("Харків", "Kharkiv", 49.99, 36.23, 1420, "Харківська область", "Kharkiv Oblast"),
    ("Одеса", "Odesa", 46.48, 30.73, 1010, "Одеська область", "Odesa Oblast"),
    ("Дніпро", "Dnipro", 48.46, 35.04, 970, "Дніпропетровська область", "Dnipropetrovsk Oblast"),
    ("Львів", "Lviv", 49.84, 24.03, 720, "Львівська область", "Lviv Oblast"),
    ("Запоріжжя", "Zaporizhzhia", 47.84, 35.14, 710, "Запорізька область", "Zaporizhzhia Oblast"),
    ("Миколаїв", "Mykolaiv", 46.97, 31.99, 470, "Миколаївська область", "Mykolaiv Oblast"),
    ("Вінниця", "Vinnytsia", 49.23, 28.47, 370, "Вінницька область", "Vinnytsia Oblast"),
    ("Херсон", "Kherson", 46.64, 32.62, 280, "Херсонська область", "Kherson Oblast"),
    ("Полтава", "Poltava", 49.59, 34.55, 280, "Полтавська область", "Poltava Oblast"),
    ("Чернігів", "Chernihiv", 51.49, 31.29, 285, "Чернігівська область", "Chernihiv Oblast"),
    ("Черкаси", "Cherkasy", 49.44, 32.06, 270, "Черкаська область", "Cherkasy Oblast"),
    ("Хмельницький", "Khmelnytskyi", 49.42, 26.99, 275, "Хмельницька область", "Khmelnytskyi Oblast"),
    ("Чернівці", "Chernivtsi", 48.29, 25.94, 265, "Чернівецька область", "Chernivtsi Oblast"),
    ("Житомир", "Zhytomyr", 50.25, 28.66, 260, "Житомирська область", "Zhytomyr Oblast"),
    ("Суми", "Sumy", 50.91, 34.8, 255, "Сумська область", "Sumy Oblast"),
    ("Рівне", "Rivne", 50.62, 26.25, 245, "Рівненська область", "Rivne Oblast"),
    ("Івано-Франківськ", "Ivano-Frankivsk", 48.92, 24.71, 235, "Івано-Франківська область",
     "Ivano-Frankivsk Oblast"),
    ("Тернопіль", "Ternopil", 49.55, 25.59, 225, "Тернопільська область", "Ternopil Oblast"),
    ("Луцьк", "Lutsk", 50.75, 25.33, 215, "Волинська область", "Volyn Oblast"),
    ("Ужгород", "Uzhhorod", 48.62, 22.29, 115, "Закарпатська область", "Zakarpattia Oblast"),
    ("Кам'янець-Подільський", "Kamianets-Podilskyi", 48.68, 26.58, 97, "Хмельницька область",
     "Khmelnytskyi Oblast"),
    ("Умань", "Uman", 48.75, 30.22, 82, "Черкаська область", "Cherkasy Oblast"),
    ("Ніжин", "Nizhyn", 51.05, 31.88, 66, "Чернігівська область", "Chernihiv Oblast"),
    ("Дрогобич", "Drohobych", 49.35, 23.51, 74, "Львівська область", "Lviv Oblast"),
    ("Острог", "Ostroh", 50.33, 26.51, 15, "Рівненська область", "Rivne Oblast"),
    ("Канів", "Kaniv", 49.75, 31.46, 24, "Черкаська область", "Cherkasy Oblast"),
    ("Глухів", "Hlukhiv", 51.68, 33.91, 33, "Сумська область", "Sumy Oblast"),
]  # fmt: skip
TYPES = [  # kind, Ukrainian, English, weight
    ("building", "Церква", "Church", 30),
    ("building", "Собор", "Cathedral", 8),
    ("home", "Будинок", "House", 25),
    ("monument", "Пам'ятник", "Monument", 15),
    ("statue", "Скульптура", "Statue", 8),
    ("object", "Ікона", "Icon", 6),
    ("building", "Замок", "Castle", 3),
    ("building", "Синагога", "Synagogue", 3),
    ("street", "Вулиця", "Street", 4),
    ("site", "Городище", "Hillfort", 3),
    ("building", "Школа", "School", 6),
    ("building", "Музей", "Museum", 4),
    ("object", "Хрест", "Cross", 6),
    ("building", "Костел", "Roman Catholic church", 6),
    ("other", "Міст", "Bridge", 3),
    ("home", "Квартира", "Flat", 5),
    ("object", "Іграшка", "Toy", 1),
    ("monument", "Меморіал", "Memorial", 9),
]
NAMES = [
    ("Святого Миколая", "Saint Nicholas"), ("Святої Софії", "Saint Sophia"),
    ("Успіння", "the Dormition"), ("Покрови", "the Intercession"),
    ("Тараса Шевченка", "Taras Shevchenko"), ("Лесі Українки", "Lesia Ukrainka"),
    ("Богдана Хмельницького", "Bohdan Khmelnytskyi"), ("Івана Франка", "Ivan Franko"),
    ("Трійці", "the Trinity"), ("Архістратига Михаїла", "Archangel Michael"),
    ("загиблих воїнів", "fallen soldiers"), ("князя Володимира", "Prince Volodymyr"),
    ("Різдва Богородиці", "the Nativity"), ("Параскеви", "Paraskeva"),
    ("Григорія Сковороди", "Hryhorii Skovoroda"), ("купця Терещенка", "the merchant Tereshchenko"),
]  # fmt: skip
MATERIALS = [
    ("дерево", "wood"), ("цегла", "brick"), ("камінь", "stone"), ("бронза", "bronze"),
    ("граніт", "granite"), ("залізо", "iron"), ("скло", "glass"), ("вапняк", "limestone"),
    ("мармур", "marble"), ("бетон", "concrete"), ("кераміка", "ceramics"), ("олія", "oil paint"),
    ("срібло", "silver"), ("золото", "gold"),
]  # fmt: skip
LICENCES = [
    "https://creativecommons.org/licenses/by/4.0/",
    "https://creativecommons.org/publicdomain/zero/1.0/",
    "https://creativecommons.org/licenses/by-nc/4.0/",
    "https://rightsstatements.org/vocab/InC/1.0/",
]
COMMON_UK = (
    "і на в у з що до та не за це був була який року від при для також його сторони час було після частина "
    "пам'ятка архітектури століття збудована вежа стіни фасад дерев'яна кам'яна історія громада село місто "
    "площа розпис іконостас реставрація війна зруйнована відбудована вікно двері дах купол дзвіниця козацька "
    "бароко"
)
COMMON_EN = (
    "the of and in to a was is with by on from built century wooden stone church tower wall facade town "
    "village history community restored damaged rebuilt window door roof dome bell baroque cossack painted "
    "icon square architect monument part side time after it which for as at an its"
)
SYLLABLES_UK = "ба ве гор ди жа зо ки ло ма не пі ро са ти ху ча шо ющ як ков нів ра сто вил дуб кра мир слав"
SYLLABLES_EN = "ba con der el for gan hol in ker lan mor ne or pal que ros ster ton ul vir wes yar zen cas"
ENDINGS_UK = ["", "а", "и", "ів", "ом", "у", "ою", "ський", "ського"]
VOCABULARY = 60_000
WORDS: dict[str, list[str]] = {}  # the frequent ones first


def vocabulary(language: str) -> list[str]:
    """Real words, then made-up ones of its syllables."""
    if language not in WORDS:
        rng = random.Random(language)
        common, syllables = (COMMON_UK, SYLLABLES_UK) if language == "uk" else (COMMON_EN, SYLLABLES_EN)
        found = dict.fromkeys(common.split())
        while len(found) < VOCABULARY:
            word = "".join(rng.choices(syllables.split(), k=rng.choice((2, 3, 3, 4))))
            found[word + (rng.choice(ENDINGS_UK) if language == "uk" else rng.choice(["", "", "s"]))] = None
        WORDS[language] = list(found)
    return WORDS[language]


def texts(language: str, count: int, rng: np.random.Generator) -> list[str]:
    """Summaries of 10 to 60 words, of which the n-th most frequent is n times as rare as the first."""
    words = np.array(vocabulary(language), dtype=object)
    shares = np.cumsum(1 / np.arange(1, len(words) + 1))
    lengths = rng.integers(10, 60, count)
    drawn = words[np.searchsorted(shares / shares[-1], rng.random(int(lengths.sum())))]
    ends = np.cumsum(lengths)
    return [" ".join(drawn[end - n : end]) for end, n in zip(ends, lengths, strict=True)]


def weighted(rng: np.random.Generator, weights: Sequence[float], count: int) -> list[int]:
    shares = np.array(weights, float)
    return rng.choice(len(shares), count, p=shares / shares.sum()).tolist()


def records(count: int, seed: int = 1, *, batch: int = 5_000) -> Iterator[PublicRecord]:
    """``count`` records, always the same ones."""
    for first in range(0, count, batch):
        yield from some(min(batch, count - first), np.random.default_rng([seed, first]), first)


def some(count: int, rng: np.random.Generator, first: int) -> Iterator[PublicRecord]:
    town = weighted(rng, [row[4] ** 0.7 for row in TOWNS], count)
    what = weighted(rng, [row[3] for row in TYPES], count)
    material = weighted(rng, [1 / (n + 1) for n in range(len(MATERIALS))], count)
    licence = weighted(rng, [60, 25, 10, 5], count)
    precision = weighted(rng, [8, 12, 25, 35, 20], count)
    collection = weighted(rng, [1 / (n + 1) for n in range(300)], count)
    uk, en = texts("uk", count, rng), texts("en", count, rng)
    year = np.clip(2000 - rng.gamma(2.0, 90.0, count), 900, 2022).astype(int).tolist()
    spread = rng.normal(0, 0.12, (count, 2)).tolist()
    dice = rng.random((count, 6)).tolist()
    numbers = rng.integers(0, 1 << 30, (count, 4)).tolist()
    months = rng.integers(0, 55, count).tolist()
    hexes = rng.bytes(8 * count).hex()
    for i in range(count):
        name = NAMES[numbers[i][0] % len(NAMES)]
        place, thing, stuff = TOWNS[town[i]], TYPES[what[i]], MATERIALS[material[i]]
        title_uk = f"{thing[1]} {name[0]}, {place[0]}" + (
            f" {numbers[i][1] % 200}" if dice[i][0] < 0.3 else ""
        )
        title_en = f"{thing[2]} of {name[1]}, {place[1]}"
        both = dice[i][1] < 0.7
        level = ("withheld", "region", "10 km", "1 km", "exact")[precision[i]]
        lat, lon = place[2] + spread[i][0], place[3] + spread[i][1] * 1.5
        has_model = dice[i][2] < 0.8
        identifier = f"ark:/99999/b1{hexes[16 * i : 16 * i + 16]}{first % 10}"
        yield PublicRecord(
            id=identifier,
            version=1,
            published=f"{2022 + (months[i] + 3) // 12}-{(months[i] + 3) % 12 + 1:02}",
            titles={"uk": title_uk, "en": title_en} if both else {"uk": title_uk},
            summary={"uk": uk[i], "en": en[i]} if both else {"uk": uk[i]},
            kind=thing[0],
            object_type={"uk": thing[1].lower(), "en": thing[2].lower()},
            periods=(PublicPeriod(earliest=year[i], latest=year[i] + numbers[i][2] % 30),),
            materials=(PublicTerm(labels={"uk": stuff[0], "en": stuff[1]}),),
            keywords=(PublicTerm(labels={"uk": uk[i].split()[-1], "en": en[i].split()[-1]}),),
            collection=PublicCollection(
                id=f"collection-{collection[i]}",
                titles={"uk": f"Збірка {collection[i]}", "en": f"Collection {collection[i]}"},
            ),
            rights=PublicRights(uri=LICENCES[licence[i]], credit="A volunteer"),
            identifiers=(PublicIdentifier(value=f"КВ-{numbers[i][3] % 90_000}/{i % 7}", authority="Museum"),)
            if dice[i][3] < 0.2
            else (),
            place=PublicPlace(
                precision=level,
                cell=h3.latlng_to_cell(lat, lon, RESOLUTIONS[level]),
                region={"uk": place[5], "en": place[6]},
            )
            if level != "withheld"
            else PublicPlace(),
            quality=Quality(
                triangles=10_000 + numbers[i][1] % 2_000_000,
                error_um=500 + numbers[i][2] % 90_000 if dice[i][4] < 0.6 else None,
            )
            if has_model
            else Quality(),
            files=files(identifier.rsplit("/", 1)[1], numbers[i][1], download=dice[i][5] < 0.5)
            if has_model
            else (),
        )


def files(folder: str, size: int, *, download: bool) -> tuple[PublicFile, ...]:
    digest = f"{size:064x}"
    found = [
        PublicFile(path=f"{folder}/1/poster.jpg", media_type="image/jpeg", bytes=40_000 + size % 9_000,
                   sha256=digest, role="poster"),
        PublicFile(path=f"{folder}/1/model.glb", media_type="model/gltf-binary", bytes=size, sha256=digest,
                   role="full"),
    ]  # fmt: skip
    if download:
        found.append(PublicFile(path=f"{folder}/1/model.zip", media_type="application/zip", bytes=size,
                                sha256=digest, role="download", format="obj"))  # fmt: skip
    return tuple(found)
