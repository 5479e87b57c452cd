"""A service that runs, with people and what they recorded; and everything of it that anybody can get."""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import tomli_w
from sqlalchemy import delete, select

from attacks.bisection import DATA
from attacks.canaries import EMAIL, LATITUDE, LONGITUDE, NAME, WORD, Needle, needles
from attacks.people import Online, waited
from attacks.photos import heic, movie
from attacks.scene import photographs, prepare_cloud, prepare_wall
from oberih.catalogue.accounts.tables import Account, Grant
from oberih.catalogue.tables import Capture, Model, Review
from oberih.work.service import Service, open_service
from web.served import Served
from work.site import site

__all__ = ["PRECISION", "Town"]

LATER = (datetime.now(UTC).date() + timedelta(days=300)).isoformat()
PRECISION = "1 km"
NOTE = f"{WORD} by the mill of {NAME}"
LINK = re.compile(r"""(?:href|src|action|content)="([^"]+)\"""")
API = "/api/v1"


class Town:
    """Recordings of a wall (public at about 1 km) and of a cloud of points (its place is withheld)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data"
        self.wall_files = {**photographs(), f"{WORD}.heic": heic(), f"{WORD}.MOV": movie()}
        dots = next(iter(photographs().values()))
        self.cloud_files = {f"cloud_{WORD}_{n}.jpg": dots + bytes([n]) for n in range(2)}
        site(self.folder).close()
        (self.folder / "oberih.toml").write_text(tomli_w.dumps({"register_of_sites": str(register(folder))}))
        prepare_wall(folder / "prepared" / "wall")
        prepare_cloud(folder / "prepared" / "cloud")
        program = [str(Path(__file__).with_name("worker.py"))]
        self.served = Served(self.folder, program, OBERIH_PREPARED=str(folder / "prepared"))
        self.service: Service = open_service(self.folder)
        self.people: list[Online] = []
        self.records: dict[str, str] = {}  # "wall", "cloud" -> ARK

    def live(self) -> None:
        """Let people record, and a custodian let it become public."""
        assert self.served.ready(), self.served.told()
        self.contributor = self.person(NAME, email=EMAIL, public_name=f"Olena {WORD}")
        self.custodian = self.person("Custodian", role="custodian")
        told = {"place": f"{WORD} street", "latitude": LATITUDE, "longitude": LONGITUDE, "kind": "building"}
        self.contributions = {
            name: self.contributor.contribute(files, ["own", "keep", "named"], title=title, note=NOTE, **told)
            for name, files, title in (
                ("wall", self.wall_files, "A wall"),
                ("cloud", self.cloud_files, "Krapkovyna"),
            )
        }
        self.warned: dict[str, str] = {}  # what the page of a review said
        for name, precision in (("wall", PRECISION), ("cloud", "withheld")):
            contribution = self.contributions[name]
            waited(lambda one=contribution: self.reached(one, "in review"))
            review = self.row(Review, Review.model.is_not(None), Review.subject == self.subject(name)).id
            waited(lambda one=review: self.found(Review, one).draft)
            self.decide(review, name, precision)
        for name in self.contributions:
            waited(lambda one=self.contributions[name]: self.reached(one, "published"))
            self.records[name] = self.subject(name)

    def reached(self, contribution: str, state: str) -> bool:
        now, job = self.contributor.state(contribution), self.service.engine.state(f"ingest:{contribution}")
        assert job is None or job.status != "failed", (job, self.served.told())
        assert now not in ("failed", "not reconstructable", "preserved only"), self.told_of(contribution)
        return now == state

    def told_of(self, contribution: str) -> str:
        row = self.row(Capture, Capture.contribution == contribution)
        return f"{row.state}: {row.reason} {self.served.told()}"

    def decide(self, review: str, name: str, precision: str) -> None:
        page = f"/review/{review}"
        assert self.custodian.go(page).status_code == 200, (self.custodian.text, self.served.told())
        self.warned[name] = self.custodian.text
        whole = {
            "decision": "passed", "precision": precision, "reason": "shielded", "due": LATER, "names": "yes",
            "check_military": "none", "check_people": "hidden", "check_plates": "hidden",
            "blur": re.findall(r'name="blur" value="([^"]+)"', self.custodian.text),
            "settled": re.findall(r'name="settled" value="([^"]+)"', self.custodian.text),
        }  # fmt: skip
        assert self.custodian.send(page, **whole).status_code == 303, self.custodian.text

    def person(self, name: str, *, role: str = "", collection: str = "*", **more: str) -> Online:
        """Somebody with an account and a passkey."""
        made = Online(self.served.url)
        self.people.append(made)
        made.join_with_passkey(name)
        with self.service.database.writing("service", "test") as session:
            account = session.scalars(select(Account).where(Account.name == name)).one()
            made.name = account.id
            for field, value in more.items():
                setattr(account, field, value)
            if role:
                session.execute(delete(Grant).where(Grant.account == account.id))
                session.add(
                    Grant(account=account.id, role=role, collection=collection, by="operator", why="")
                )
        return made

    def subject(self, name: str) -> str:
        return str(self.row(Capture, Capture.contribution == self.contributions[name]).subject)

    def row(self, kind: type, *conditions: Any) -> Any:
        with self.service.database.reading() as session:
            return session.scalars(select(kind).where(*conditions)).one()

    def found(self, kind: type, identifier: str) -> Any:
        return self.row(kind, kind.id == identifier)  # type: ignore[attr-defined]

    # -- what anybody can get ---

    def ask(self, path: str, **more: Any) -> httpx.Response:
        return httpx.get(f"{self.served.url}{path}", timeout=60, **more)

    def crawled(self) -> dict[str, bytes]:
        """Every page, answer and file that links, paging and the addresses of the API lead to."""
        found: dict[str, bytes] = {}
        waiting = [*START, *(f"/files/{stat.key}" for stat in self.service.files.list())]
        with httpx.Client(base_url=self.served.url, timeout=60) as client:
            while waiting:
                path = waiting.pop()
                if path in found:
                    continue
                for language in ("en", "uk"):
                    answer = client.get(path, headers={"Accept-Language": language, "Accept": "text/html"})
                    assert answer.status_code < 500, path
                    head = "\n".join(f"{key}: {value}" for key, value in answer.headers.items())
                    found[path if language == "en" else f"{path} ({language})"] = (
                        head.encode() + b"\n\n" + answer.content
                    )
                    if not kind_of(answer).startswith(("text/html", "application/json")):
                        break
                    waiting += [one for one in links(path, answer) if one not in found]
                    if not kind_of(answer).startswith("text/html"):
                        break
        return found

    def stored(self) -> dict[str, bytes]:
        """All files of the public side, as they lie on the disk; its database also as text."""
        below = self.folder / "public"
        found = {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in below.rglob("*") if path.is_file()
        }  # fmt: skip
        with closing(sqlite3.connect(f"file:{below}/public.sqlite?mode=ro", uri=True)) as opened:
            found["public.sqlite as text"] = "\n".join(opened.iterdump()).encode()
        return found

    def secrets(self) -> dict[str, list[Needle]]:
        """What must be in none of it."""
        with self.service.database.reading() as session:
            pseudonyms = [one for one in session.scalars(select(Account.pseudonym)) if one]
            sealed = [one.id for kind in (Capture, Model, Review) for one in session.scalars(select(kind))]
        names = [one.rpartition("/")[2] for one in sealed]
        files = [*self.wall_files.values(), *self.cloud_files.values()]
        digests = [
            hashlib.new(kind, one).digest() for one in files for kind in ("sha256", "sha512", "md5", "sha1")
        ]
        return needles(
            {
                "word": [WORD], "name": [NAME, "Olena"], "e-mail": [EMAIL, "kanarka7q.example"],
                "pseudonym": pseudonyms, "account": [one.name for one in self.people],
                "contribution": list(self.contributions.values()), "sealed identifier": names,
                "moment": ["15:42:07", "2026:06:14", "2026-06-14", "20260614"],
                "path on our disk": [str(self.folder), "/private/"], "device": ["Phone 7", f"SN-{WORD}"],
            },
            digests,
        )  # fmt: skip

    def end(self) -> None:
        for one in self.people:
            one.client.close()
        self.service.close()
        self.served.end()


START = (
    "/", "/search", "/search?q=wall", f"{API}/openapi.json", f"{API}/records?size=1",
    f"{API}/records?size=100",
    f"{API}/records?sort=title&language=uk", f"{API}/suggest?text=wa", f"{API}/suggest?text=stre",
    *(f"{API}/map?south=-90&west=-180&north=90&east=180&zoom={zoom}" for zoom in (0, 5, 12, 22)),
    f"{API}/map?south=51.49&west=31.28&north=51.50&east=31.29&zoom=18", "/healthz", "/robots.txt", "/nothing",
    *(f"/oai?verb=List{what}&metadataPrefix={prefix}" for what in ("Records", "Identifiers")
      for prefix in ("oai_dc", "lido", "edm")),
    "/oai?verb=Identify", "/oai?verb=ListSets", "/feed.atom", "/feed.atom?language=uk", "/sitemap.xml",
    "/sitemaps/0.xml", "/sitemaps/1.xml", "/dump/manifest.json", "/dump/records.jsonl.gz",
)  # fmt: skip


def kind_of(answer: httpx.Response) -> str:
    return answer.headers.get("content-type", "")


def links(path: str, answer: httpx.Response) -> Iterator[str]:
    if kind_of(answer).startswith("text/html"):
        for link in LINK.findall(answer.text):
            yield from local(path, unescape(link))
        return
    told = answer.json()
    found = told.get("records", ()) if isinstance(told, dict) else told
    if isinstance(told, dict) and told.get("next"):
        yield f"{path.partition('&cursor=')[0]}&cursor={told['next']}"
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict) and "id" in one:
            ark = one["id"].removeprefix("ark:/")
            yield from (f"{API}/records/{ark}", f"{API}/records/{ark}/near", f"/records/{ark}")
            yield from (f"/data/{ark}/{form}" for form in DATA)
            embedded = f"/oembed?url={base(answer)}/records/{ark}"
            yield from (f"/ark:/{ark}", f"/embed/{ark}", embedded, f"{embedded}&format=xml")
            yield from (f"/files/{file['path']}" for file in one.get("files", ()))


def base(answer: httpx.Response) -> str:
    """The service's own address, as it knows it."""
    return f"http://localhost:{answer.url.port}"


def local(path: str, link: str) -> Iterator[str]:
    whole = urlsplit(urljoin(f"http://here{path}", link))
    simple = "language=" not in whole.query and whole.query.count("=") < 2  # all others are these, combined
    if (
        simple
        and whole.netloc == "here"
        and not whole.path.startswith(("/static/", "/account", "/contribute", "/login"))
    ):
        yield whole.path + (f"?{whole.query}" if whole.query else "")


def register(folder: Path) -> Path:
    """A register of monuments, eight of which lie around the place, none of them just there."""
    places = [
        (LATITUDE + 0.001 * (n % 3 - 1) + 0.0004, LONGITUDE + 0.001 * (n // 3 - 1) + 0.0007) for n in range(9)
    ]
    path = folder / "register.csv"
    path.write_text("lat,lon\n" + "".join(f"{lat},{lon}\n" for lat, lon in places))
    return path
