"""Ingest: what was received goes into the archive, untouched, and only then is looked at."""

import json
import statistics
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.archive import deposit_capture, kept_as_asked
from oberih.archive.deposit import ORIGINALS
from oberih.archive.reuse import deposited
from oberih.capture import Recording, recordings
from oberih.catalogue.tables import Capture, Place, Zone
from oberih.errors import InputError, NotInArchive
from oberih.i18n import say, to_json
from oberih.trust.cells import TruePlace
from oberih.trust.zones import Zone as Area
from oberih.trust.zones import Zones
from oberih.work.arrivals import Contribution, Received, Refused, Why, lay_out
from oberih.work.engine import Job, step, workflow
from oberih.work.flow.contributing import known_capture
from oberih.work.flow.fetching import fetched, forget
from oberih.work.flow.here import here
from oberih.work.flow.persons import credit, person_of
from oberih.work.flow.states import moved, told
from oberih.work.service import Service
from oberih.work.sharing import copied_or_later

__all__ = ["RECEIPT", "dangerous", "ingest", "next_state", "zones_now"]

RECEIPT = "receipt.json"  # in the capture's object: what the contributor was told

DANGER = "It was recorded where a danger zone is. A custodian looks at it before anything happens."
VIDEO_ONLY = "There are videos, and no photos. They are kept; a model cannot be made of a video yet."
LATER = (
    "Nothing is to be done: as soon as models can be made of videos, one is made of these. If you can, send "
    "photos of it too: of these a model is made now."
)
TOO_FEW = "There are fewer than two photos. What came is kept."
PHOTOS = "Take at least 20 photos around the thing, each overlapping the one before by two thirds."


@workflow("ingest")
def ingest(job: Job, account: str, contribution: str, capture: str) -> None:
    preserve(job, account, contribution, capture)
    copy(job, capture)  # before anything is done with it
    seen = look(job, account, contribution, capture)
    release(job, account, contribution, capture)
    if seen == "waiting":
        begin_model(job, capture)


@step
def preserve(job: Job, account: str, contribution: str, capture: str) -> None:
    """Deposit, under the identifier that was minted for it: what is there is not deposited again."""
    service = here()
    person = person_of(service, account)
    if deposited(service.archive, capture) is None:
        arrived, folder = arrived_at(service, account, contribution), originals(service, capture)
        if arrived is None:
            raise InputError(
                "The files of this contribution are not on this machine.",
                "See to it that its node works again.",
            )
        with service.database.reading() as session:
            record = session.get_one(Capture, capture)
        lay_out(arrived, folder)
        job.check()
        deposit_capture(
            service.archive, [folder], title=record.title, person=person, identifier=capture,
            beside={RECEIPT: json.dumps(arrived.receipt.json(), ensure_ascii=False).encode()},
            progress=job.progress,
        )  # fmt: skip
    kept = deposited(service.archive, capture)
    if kept is None:
        raise NotInArchive(
            say("{id} is not in the archive.", id=capture), "Look at the archive: oberih verify"
        )
    with moved(service, capture, "preserve", "preserved") as (session, row):
        row.digest, row.bytes = kept.digest, kept.bytes
        credit(session, row, person)


def arrived_at(service: Service, account: str, contribution: str) -> Received | None:
    """What lies among the uploads of this machine, if it does."""
    try:
        return service.arrivals.received(account, contribution)
    except Refused as error:
        if error.why is not Why.UNKNOWN:
            raise
        return None


def originals(service: Service, capture: str) -> Path:
    return service.work_folder(capture) / ORIGINALS


