"""The site that `make demo` ends in: photos are uploaded, reconstructed, reviewed and published, as anywhere.

A robot contributes with `oberih send`, another answers a custodian's check list. Both are only of this demo.
What is made lies in the folder of the service, and is there when the demo is run again.
"""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

OBERIH = Path(sys.executable).with_name("oberih")
PORTS = range(8000, 8020)
PATIENCE_S = 120  # for the service to begin
LONGEST_S = 3600  # for the walk from photos to a public page
ROBOT, KEEPER = "demo-contributor", "demo-custodian"
PEOPLE = {ROBOT: ("Demo: contributor", "contributor"), KEEPER: ("Demo: custodian", "custodian")}
CHECKED = {"military": "none", "people": "none", "plates": "none"}
LOOKS_S = 0.5
KEEP = "OBERIH_KEEP_FREE_BYTES"
ROOM = 200_000_000  # bytes that uploads leave on the disk: a demo is small
NEEDED = 500_000_000  # bytes for the site


@dataclass(frozen=True)
class About:
    """What is said of the demo's thing."""

    titles: dict[str, str]
    summary: dict[str, str]
    rights: dict[str, str]  # a statement, and who is to be named
    place: tuple[float, float] | None = None  # degrees; None: not known, and not said
    region: dict[str, str] = field(default_factory=dict)
    keywords: tuple[dict[str, str], ...] = ()
    nobody: bool = False  # somebody has looked at the photos: there are no people in them, and no cars


@dataclass
class Site:
    """A service that runs."""

    folder: Path
    address: str
    pid: int
    process: subprocess.Popen[bytes] | None = None  # None: it ran already
    admin: str = ""  # link for the first one

    def wait(self) -> None:
        """Until somebody ends it."""
        while self.process is not None and self.process.poll() is None:
            time.sleep(LOOKS_S)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)


def check_room(folder: Path) -> None:
    """Say what is missing before anything is fetched or begun."""
    told = os.environ.get(KEEP, "")
    keep = int(told) if told.isdecimal() else ROOM
    made = [*folder.glob("public"), *folder.glob("*/public")]
    needed = keep if made else keep + NEEDED
    disk = next(one for one in (folder, *folder.parents) if one.exists())
    free = shutil.disk_usage(disk).free
    if free < needed:
        raise SystemExit(
            f"There is too little room in {disk}: {free / 1e6:,.0f} MB are free, and {needed / 1e6:,.0f} MB "
            f"are needed.\n{keep / 1e6:,.0f} MB of them stay free while photos are uploaded, the others are "
            f"for the site. Free some, or\ntake another disk (make demo OUT=folder), or leave less free "
            f"({KEEP}=0)."
        )


def begin(folder: Path) -> Site:
    """Start the service in ``folder``, or find it running."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    known = folder.with_suffix(".json")  # where it runs, and as which process
    if known.is_file():
        told = json.loads(known.read_text())
        if answers(told["address"]) and Path(f"/proc/{told['process']}").exists():
            return Site(folder, told["address"], told["process"])
    port = next((one for one in PORTS if is_free(one)), None)
    if port is None:
        raise SystemExit(
            f"Ports {PORTS[0]} to {PORTS[-1]} are all taken. End what listens there, and try again."
        )
    log = folder.with_suffix(".log")
    command = [str(OBERIH), "serve", "--data", str(folder), "--port", str(port), "--progress", "json"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
            env={KEEP: str(ROOM), **os.environ},
        )  # fmt: skip
    address, until = f"http://localhost:{port}", time.monotonic() + PATIENCE_S
    while not answers(address):
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise SystemExit(f"The service did not begin. What it said is in {log}")
        time.sleep(LOOKS_S)
    known.write_text(json.dumps({"address": address, "process": process.pid}))
    return Site(folder, address, process.pid, process, first_admin(log))


def is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def first_admin(log: Path) -> str:
    for line in log.read_text(errors="replace").splitlines():
        if '"first_admin"' in line:
            return str(json.loads(line).get("first_admin", ""))
    return ""


def walk(site: Site, photos: Path, about: About) -> str:
    """From photos to a public page: what people would do, told as it goes. The record's identifier."""
    from oberih.work.service import open_service

    service = open_service(site.folder)
    try:
        if shown := public_one(service):
            return shown
        send(service, site.address, photos, about)
        capture = the_capture(service)
        review = wait_for_review(service, capture)
        if about.nobody and clear(service, review):
            review = wait_for_review(service, capture)
        decide(service, review, about)
        return wait_until_public(service)
    finally:
        service.close()


