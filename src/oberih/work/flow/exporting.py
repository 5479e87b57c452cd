"""A collection's records for a partner or a custodian, under the rights of whoever asked.

The rights are looked at when it is asked for, when it is made and when it is fetched: who lost them meanwhile
gets nothing. Making and fetching are both in the ledger before anything can be read. Exports lie among what
is private, and are gone after a week.
"""

import csv
import io
import json
import re
import secrets
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.archive.stores import AlreadyThere
from oberih.catalogue.access import Action, Who, demand, looking
from oberih.catalogue.accounts import who_again
from oberih.catalogue.tables import (
    Capture,
    Collection,
    ConditionReport,
    Model,
    Publication,
    Review,
    Rights,
    Subject,
)
from oberih.errors import InputError, NotInArchive
from oberih.work.arrivals.taking import PIECE, nameless
from oberih.work.engine import Job, JobState, step, workflow
from oberih.work.flow.here import here
from oberih.work.flow.projecting import true_place
from oberih.work.service import Service

__all__ = ["ask_for_export", "export_content", "export_state"]

KEPT = timedelta(days=7)
IN_MEMORY = 50  # records
FOLDER, ASKED, MADE = "exports", "asked.json", "records.zip"
ID = re.compile("[0-9a-f]{32}")
PLACE = ("latitude_deg", "longitude_deg", "elevation_m", "error_m", "place_source")
COLUMNS = (
    "identifier", "title", "title_uk", "title_en", "kind", "date", "rights", "captures", "photos", "bytes",
    "models", "precision", "public", "public_precision",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins so is run by spreadsheet programs


@dataclass(frozen=True)
class Asked:
    """An export that was asked for. ``who``: `Who.asked`."""

    who: Mapping[str, Any]
    collection: str
    places: bool


def ask_for_export(service: Service, who: Who, collection: str, *, places: bool = False) -> str:
    """Begin an export; ``places``: with true ones. Returns its identifier. Raises `NotAllowed`, `InputError`
    if there is no such collection.
    """
    demand_all(who, collection, places=places)
    with service.database.reading() as session:
        if session.get(Collection, collection) is None:
            raise InputError("There is no such collection.", "Leave it out, or choose again.")
    sweep(service)
    identifier = secrets.token_hex(16)
    told = json.dumps(asdict(Asked(who.asked(), collection, places)))
    service.drafts.create(f"{FOLDER}/{identifier}/{ASKED}", told.encode())
    service.engine.enqueue(
        "export", key=f"export:{identifier}", queue="light", person=who.account, args={"export": identifier}
    )
    return identifier


def demand_all(who: Who, collection: str, *, places: bool) -> None:
    demand(who, Action.EXPORT, collection)
    if places:
        demand(who, Action.SEE_PLACE, collection)


def sweep(service: Service) -> None:
    until = service.drafts.now() - KEPT
    for stat in list(service.drafts.list(FOLDER)):
        if stat.modified < until:
            service.drafts.delete(stat.key)


def asked_for(service: Service, identifier: str) -> Asked:
    """Raises `NotInArchive` if there is no such export, or not any more."""
    if ID.fullmatch(identifier):
        with suppress(KeyError):
            return Asked(**json.loads(service.drafts.read(f"{FOLDER}/{identifier}/{ASKED}")[0]))
    raise NotInArchive("There is no such export of yours.", "Ask for it again.")


def own_export(service: Service, who: Who, identifier: str) -> Asked:
    """An export of whoever asks; somebody else's is as unknown as one that is not there."""
    found = asked_for(service, identifier)
    if found.who["account"] != who.account:
        raise NotInArchive("There is no such export of yours.", "Ask for it again.")
    return found


def export_state(service: Service, who: Who, identifier: str) -> JobState | None:
    """How far an export is. Raises `NotInArchive`, and `NotAllowed` if they may not have it any more."""
    found = own_export(service, who, identifier)
    demand_all(who, found.collection, places=found.places)
    return service.engine.state(f"export:{identifier}")


def export_content(service: Service, who: Who, identifier: str) -> Iterator[bytes]:
    """The file (ZIP), once it is in the ledger who fetches it. Raises what `export_state` raises."""
    found = own_export(service, who, identifier)
    demand_all(who, found.collection, places=found.places)
    key = f"{FOLDER}/{identifier}/{MADE}"
    try:
        service.drafts.stat(key)
    except KeyError as error:
        raise NotInArchive("The export is not made yet.", "Look again in a while.") from error
    with looking(service.database, who, Action.EXPORT, found.collection, "collection", found.collection):
        pass
    return service.drafts.stream(key)


@workflow("export")
def export(job: Job, export: str) -> None:
    write_export(job, export)


@step
def write_export(job: Job, export: str) -> None:
    """Make the file, with the rights that whoever asked has now."""
    service = here()
    asked = asked_for(service, export)
    who = who_again(service.database, asked.who)
    demand_all(who, asked.collection, places=asked.places)
    of = ("collection", asked.collection)
    if asked.places:
        with looking(service.database, who, Action.SEE_PLACE, asked.collection, *of):
            pass
    with nameless(service.private) as made:
        with looking(service.database, who, Action.EXPORT, asked.collection, *of) as session:
            pack(made, records(job, session, asked), service.private, places=asked.places)
        job.check()
        made.seek(0)
        with suppress(AlreadyThere):  # the step runs again
            service.drafts.write(f"{FOLDER}/{export}/{MADE}", iter(partial(made.read, PIECE), b""))


def records(job: Job, session: Session, asked: Asked) -> Iterator[dict[str, Any]]:
    """What is exported, one after the other: of a large collection little is in memory at a time."""
    wanted = select(Subject).where(Subject.collection == asked.collection, Subject.withdrawn.is_(None))
    ordered = wanted.order_by(Subject.created, Subject.id).execution_options(yield_per=IN_MEMORY)
    for subject in session.scalars(ordered):
        job.progress.check()
        record = told(session, subject)
        yield {**record, "place": place(session, subject.id)} if asked.places else record


def told(session: Session, subject: Subject) -> dict[str, Any]:
    """What a record says. People are not in it, nor what contributors noted for themselves."""
    captures = session.scalars(
        select(Capture)
        .where(Capture.subject == subject.id, Capture.state != "withdrawn")
        .order_by(Capture.id)
    ).all()
    models = session.scalars(select(Model).where(Model.subject == subject.id).order_by(Model.id)).all()
    reports = session.scalars(
        select(ConditionReport)
        .where(ConditionReport.subject == subject.id)
        .order_by(ConditionReport.assessed)
    ).all()
    public = session.get(Publication, subject.id)
    return {
        "identifier": subject.id, "title": subject.title, "description": subject.description,
        "precision": subject.precision,
        "public": public is not None and public.visible,
        "public_precision": public.precision if public is not None and public.visible else None,
        "captures": [capture_told(session, one) for one in captures],
        "models": [
            {"identifier": one.id, "captures": one.captures, "figures": one.figures, "digest": one.digest,
             **scale_told(session, one)}
            for one in models
        ],
        "conditions": [
            {"assessed": one.assessed.isoformat(), "grade": one.grade, "event": one.event,
             "source": one.source, "items": one.items}
            for one in reports
        ],
    }  # fmt: skip


def scale_told(session: Session, model: Model) -> dict[str, Any]:
    """How a custodian gave a model its size, if one did: of the review that passed last."""
    passed = select(Review).where(Review.model == model.id, Review.state == "passed").order_by(Review.number)
    reviews = [one for one in session.scalars(passed) if one.known_length and one.metres_per_unit]
    if not reviews:
        return {}
    return {"known_length": reviews[-1].known_length, "metres_per_unit": reviews[-1].metres_per_unit}


def capture_told(session: Session, capture: Capture) -> dict[str, Any]:
    licence = select(Rights.uri).where(Rights.of == capture.id, Rights.kind == "licence")
    return {
        "identifier": capture.id, "kind": capture.kind, "state": capture.state, "photos": capture.photos,
        "taken": capture.taken.isoformat() if capture.taken else None, "bytes": capture.bytes,
        "digest": capture.digest, "rights": session.scalars(licence).first(),
    }  # fmt: skip


def place(session: Session, subject: str) -> dict[str, Any] | None:
    found = true_place(session, subject)
    if found is None:
        return None
    return {
        "latitude_deg": found.latitude_deg, "longitude_deg": found.longitude_deg,
        "elevation_m": found.elevation_m, "error_m": found.error_m, "place_source": found.source,
    }  # fmt: skip


def pack(into: IO[bytes], records: Iterable[dict[str, Any]], folder: Path, *, places: bool) -> None:
    """Write a ZIP file: ``records.csv`` for spreadsheets, and ``records.json`` with all that is known. The
    first waits in ``folder`` for the second to be whole.
    """
    with nameless(folder) as sheet, zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as package:
        lines = io.TextIOWrapper(sheet, "utf-8-sig", newline="")  # with a mark: so spreadsheets read UTF-8
        writer = csv.DictWriter(lines, [*COLUMNS, *(PLACE if places else ())])
        writer.writeheader()
        with package.open("records.json", "w", force_zip64=True) as whole:
            before = "["
            for one in records:
                whole.write(f"{before}\n{json.dumps(one, ensure_ascii=False)}".encode())
                writer.writerow({name: cell(value) for name, value in row_of(one, places=places).items()})
                before = ","
            whole.write(b"\n]\n" if before == "," else b"[]\n")
        lines.flush()
        sheet.seek(0)
        with package.open("records.csv", "w", force_zip64=True) as table:
            shutil.copyfileobj(sheet, table)


def row_of(record: Mapping[str, Any], *, places: bool) -> dict[str, Any]:
    described, captures = record["description"], record["captures"]
    taken = sorted(one["taken"][:10] for one in captures if one["taken"])
    row = {
        "identifier": record["identifier"], "title": record["title"],
        "title_uk": described.get("titles", {}).get("uk", ""),
        "title_en": described.get("titles", {}).get("en", ""), "kind": described.get("kind", "other"),
        "date": taken[0] if taken else "",
        "rights": " ".join(sorted({one["rights"] for one in captures if one["rights"]})),
        "captures": len(captures), "photos": sum(one["photos"] for one in captures),
        "bytes": sum(one["bytes"] for one in captures), "models": len(record["models"]),
        "precision": record["precision"], "public": "yes" if record["public"] else "no",
        "public_precision": record["public_precision"] or "",
    }  # fmt: skip
    return {**row, **(record.get("place") or {})} if places else row


def cell(value: Any) -> Any:
    """What a spreadsheet program shows, and never runs."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