@step
def look(job: Job, account: str, contribution: str, capture: str) -> str:
    """What was recorded, where, and whether that is a place to keep quiet about. Returns the next state."""
    service = here()
    arrived, folder = arrived_at(service, account, contribution), originals(service, capture)
    if arrived is not None:
        lay_out(arrived, folder)
    else:  # the machine that they came to is lost: the archive has them
        forget(folder)
        fetched(service, capture, folder, ORIGINALS, job.progress)
    found = recordings([folder])
    photos = [one for one in found if one.is_photo]
    videos = [one for one in found if not one.is_photo and one.media_type.startswith("video/")]
    taken = sorted(one.taken_at for one in found if one.taken_at)
    state, reason, advice = next_state(len(photos), len(videos))
    with service.database.reading() as session:
        where = places(session, capture, photos)
        if dangerous(session, where, datetime.now(UTC).date()):
            state, reason, advice = "quarantined", DANGER, ""
    with moved(service, capture, "look", state) as (session, row):
        if row.state != state:
            return row.state  # it went on meanwhile, or was cancelled
        row.photos, row.videos = len(photos), len(videos)
        row.unused = [one.name for one in found if not one.is_photo and one not in videos]
        row.devices = sorted({f"{one.make} {one.model}".strip() for one in photos} - {""})
        row.taken = taken[0].replace(tzinfo=UTC) if taken else None
        row.reason, row.advice = told(reason), told(advice)
        if where and session.get(Place, capture) is None:
            session.add(Place(
                id=capture, latitude_deg=statistics.median(one.latitude_deg for one in where),
                longitude_deg=statistics.median(one.longitude_deg for one in where), source="photos",
            ))  # fmt: skip
    return state


def next_state(photos: int, videos: int) -> tuple[str, str, str]:
    """What becomes of a capture with so many photos and videos, why, and what its contributor can do."""
    if photos >= 2:
        return "waiting", "", ""
    return ("preserved only", VIDEO_ONLY, LATER) if videos else ("preserved only", TOO_FEW, PHOTOS)


def places(session: Session, capture: str, photos: Sequence[Recording]) -> list[TruePlace]:
    """Everywhere that the capture is said to be from."""
    found = []
    if (given := session.get(Place, capture)) is not None:
        found.append(TruePlace(given.latitude_deg, given.longitude_deg))
    for photo in photos:
        if photo.position is not None:
            try:
                found.append(TruePlace(photo.position.latitude_deg, photo.position.longitude_deg))
            except InputError:
                continue  # a device without a fix
    return found


def zones_now(session: Session) -> dict[float, Zones]:
    """Danger zones by their margin in metres."""
    rows = session.scalars(select(Zone).where(Zone.withdrawn.is_(None))).all()
    return {
        margin: Zones(
            Area.from_geojson(row.id, row.polygon, row.reason, day(row.begins), day(row.ends))
            for row in rows if row.margin_m == margin
        )
        for margin in {row.margin_m for row in rows}
    }  # fmt: skip


def day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def dangerous(session: Session, where: Sequence[TruePlace], today: date) -> bool:
    """Whether any of these places is in a danger zone today."""
    return any(
        zones.containing(one.latitude_deg, one.longitude_deg, today, margin)
        for margin, zones in zones_now(session).items()
        for one in where
    )


@step
def copy(job: Job, capture: str) -> list[Any]:
    """Copies on the other stores. One that is away gets its copies later, and keeps nobody waiting."""
    return [to_json(one.message) for one in copied_or_later(here(), job.progress, [capture])]


@step
def release(job: Job, account: str, contribution: str, capture: str) -> None:
    """What is safe in the archive need not lie among the uploads any more."""
    service = here()
    job.check()
    if deposited(service.archive, capture) is not None:
        forget(originals(service, capture))
        let_go(service, account, contribution, capture)


def let_go(service: Service, account: str, contribution: str, capture: str) -> None:
    """Delete what arrived, if all the copies that are to be there are. Until then it is one of them."""
    if arrived_at(service, account, contribution) is None:
        return
    if kept_as_asked(service.archive, capture):
        service.arrivals.release(account, contribution)
    else:
        service.arrivals.mark_deposited(account, contribution)


@workflow("copies")
def copies(job: Job) -> None:
    copy_what_waits(job)


@step
def copy_what_waits(job: Job) -> None:
    """Copies that are missing because a store was away, of all that this machine knows of; then what lies
    among its uploads for that reason is let go.
    """
    service = here()
    waiting = dict(ingested(service))
    copied_or_later(service, job.progress)
    for capture, one in waiting.items():
        let_go(service, one.account, one.id, capture)


def ingested(service: Service) -> Iterator[tuple[str, Contribution]]:
    """Captures that are in the archive, with what lies among the uploads of them, if no job is at it."""
    for arrived in service.arrivals.all_received():
        one = arrived.contribution
        job, capture = service.engine.state(f"ingest:{one.id}"), known_capture(service, one.id)
        going = job is not None and job.going
        if not going and capture is not None and deposited(service.archive, capture) is not None:
            yield capture, one


@step
def begin_model(job: Job, capture: str) -> None:
    from oberih.work.flow.modelling import begin

    begin(here(), capture)
