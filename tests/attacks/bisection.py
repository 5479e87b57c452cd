"""Two public sides that differ in the true places only, and questions of somebody who guesses them well.

    with public_sides(folder, places, truths(8, beside=places)) as (one, other):
        found = [n for n in range(500) if differ(one, other, n, places)]

Both are filled by the flow (`reveal`), from catalogues in which each place is another one within the same
cells; of what is withheld, another one anywhere. One grew in another order, with a record that came and went.
An answer is its status, its headers but for the date, and its bytes but for the time of an answer of OAI-PMH.
"""

import math
import os
import random
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h3
import httpx
import tomli_w
from sqlalchemy import update

from oberih.catalogue.database import now
from oberih.catalogue.public.tables import changes, state
from oberih.catalogue.tables import Capture, Model, Place, Publication, Review, Rights, Subject
from oberih.trust.cells import CLASSES, RESOLUTIONS, Precision, cell_of, coarser
from oberih.work.engine import Job
from oberih.work.flow import LICENCES, unpublish
from oberih.work.flow.here import work_for
from oberih.work.flow.publishing import reveal
from oberih.work.service import Service, open_service
from public_help import KEY, SAINTS, THINGS, TOWNS, WORDS_EN, WORDS_UK, ark
from work.site import site

__all__ = [
    "DATA",
    "EVERYTHING",
    "SAID_WHEN",
    "Side",
    "Truth",
    "answers",
    "differ",
    "filled",
    "move",
    "public_side",
    "public_sides",
    "truths",
]

COUNT = 40
JOB = Job("a test")
API = "/api/v1"
DAY = "2026-11-20"  # on which all became public
SAID_WHEN = re.compile(rb"<responseDate>[^<]+")
DATA = (
    "schema.jsonld", "edm.rdf", "lido.xml", "dc.xml", "citation.bib", "citation.ris", "citation.txt",
    "iiif.json", "iiif4.json",
)  # fmt: skip


@dataclass(frozen=True)
class Truth:
    """Where a thing truly is, and how exactly that may be known."""

    latitude: float
    longitude: float
    asked: Precision

    @property
    def cells(self) -> list[str | None]:
        """At all levels that may become public."""
        levels = [one for one in CLASSES if not coarser(self.asked, one)]
        return [cell_of(self.latitude, self.longitude, one) for one in levels]


def truths(seed: int, beside: Sequence[Truth] = ()) -> list[Truth]:
    """Where things are; with ``beside``, other places that nobody can tell from these."""
    rng = random.Random(seed)
    if beside:
        return [another(one, rng) for one in beside]
    found = []
    for _ in range(COUNT):
        town = rng.choice(TOWNS)
        asked = rng.choice(CLASSES)
        found.append(Truth(town[2] + rng.gauss(0, 0.05), town[3] + rng.gauss(0, 0.05), asked))
    return found


def another(one: Truth, rng: random.Random) -> Truth:
    """Another true place of which the same may be known."""
    if one.asked == "withheld":
        return Truth(rng.uniform(44, 52), rng.uniform(22, 40), one.asked)
    size = h3.average_hexagon_edge_length(RESOLUTIONS[one.asked], unit="km") / 111
    while True:
        north, east = rng.uniform(-2 * size, 2 * size), rng.uniform(-3 * size, 3 * size)
        made = Truth(one.latitude + north, one.longitude + east, one.asked)
        if made.cells == one.cells:
            return made


def register(path: Path) -> Path:
    """Sites that everybody knows of, the same for all sides."""
    rng = random.Random(3)
    rows = [
        f"{town[2] + rng.gauss(0, 0.05)},{town[3] + rng.gauss(0, 0.05)}" for town in TOWNS for _ in range(400)
    ]
    path.write_text("lat,lon\n" + "\n".join(rows) + "\n")
    return path


@contextmanager
def filled(folder: Path, places: Sequence[Truth], order: Sequence[int]) -> Iterator[Service]:
    """A service with a published record for each place, which became public in this order."""
    site(folder).close()
    listed = register(folder.parent / "register.csv")
    (folder / "oberih.toml").write_text(tomli_w.dumps({"register_of_sites": str(listed)}))
    service = open_service(folder)
    work_for(service)
    try:
        with service.projection.writing() as connection:  # the order of records within a month hangs on it
            connection.execute(update(state).where(state.c.name == "key").values(value=KEY))
        with service.database.writing("service", "test") as session:
            rows = [rows_of(number, truth) for number, truth in enumerate([*places, places[0]])]
            for kind in zip(*rows, strict=True):
                session.add_all(kind)
                session.flush()
        for number in (*order[:7], COUNT, *order[7:]):  # one more, that comes and goes
            reveal(JOB, f"review-{number}")
        unpublish(service, ark(COUNT), "custodian", "a test")
        with service.projection.writing() as connection:  # whatever the clock says
            connection.execute(update(changes).values(day=DAY))
        yield service
    finally:
        service.close()


