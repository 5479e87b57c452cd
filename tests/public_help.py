"""What the tests of public records share: small records full of coincidences, and stores of both kinds."""

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import update

from oberih.catalogue.public import (
    Found,
    Projection,
    PublicCollection,
    PublicFile,
    PublicIdentifier,
    PublicPeriod,
    PublicPerson,
    PublicPlace,
    PublicRecord,
    PublicRights,
    PublicTerm,
    Quality,
    create,
    open_projection,
)
from oberih.catalogue.public.tables import state
from oberih.trust.cells import cell_of
from postgres import fresh_database

KEY = "5a" * 32
THINGS = [
    ("Церква", "Church"),
    ("Собор", "Cathedral"),
    ("Замок", "Castle"),
    ("Міст", "Bridge"),
    ("Хата", "House"),
]
SAINTS = [
    ("Святого Миколая", "Saint Nicholas"),
    ("Святої Софії", "Saint Sophia"),
    ("Покрови", "Intercession"),
]
TOWNS = [
    ("Чернігів", "Chernihiv", 51.49, 31.29),
    ("Київ", "Kyiv", 50.45, 30.52),
    ("Львів", "Lviv", 49.84, 24.03),
    ("Одеса", "Odesa", 46.48, 30.73),
]
TEXT_UK = "дерев'яна вежа стіни у церкви собору замку мосту XVII століття козацький купол дзвіниця та і на"
TEXT_EN = "the wooden towers of a church bridge castles walls built in century bell and restored"
WORDS_UK, WORDS_EN = TEXT_UK.split(), TEXT_EN.split()
MATERIALS = [("дерево", "wood"), ("цегла", "brick"), ("камінь", "stone"), ("бронза", "bronze")]
PRECISIONS = ("withheld", "region", "10 km", "1 km", "exact")
BY = "https://creativecommons.org/licenses/by/4.0/"


def ark(number: int) -> str:
    return f"ark:/99999/b1{random.Random(number).getrandbits(64):016x}"


def plain(number: int = 1, **more: Any) -> PublicRecord:
    """The least that a record can be."""
    given = {"id": ark(number), "version": 1, "published": "2026-03", "titles": {"en": f"Thing {number}"}}
    return PublicRecord(**(given | more))


def random_place(rng: random.Random) -> tuple[float, float]:
    town = rng.choice(TOWNS)
    return town[2] + rng.gauss(0, 0.05), town[3] + rng.gauss(0, 0.05)


def made(number: int, *, seed: int = 0, at: tuple[float, float] | None = None) -> PublicRecord:
    """A record that is always the same for its number; ``at``: where it is, if not where the number says."""
    rng = random.Random(f"{seed} {number}")
    town, thing, saint = rng.choice(TOWNS), rng.choice(THINGS), rng.choice(SAINTS)
    material, precision = rng.choice(MATERIALS), rng.choice(PRECISIONS)
    place = random_place(rng)
    lat, lon = at or place
    titles = {"uk": f"{thing[0]} {saint[0]}, {town[0]}", "en": f"{thing[1]} of {saint[1]}, {town[1]}"}
    if rng.random() < 0.4:
        titles.pop(rng.choice(["uk", "en"]))
    summary = {"uk": " ".join(rng.choices(WORDS_UK, k=12)), "en": " ".join(rng.choices(WORDS_EN, k=12))}
    year = rng.choice([-450, 988, 1654, 1699, 1700, 1905])
    files = [file("poster", "image/jpeg")] if rng.random() < 0.8 else []
    files += [file("full", "model/gltf-binary")] if rng.random() < 0.6 else []
    files += [file("download", "application/zip")] if rng.random() < 0.3 else []
    collection = rng.randrange(6)
    return PublicRecord(
        id=ark(number),
        version=1,
        published=f"{rng.choice([2024, 2025])}-{rng.randint(1, 5):02}",
        titles=titles,
        summary=dict(rng.sample(sorted(summary.items()), rng.randint(0, 2))),
        kind=rng.choice(["building", "monument", "object"]),
        object_type={"uk": thing[0].lower()},
        periods=(PublicPeriod(earliest=year, latest=year + rng.randrange(120)),)[rng.random() < 0.2 :],
        materials=(PublicTerm(labels={"uk": material[0], "en": material[1]}),),
        people=(PublicPerson(name="Іван Григорович-Барський", role="creator"),) if rng.random() < 0.1 else (),
        collection=PublicCollection(id=f"c{collection}", titles={"en": f"Collection {collection}"}),
        rights=PublicRights(uri=BY) if rng.random() < 0.7 else None,
        identifiers=(PublicIdentifier(value=f"КВ-{number % 40}/{number % 3}", authority="A museum"),),
        place=PublicPlace(
            precision=precision, cell=cell_of(lat, lon, precision), region={"uk": f"{town[0]}, область"}
        )
        if precision != "withheld"
        else PublicPlace(),
        quality=Quality(triangles=rng.choice([None, 1000, 5000]), error_um=rng.choice([None, 900, 3000])),
        files=tuple(files),
    )  # fmt: skip


def file(role: Any, media_type: str) -> PublicFile:
    return PublicFile(path=f"f/1/{role}.bin", media_type=media_type, bytes=9, sha256="0" * 64, role=role)


@contextmanager
def empty_store(kind: str, folder: Path, key: str = KEY) -> Iterator[tuple[Projection, Projection]]:
    """An empty store, open to write and to read, with a secret that gives the same order everywhere."""
    url = f"sqlite:///{folder}/public.sqlite" if kind == "sqlite" else fresh_database()
    writer, reader = open_projection(url, read_only=False), open_projection(url)
    create(writer)
    with writer.writing() as connection:
        connection.execute(update(state).where(state.c.name == "key").values(value=key))
    try:
        yield writer, reader
    finally:
        writer.close()
        reader.close()


def ids(found: Found[PublicRecord] | Sequence[PublicRecord]) -> list[str]:
    return [record.id for record in (found.records if isinstance(found, Found) else found)]


def as_bytes(answer: Any) -> bytes:
    """An answer as it would be sent."""

    def part(value: Any) -> Any:
        return value.model_dump(mode="json") if isinstance(value, PublicRecord) else asdict(value)

    return json.dumps(answer, default=part, ensure_ascii=False).encode()