def send(service: Any, address: str, photos: Path, about: About) -> None:
    """Upload the photos as any program may: with a token of an account."""
    title = next(iter(about.titles.values()))
    command = [str(OBERIH), "send", str(photos), "--to", address, "--title", title, "--kind", "building"]
    command += ["--licence", "cc-by-4.0", "--consent", "own", "--consent", "keep", "--language", "en"]
    command += ["--receipts", str(Path(f"{service.folder}.receipts"))]
    print(f"$ oberih {shlex.join(command[1:])}", flush=True)
    print(
        "A contribution comes under a licence. The photos of this demo carry none: its custodian writes on\n"
        "the record that they are in copyright, and whom to name.", flush=True,
    )  # fmt: skip
    done = subprocess.run(command, env={**os.environ, "OBERIH_TOKEN": token(service)}, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def token(service: Any) -> str:
    """A token of the robot that contributes. It and the one that decides are made if they are not there."""
    from oberih.catalogue.access import EVERYWHERE, OPERATOR
    from oberih.catalogue.accounts.keys import digest, new_token
    from oberih.catalogue.accounts.tables import Account, Grant, Token
    from oberih.catalogue.accounts.tokens import PREFIX

    made = new_token(PREFIX)
    with service.database.writing(OPERATOR.actor, "make token") as session:
        for robot, (name, role) in PEOPLE.items():
            if session.get(Account, robot) is None:
                session.add(Account(id=robot, name=name, public_name=""))
                session.flush()
                session.add(Grant(account=robot, role=role, collection=EVERYWHERE, by=OPERATOR.actor))
        expires = datetime.now(UTC) + timedelta(days=1)
        scopes = ["write:contributions"]
        session.add(
            Token(hash=digest(made), account=ROBOT, name="demo", scopes=scopes, expires=expires, strong=False)
        )
    return str(made)


def the_capture(service: Any) -> str:
    from sqlalchemy import select

    from oberih.catalogue.tables import Capture

    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with service.database.reading() as session:
            found = session.scalars(
                select(Capture.id).where(Capture.account == ROBOT).order_by(Capture.created.desc())
            ).first()
        if found:
            return str(found)
        time.sleep(LOOKS_S)
    raise SystemExit("What was uploaded did not come in.")


def wait_for_review(service: Any, capture: str) -> str:
    """Wait until what would be public waits for a custodian's look. The identifier of the review."""
    from sqlalchemy import select

    from oberih.catalogue.tables import Capture, Model, Review
    from oberih.i18n import from_json

    until, said = time.monotonic() + LONGEST_S, ""
    while time.monotonic() < until:
        with service.database.reading() as session:
            row = session.get_one(Capture, capture)
            asked = select(Review.id).join(Model, Model.id == Review.model).where(
                Review.subject == row.subject, Review.state == "open", Review.draft != ""
            )  # fmt: skip
            review = session.scalars(asked).first()
        if review:
            return str(review)
        if row.state in ("not reconstructable", "failed", "refused", "preserved only", "cancelled"):
            raise SystemExit(f"{from_json(row.reason)} {from_json(row.advice) if row.advice else ''}")
        said = tell(said, progress(service, row.state, capture))
        time.sleep(LOOKS_S)
    raise SystemExit("It took too long.")


def progress(service: Any, state: str, capture: str) -> str:
    jobs = [job for job in service.engine.jobs(about=capture).jobs if job.status == "running"]
    if not jobs or not jobs[0].stage:
        return str(state)
    return str(jobs[0].stage)


def tell(before: str, now: str) -> str:
    if now != before:
        print(f"  {now}", flush=True)
    return now


def clear(service: Any, review: str) -> bool:
    """Uncover what software took for faces and plates, as there are none. False if it took nothing so."""
    from oberih.catalogue.tables import Review
    from oberih.work.flow import correct_blur

    with service.database.reading() as session:
        found = session.get_one(Review, review).found
    sides = ("left", "top", "width", "height")
    boxes = {one["photo"]: [{side: box[side] for side in sides} for box in one["regions"]] for one in found}
    wrong = {photo: {"added": [], "cleared": cleared} for photo, cleared in boxes.items() if cleared}
    if wrong:
        count = sum(len(one["cleared"]) for one in wrong.values())
        print(f"  {count} places look like faces or plates, and are none: they are uncovered", flush=True)
        correct_blur(service, review, KEEPER, wrong)
    return bool(wrong)


def decide(service: Any, review: str, about: About) -> None:
    """Do what a custodian does: put it into words, say in how far its place may be known, let it pass."""
    from oberih.archive.metadata import Description
    from oberih.catalogue.tables import Review, Subject
    from oberih.work.flow import Decision
    from oberih.work.flow import decide as write_down
    from oberih.work.flow.wording import change_words

    with service.database.reading() as session:
        row = session.get_one(Review, review)
        subject = session.get_one(Subject, row.subject)
    told = {**subject.description, "titles": about.titles, "summary": about.summary, "rights": about.rights}
    told["subjects"] = [{"labels": one} for one in about.keywords]
    if about.region:
        told["place"] = {"names": about.region}
    versions = change_words(service, subject.id, KEEPER, Description.make({**told, "kind": "building"}),
                            seen_version=subject.version)  # fmt: skip
    with service.database.reading() as session:
        row = session.get_one(Review, review)
    place = about.place and {"latitude": about.place[0], "longitude": about.place[1]}
    cleared = sum(len(one.get("cleared", ())) for one in row.corrections.values())
    covered = sum(len(one["regions"]) for one in row.found) - cleared
    print(f"Reviewed by a robot, as a custodian would: {covered} faces and plates are covered.", flush=True)
    if covered:
        print("It cannot tell a face from a stone. An admin can look at them, and uncover what is none.")
    write_down(service, review, KEEPER, Decision.model_validate({
        "outcome": "passed", "seen_version": versions.get(review, row.version), "reason": "the demo",
        "precision": "1 km" if place else "withheld", "due": date.today() + timedelta(days=365),  # noqa: DTZ011
        "checked": CHECKED, "settled": [one["id"] for one in row.warnings], **(place or {}),
    }))  # fmt: skip


def public_one(service: Any) -> str:
    """The identifier of what is public; "" if nothing is."""
    from oberih.catalogue.public import query_of, search

    found = search(service.projection, query_of(size=1, facets=False)).records
    return str(found[0].id) if found else ""


def wait_until_public(service: Any) -> str:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if shown := public_one(service):
            return shown
        time.sleep(LOOKS_S)
    raise SystemExit("It did not become public.")


@contextmanager
def running(folder: Path, *, stays: bool) -> Iterator[Site]:
    """The site, while something is done with it. It ends then, unless it ``stays`` and nothing failed."""
    site = begin(folder)
    try:
        yield site
    except BaseException:
        site.end()
        raise
    if not stays:
        site.end()
