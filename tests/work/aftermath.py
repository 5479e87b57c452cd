"""What must be true of a service that has come to rest, whatever befell it."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select

from oberih.archive.deposit import ABOUT, ORIGINALS, read_about
from oberih.archive.ocfl import object_key, object_keys, read_object
from oberih.catalogue.database import Database, open_database
from oberih.catalogue.ledger import Entry, kept_entries, state_of
from oberih.catalogue.migrations import migrate
from oberih.catalogue.public import PublicRecord, record
from oberih.catalogue.rebuild import rebuild_catalogue
from oberih.catalogue.tables import HERITAGE, Capture, Model, Publication, Review
from oberih.errors import NotInArchive
from oberih.work.flow.ingest import RECEIPT
from oberih.work.flow.states import WORKING
from oberih.work.service import Service
from work.people import Contribution

__all__ = ["aftermath"]

ENDS = {"publish": {"published"}, "withdraw": {"withdrawn"}, "refuse": {"refused"}, "cancel": {"cancelled"}}


def aftermath(service: Service, brought: Sequence[Contribution], scratch: Path) -> list[str]:
    """All that is wrong."""
    return [
        *uploads(service, brought), *ends(service, brought), *jobs(service), *objects(service),
        *publications(service), *ledger(service), *rebuilt(service, scratch), *left_behind(service),
    ]  # fmt: skip


def uploads(service: Service, brought: Sequence[Contribution]) -> Iterator[str]:
    """Every acknowledged upload is in the archive, once, with equal bytes."""
    for one in brought:
        if one.receipt is None:
            continue
        with service.database.reading() as session:
            found = session.scalars(select(Capture).where(Capture.contribution == one.id)).all()
        if len(found) != 1:
            yield f"{one.id} was acknowledged, and is {len(found)} captures"
            continue
        try:
            kept = read_object(service.archive.main, object_key(found[0].id))
        except NotInArchive:
            yield f"{one.id} was acknowledged, is {found[0].state}, and is not in the archive"
            continue
        wanted = {f"{ORIGINALS}/{name}": hashlib.sha512(data).hexdigest() for name, data in one.files.items()}
        there = {path: file.digest for path, file in kept.inventory.files().items()}
        if {path: digest for path, digest in there.items() if path.startswith(ORIGINALS)} != wanted:
            yield f"{one.id} is not what was sent"
        for path, digest in wanted.items():
            if hashlib.sha512(kept.read(path)).hexdigest() != digest:
                yield f"{one.id}: {path} is damaged"
        if RECEIPT not in there or one.receipt["sha256"] != found[0].receipt:
            yield f"{one.id} has another receipt"


def ends(service: Service, brought: Sequence[Contribution]) -> Iterator[str]:
    """What people did, and were told that it is done, is done; nothing is worked on for ever."""
    with service.database.reading() as session:
        found = session.execute(select(Capture.contribution, Capture.state)).all()
    states = {one.contribution: one.state for one in found}
    for one in brought:
        if one.done and states.get(one.id) not in ENDS[one.wish]:
            yield f"{one.id} is {states.get(one.id)}, though its people did: {one.wish}"
    yield from (f"{one} is {state} for ever" for one, state in states.items() if state in WORKING)


def jobs(service: Service) -> Iterator[str]:
    """All have ended, and none has failed."""
    after = ""
    while True:
        page = service.engine.jobs(after=after, limit=200)
        for job in page.jobs:
            if job.status in ("waiting", "running", "failed"):
                yield f"{job.key} is {job.status}: {job.error or job.reason}"
        after = page.after
        if not after:
            return


def objects(service: Service) -> Iterator[str]:
    """Each capture and model of the archive is one of the catalogue, and the other way round."""
    there: dict[str, set[str]] = {"capture": set(), "model": set()}
    for key in object_keys(service.archive.main):
        try:
            about = read_about(read_object(service.archive.main, key).read(ABOUT))
        except NotInArchive:
            yield f"{key} was begun, and never made whole"
            continue
        if about["kind"] in there:
            there[about["kind"]].add(about["id"])
    with service.database.reading() as session:
        known = {
            "capture": set(session.scalars(select(Capture.id))),
            "model": set(session.scalars(select(Model.id))),
        }
    for kind, found in there.items():
        yield from (f"the {kind} {one} is nobody's" for one in found - known[kind])
        yield from (f"the {kind} {one} is not in the archive" for one in known[kind] - found)


def publications(service: Service) -> Iterator[str]:
    """What is to be public is, with all its files and in its version; what was withdrawn is not."""
    with service.database.reading() as session:
        every = session.scalars(select(Publication)).all()
        passed = {one.id: session.get(Review, one.review) for one in every}
        entries = session.scalars(
            select(Entry).where(Entry.kind == "publication").order_by(Entry.number)
        ).all()
    wanted: set[str] = set()
    for one in every:
        shown = record(service.projection, one.id)
        review = passed[one.id]
        if one.waiting:
            yield f"{one.id} still waits to be public"
        if one.visible:
            if not isinstance(shown, PublicRecord) or shown.version != review.number:
                yield f"{one.id} is not public in its version {review.number}"
            else:
                wanted |= {file.path for file in shown.files}
                if {file.path.split("/", 2)[2] for file in shown.files} != {
                    f["path"] for f in review.manifest["files"]
                }:
                    yield f"{one.id} shows other files"
        elif isinstance(shown, PublicRecord):
            yield f"{one.id} was withdrawn, and is public"
    there = {stat.key for stat in service.files.list()}
    if there != wanted:
        yield f"public files: {len(there - wanted)} too many, {len(wanted - there)} too few"
    before: dict[str, Any] = {}
    times: Counter[tuple[str, int]] = Counter()
    for entry in entries:
        if entry.data["review"] and entry.data["review"] != before.get(entry.of):
            times[entry.of, entry.data["review"]] += 1
        before[entry.of] = entry.data["review"]
    yield from (f"{of} was published {n} times" for (of, _), n in times.items() if n > 1)


def ledger(service: Service) -> Iterator[str]:
    """Every state of every row has its entry, and all of them lie in the archive."""
    with service.database.reading() as session:
        entries = session.scalars(select(Entry).order_by(Entry.number)).all()
        newest: dict[tuple[str, str], Entry] = {}
        versions: dict[tuple[str, str], list[int]] = {}
        for entry in entries:
            if entry.data is not None:
                newest[entry.kind, entry.of] = entry
                versions.setdefault((entry.kind, entry.of), []).append(entry.version)
        for kind in HERITAGE:
            for row in session.scalars(select(kind)):
                key = (kind.kind_of(), row.id)
                if versions.get(key) != list(range(1, row.version + 1)):
                    yield f"{key}: versions {versions.get(key)} of {row.version}"
                elif newest[key].data != state_of(row):
                    yield f"{key} is not what the ledger says"
    kept = {line["id"] for _, line in kept_entries(fresh(service), [service.secrets.identity])}
    missing = [entry for entry in entries if entry.id not in kept]
    if missing:
        yield f"{len(missing)} entries of the ledger are not in the archive"


def rebuilt(service: Service, scratch: Path) -> Iterator[str]:
    """The catalogue comes back from the archive as it is."""
    again = open_database(f"sqlite:///{scratch}/again.sqlite")
    migrate(again)
    rebuild_catalogue(again, fresh(service), [service.secrets.identity])
    for kind in HERITAGE:
        if rows(again, kind) != rows(service.database, kind):
            yield f"the table {kind.kind_of()} does not come back"
    again.close()


def fresh(service: Service) -> Any:
    """The archive with an index that knows what all machines and processes have put there."""
    from oberih.archive import rebuild

    if "again" not in service.__dict__:
        service.archive.index.close()
        service.__dict__["again"] = rebuild(service.folder / "archive").archive
    return service.__dict__["again"]


def rows(database: Database, kind: Any) -> dict[str, Any]:
    with database.reading() as session:
        return {row.id: state_of(row) for row in session.scalars(select(kind))}


def left_behind(service: Service) -> Iterator[str]:
    """No upload waits, and nothing of ended work lies about."""
    waiting = list(service.arrivals.all_received())
    if waiting:
        yield f"{len(waiting)} uploads are still waiting"
    drafts = {stat.key.split("/")[0] for stat in service.drafts.list()}
    with service.database.reading() as session:
        shown = {one.review for one in session.scalars(select(Publication)) if one.published}
    if drafts & shown:
        yield f"{len(drafts & shown)} drafts of what is public were left"
