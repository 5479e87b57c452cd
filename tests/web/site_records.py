"""A small public site, full of what a page can show, with pictures that are there."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from oberih.archive.stores import open_store
from oberih.catalogue.public import (
    Projection,
    PublicAnnotation,
    PublicCollection,
    PublicFile,
    PublicPeriod,
    PublicPerson,
    PublicPlace,
    PublicRecord,
    PublicRelation,
    PublicRights,
    PublicTerm,
    Quality,
    load,
)
from oberih.trust.cells import cell_of
from oberih.web.open.app import public_app
from oberih.web.pages import Pages
from public_help import BY, ark, empty_store
from web.browser import serving

__all__ = ["ADDRESS", "CELLS", "MILLS", "Site", "path_of", "site_of"]

ADDRESS = "https://heritage.example"
MILLS = PublicCollection(id="c1", titles={"uk": "Млини", "en": "Mills"})
CHESTS = PublicCollection(id="c2", titles={"uk": "Скрині", "en": "Chests"})
NAMES = ("Ґалаґан", "Гончар", "Євген", "Ярина")
WORDS = (
    ("Їжакова криниця", "Hedgehog's well"), ("Абрикосовий млин", "Apricot mill"), ("Ґанок", "Porch"),
    ("Городня вежа", "Tower of Horodnia"), ("Яворова скриня", "Maple chest"), ("Ікона", "Icon"),
)  # fmt: skip
PLACES = ((51.49, 31.29, "10 km"), (50.45, 30.52, "1 km"), (49.84, 24.03, "region"), (46.48, 30.73, "exact"))


def path_of(number: int) -> str:
    return f"/records/{ark(number).removeprefix('ark:/')}"


def file(number: int, name: str, role: Any, kind: str, **more: Any) -> PublicFile:
    path = f"r{number}/v1/{name}"
    digest = hashlib.sha256(path.encode()).hexdigest()
    return PublicFile(path=path, role=role, media_type=kind, bytes=4_200_000, sha256=digest, **more)


def told(number: int) -> PublicRecord:
    """A record that is always the same for its number; every fifth one is kept sealed."""
    uk, en = WORDS[number % len(WORDS)]
    lat, lon, precision = PLACES[number % len(PLACES)]
    region = {"uk": "Чернігівська область", "en": "Chernihiv Oblast"}
    cell = cell_of(lat, lon, precision)  # type: ignore[arg-type]
    sealed = number % 5 == 0
    pictures = [
        file(number, f"poster-{width}.webp", "poster", "image/webp", size_px=(width, width * 5 // 8))
        for width in (400, 800, 1200)
    ]
    downloads = [
        file(number, f"downloads/model.{name}", "download", "application/octet-stream", format=name)
        for name in ("glb", "usdz", "obj", "ply", "stl", "3mf", "laz", "e57")
    ]
    social = file(number, "social.jpg", "social", "image/jpeg", size_px=(1200, 630))
    return PublicRecord(
        id=ark(number),
        version=1,
        published=f"2026-{1 + number % 9:02}",
        titles={"uk": f"{uk} {number}", "en": f"{en} {number}"},
        summary={"uk": "Стоїть край села.\nЇї збудували діди.", "en": "It stands where the village ends."},
        kind=("building", "monument", "object")[number % 3],
        periods=(PublicPeriod(earliest=1650, latest=1699),),
        materials=(PublicTerm(labels={"uk": "дуб", "en": "oak"}),),
        people=(
            PublicPerson(name=NAMES[number % 4], role="contributor"),
            PublicPerson(name="Іван Різьбяр", role="creator"),
        ),
        collection=(MILLS, CHESTS)[number % 2],
        rights=PublicRights(uri=BY),
        place=PublicPlace() if sealed else PublicPlace(precision=precision, cell=cell, region=region),  # type: ignore[arg-type]
        recorded="2026-05",
        quality=Quality(triangles=1_000, photos=100, error_um=4_200, size_mm=(3_210, 2_480, 1_190)),
        files=(*pictures, *downloads, social),
        annotations=(
            PublicAnnotation(id="a", at=(0, 0, 0), titles={"uk": "Тріщина"}, texts={"uk": "Вона нова."}),
        ),
        relations=(PublicRelation(kind="has part", id=ark(2)),) if number == 1 else (),
    )


CELLS = {one.place.cell for one in map(told, range(30)) if one.place.cell}


@dataclass(frozen=True)
class Site:
    url: str
    writer: Projection
    reader: Projection


@contextmanager
def site_of(folder: Path, count: int = 30) -> Iterator[Site]:
    """A running site with so many records."""
    picture = io.BytesIO()
    Image.new("RGB", (1200, 750), (160, 150, 130)).save(picture, "webp")
    files = open_store(folder / "files", create=True)
    known = [told(number) for number in range(count)]
    for one in known:
        for poster in one.files_for("poster"):
            files.write(poster.path, [picture.getvalue()])
    with empty_store("sqlite", folder) as (writer, reader):
        load(writer, known)
        app = public_app(reader, files, Pages(["uk", "en"], address=ADDRESS))
        with serving(app) as url:
            yield Site(url, writer, reader)
