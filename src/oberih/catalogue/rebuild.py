"""The catalogue again, from the archive alone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.archive import Archive
from oberih.archive.deposit import CAPTURE, DESCRIPTION, about_of
from oberih.archive.metadata import CaptureInfo, Description
from oberih.catalogue.database import Database
from oberih.catalogue.ledger import kept_entries, replay
from oberih.catalogue.tables import Capture, Collection, Model, Subject
from oberih.errors import OberihError
from oberih.progress import Progress

__all__ = ["FIRST", "Remade", "adopt", "first_collection", "rebuild_catalogue"]

FIRST = "first"  # identifier of the collection for what belongs to no other


@dataclass(frozen=True)
class Remade:
    """What came back."""

    entries: int
    adopted: int  # captures and models in the archive of which the ledger knew nothing
    troubles: tuple[tuple[str, OberihError], ...] = ()


def rebuild_catalogue(
    database: Database, archive: Archive, identities: Sequence[str], progress: Progress | None = None
) -> Remade:
    """Replay the ledger that the archive holds, then take in what came without one.

    Run again to go on. Raises `KeyNeeded` if no identity opens the ledger, `Damaged` if some of it is lost.
    """
    progress = progress or Progress()
    with progress.stage("records", 1) as stage:
        entries = replay(database, kept_entries(archive, identities))
        stage.tick()
    adopted, troubles = adopt(database, archive, progress)
    return Remade(entries, adopted, tuple(troubles))


def adopt(
    database: Database, archive: Archive, progress: Progress
) -> tuple[int, list[tuple[str, OberihError]]]:
    """Records for captures and models that were deposited without the service: nothing of them is public."""
    count, troubles = 0, []
    with database.reading() as session:
        known = set(session.scalars(select(Capture.id))) | set(session.scalars(select(Model.id)))
    unknown = [
        one for kind in ("capture", "model") for one in archive.index.objects(kind) if one.id not in known
    ]
    with progress.stage("deposits without a record", len(unknown)) as stage:
        for found in unknown:
            try:
                taken_in(database, archive, found.id)
                count += 1
            except OberihError as error:
                troubles.append((found.id, error))
            stage.tick()
    return count, troubles


def taken_in(database: Database, archive: Archive, identifier: str) -> None:
    deposited = archive.object(identifier)
    about, files = about_of(deposited), deposited.inventory.files()
    description = Description.load(deposited.read(DESCRIPTION)) if DESCRIPTION in files else None
    title = description.title() if description else str(about.get("title", identifier))
    with database.writing("service", "adopt") as session:
        first_collection(session)
        if about.get("kind") == "capture":
            info = CaptureInfo.load(deposited.read(CAPTURE)) if CAPTURE in files else CaptureInfo.make({})
            session.add(Capture(
                id=deposited.id, collection=FIRST, title=title, state="preserved", digest=deposited.digest,
                files=info.files or 0, photos=info.photos or 0, bytes=int(about.get("bytes", 0)),
                person=info.person or "", devices=list(info.devices),
            ))  # fmt: skip
            return
        captures = [str(one["id"]) for one in about.get("captures", [])]
        recorded = session.scalars(select(Capture.subject).where(Capture.id.in_(captures))).all()
        subject = recorded[0] if len(set(recorded)) == 1 else None
        if subject is None:
            made = Subject(
                id=archive.mint(), collection=FIRST, title=title,
                description=json.loads((description or Description.make({"titles": {"en": title}})).dump()),
            )  # fmt: skip
            session.add(made)
            session.flush()
            subject = made.id
        session.add(Model(id=deposited.id, subject=subject, captures=captures, digest=deposited.digest))


def first_collection(session: Session) -> Collection:
    """The collection for what belongs to no other."""
    found = session.get(Collection, FIRST)
    if found is None:
        found = Collection(id=FIRST, titles={"en": "Recordings", "uk": "Записи"})
        session.add(found)
        session.flush()
    return found