def rows_of(number: int, truth: Truth) -> list[Any]:
    """What the catalogue holds of one thing. The same for its number, but for the place."""
    rng = random.Random(f"thing {number}")
    town, thing, saint = rng.choice(TOWNS), rng.choice(THINGS), rng.choice(SAINTS)
    about = ark(number)
    described: dict[str, Any] = {
        "titles": {"uk": f"{thing[0]} {saint[0]}", "en": f"{thing[1]} of {saint[1]}"},
        "summary": {"uk": " ".join(rng.choices(WORDS_UK, k=12)), "en": " ".join(rng.choices(WORDS_EN, k=12))},
        "kind": rng.choice(["building", "monument", "object"]),
        "periods": [{"earliest": rng.choice(["0988", "1654", "1905"])}],
    }
    if truth.asked != "withheld":
        described["place"] = {"names": {"en": f"{town[1]} region"}}
    capture, model, review, moment = f"capture-{number}", f"model-{number}", f"review-{number}", now()
    licence = rng.choice([uri for name, uri in LICENCES.items() if name != "archive-only"])
    figures = {"unit": "m", "error": rng.choice([0.01, 0.003]), "triangles": 9}
    own = {"subject": about, "collection": "first"}
    return [
        Subject(
            id=about, collection="first", title=described["titles"]["uk"], description=described,
            precision=truth.asked,
        ),
        Place(id=about, latitude_deg=truth.latitude, longitude_deg=truth.longitude, source="custodian"),
        Capture(id=capture, state="published", account="olha", taken=moment, **own),
        Model(id=model, subject=about, captures=[capture], figures=figures),
        Rights(of=capture, kind="licence", uri=licence),
        Review(id=review, model=model, state="passed", number=1, **own),
        Publication(id=about, waiting=review),
    ]  # fmt: skip


@dataclass(frozen=True)
class Side:
    """A public side that runs."""

    client: httpx.Client
    folder: Path  # of the data of its service

    def ask(self, path: str, **headers: str) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        answer = self.client.get(path, headers=headers)
        told = tuple((key, value) for key, value in answer.headers.multi_items() if key != "date")
        return answer.status_code, told, SAID_WHEN.sub(b"", answer.content)


@contextmanager
def public_side(folder: Path) -> Iterator[Side]:
    """The public process of `oberih serve`, alone."""
    listening = socket.socket()
    # It is taken for a socket in the file system, which never waits until more is to be sent: this one would.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    ours, theirs = os.pipe()
    given = {
        "OBERIH_LISTENING": str(listening.fileno()),
        "OBERIH_ALIVE": str(ours),
        "OBERIH_LANGUAGES": "uk,en",
        "OBERIH_ADDRESS": "https://heritage.example",
    }
    given |= {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", "oberih.web.open", folder / "public"], env=given,
        pass_fds=(listening.fileno(), ours),
    )  # fmt: skip
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        with httpx.Client(base_url=url, timeout=60, headers={"Host": "heritage.example"}) as client:
            yield Side(client, folder)
    finally:
        process.terminate()
        process.wait(30)
        listening.close()
        os.close(ours)
        os.close(theirs)


@contextmanager
def public_sides(folder: Path, *places: Sequence[Truth]) -> Iterator[tuple[Side, ...]]:
    """One for each list of places, each filled in another order."""
    with ExitStack() as stack:
        sides = []
        for number, one in enumerate(places):
            data = folder / f"side-{number}" / "data"
            data.parent.mkdir(parents=True)
            with filled(data, one, random.Random(number).sample(range(COUNT), COUNT)):
                pass
            sides.append(stack.enter_context(public_side(data)))
        yield tuple(sides)


def move(folder: Path, number: int, truth: Truth) -> None:
    """Let a thing become public anew, elsewhere."""
    service = open_service(folder)
    work_for(service)
    try:
        with service.database.writing("custodian", "move") as session:
            place = session.get_one(Place, ark(number))
            place.latitude_deg, place.longitude_deg = truth.latitude, truth.longitude
            public = session.get_one(Publication, ark(number))
            public.cell = public.asked = None
            public.waiting = public.review
        reveal(JOB, f"review-{number}")
    finally:
        service.close()


def differ(one: Side, other: Side, number: int, known: Sequence[Truth]) -> bool:
    """Whether the two answer a random question differently."""
    told, also = (answers(side, random.Random(number), known) for side in (one, other))
    return told != also


