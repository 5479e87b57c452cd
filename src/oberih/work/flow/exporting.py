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
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.archive.stores import AlreadyThere
from oberih.catalogue.access import Action, Who, demand, looking
from oberih.catalogue.accounts import who_again
from oberih.catalogue.tables import Capture, Collection, ConditionReport, Model, Publication, Rights, Subject
from oberih.errors import InputError, NotInArchive
from oberih.work.engine import Job, JobState, step, workflow
from oberih.work.flow.here import here
from oberih.work.flow.projecting import true_place
from oberih.work.service import Service

__all__ = ["ask_for_export", "export_content", "export_state"]

KEPT = timedelta(days=7)
FOLDER, ASKED, MADE = "exports", "asked.json", "records.zip"
ID = re.compile("[0-9a-f]{32}")
PLACE = ("latitude_deg", "longitude_deg", "elevation_m", "error_m", "place_source")
COLUMNS = (
    "identifier", "title", "title_uk", "title_en", "kind", "date", "rights", "captures", "photos", "bytes",
    "models", "precision", "public",
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
    with looking(service.database, who, Action.EXPORT, asked.collection, *of) as session:
        records = [told(session, one) for one in subjects(session, asked.collection)]
    if asked.places:
        with looking(service.database, who, Action.SEE_PLACE, asked.collection, *of) as session:
            records = [{**one, "place": place(session, one["identifier"])} for one in records]
    job.check()
    with suppress(AlreadyThere):  # the step runs again
        service.drafts.write(f"{FOLDER}/{export}/{MADE}", [packed(records, places=asked.places)])


def subjects(session: Session, collection: str) -> Iterator[Subject]:
    wanted = select(Subject).where(Subject.collection == collection, Subject.withdrawn.is_(None))
    return iter(session.scalars(wanted.order_by(Subject.created, Subject.id)).all())


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
        "public": public is not None and public.published is not None and public.withdrawn is None,
        "captures": [capture_told(session, one) for one in captures],
        "models": [
            {"identifier": one.id, "captures": one.captures, "figures": one.figures, "digest": one.digest}
            for one in models
        ],
        "conditions": [
            {"assessed": one.assessed.isoformat(), "grade": one.grade, "event": one.event,
             "source": one.source, "items": one.items}
            for one in reports
        ],
    }  # fmt: skip


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


def packed(records: list[dict[str, Any]], *, places: bool) -> bytes:
    """A ZIP file: ``records.csv`` for spreadsheets, and ``records.json`` with all that is known."""
    sheet = io.StringIO(newline="")
    writer = csv.DictWriter(sheet, [*COLUMNS, *(PLACE if places else ())])
    writer.writeheader()
    for one in records:
        writer.writerow({name: cell(value) for name, value in row_of(one, places=places).items()})
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("records.csv", "\ufeff" + sheet.getvalue())  # so that spreadsheets read UTF-8
        package.writestr("records.json", json.dumps(records, ensure_ascii=False, indent=1))
    return made.getvalue()


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
    }  # fmt: skip
    return {**row, **(record.get("place") or {})} if places else row


def cell(value: Any) -> Any:
    """What a spreadsheet program shows, and never runs."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