def answers(side: Side, rng: random.Random, known: Sequence[Truth]) -> list[Any]:
    """A question, and what follows from its answer: the next pages, the same again with its ETag."""
    path = question(rng, rng.choice(known))
    language = rng.choice(["uk", "en"])
    told = [side.ask(path, **{"Accept-Language": language})]
    headers, body = dict(told[0][1]), told[0][2]
    if "etag" in headers and rng.random() < 0.3:
        told.append(side.ask(path, **{"Accept-Language": language, "If-None-Match": headers["etag"]}))
    if b'"next":"' in body and rng.random() < 0.5:
        cursor = body.split(b'"next":"')[1].split(b'"')[0].decode()
        told.append(side.ask(f"{path}&cursor={cursor}"))
    return told


def question(rng: random.Random, truth: Truth) -> str:
    """An address. Many boxes end at the true place, or at what would be next to it."""
    words = rng.choices([*WORDS_UK, *WORDS_EN, "собор", "church"], k=rng.choice([1, 1, 2]))
    text = " ".join(words)[: rng.randint(1, 24)] if rng.random() < 0.6 else ""
    kind = rng.choice(["building", "monument", "object"])
    # One was withdrawn, and one never was.
    number = rng.randrange(COUNT) if rng.random() < 0.7 else rng.choice([COUNT, COUNT + 1])
    record = ark(number).removeprefix("ark:/")
    found = f"text={text}" + (f"&filter=kind:{kind}" if rng.random() < 0.3 else "")
    match rng.randrange(12):
        case 0 | 1:
            half = 10 ** rng.uniform(-6, 1)
            box = truth.latitude - half, truth.longitude - half, truth.latitude, truth.longitude
            return f"{API}/map?{bounded(*box)}&zoom={rng.randint(0, 24)}&{found}"
        case 2:
            page = (
                f"/map?lat={truth.latitude:.9f}&lon={truth.longitude:.9f}&zoom={rng.randint(2, 12)}&q={text}"
            )
            boxed = tile(truth, rng.randint(0, 20))
            return rng.choice([f"{API}/map?{boxed}", f"{API}/map.geojson?{boxed}&{found}", page])
        case 3:
            cell = h3.latlng_to_cell(truth.latitude, truth.longitude, rng.randint(0, 15))
            return f"{API}/records?cell={cell}&{found}"
        case 4:
            sort = rng.choice(["newest", "title", "quality", "relevance"])
            language = rng.choice(["uk", "en"])
            return f"{API}/records?{found}&sort={sort}&size={rng.choice([1, 7, 24])}&language={language}"
        case 5:
            return f"{API}/records/{record}{rng.choice(['', '/near'])}"
        case 6:
            return f"{API}/suggest?text={text or words[0][:3]}"
        case 7:
            return f"/search?q={text}&kind={kind}&sort={rng.choice(['new', 'title', ''])}"
        case 8:
            return f"/oai?{harvested(rng, ark(number), kind)}"
        case 9:
            data = [f"/data/{record}/{form}" for form in DATA]
            page = f"https://heritage.example/records/{record}"
            return rng.choice([*data, f"/ark:/{record}", f"/oembed?url={page}", f"/embed/{record}"])
        case 10:
            return rng.choice(EVERYTHING)
        case _:
            ends = ["", "?language=en", "?language=uk", "/print"]
            return f"/records/{record}{rng.choice(ends)}"


EVERYTHING = ("/dump/records.jsonl.gz", "/dump/manifest.json", "/feed.atom", "/feed.atom?language=uk",
              "/sitemap.xml", "/sitemaps/0.xml", "/sitemaps/1.xml", "/robots.txt",
              "/", "/collections", "/thanks", "/statistics", "/map")  # fmt: skip


def harvested(rng: random.Random, identifier: str, kind: str) -> str:
    """What a harvester asks."""
    prefix = f"metadataPrefix={rng.choice(['oai_dc', 'lido', 'edm'])}"
    days = rng.choice(["", f"&from={DAY}", f"&until={DAY}", "&from=2026-11-21", f"&set=kind.{kind}"])
    return rng.choice([
        "verb=Identify", "verb=ListSets", f"verb=ListMetadataFormats&identifier={identifier}",
        f"verb=GetRecord&{prefix}&identifier={identifier}", f"verb=ListRecords&{prefix}{days}",
        f"verb=ListIdentifiers&{prefix}{days}",
    ])  # fmt: skip


def bounded(south: float, west: float, north: float, east: float) -> str:
    return f"south={max(south, -90):.9f}&west={max(west, -180):.9f}&north={north:.9f}&east={east:.9f}"


def tile(truth: Truth, zoom: int) -> str:
    """The tile of a web map that the true place is in."""
    n = 2**zoom
    x = int((truth.longitude + 180) / 360 * n)
    y = int((1 - math.asinh(math.tan(math.radians(truth.latitude))) / math.pi) / 2 * n)

    def latitude(row: int) -> float:
        return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / n))))

    west, east = (column / n * 360 - 180 for column in (x, x + 1))
    return f"{bounded(latitude(y + 1), west, latitude(y), east)}&zoom={zoom}"
