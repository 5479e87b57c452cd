"""A service again, from its archive and a custodian's key: catalogue, ledger, accounts, public records, work.

Every part can be run again, and goes on where it stopped. Public files are made again by jobs, since that
takes long; until its files are there, a record shows its words.
"""

import logging
import secrets
import shutil
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from oberih import settings as rules
from oberih.archive import Rebuilt, rebuild
from oberih.archive.archive import MAIN
from oberih.archive.configuration import keep_settings, recall_settings
from oberih.archive.reuse import deposited
from oberih.catalogue.accounts.tables import Account
from oberih.catalogue.backup import files_of, restore_accounts
from oberih.catalogue.ledger import happened
from oberih.catalogue.migrations import migrate
from oberih.catalogue.public import PublicRecord, Withdrawn, create, load
from oberih.catalogue.rebuild import Remade, rebuild_catalogue
from oberih.catalogue.tables import Capture, Publication, Review
from oberih.errors import InputError
from oberih.i18n import say
from oberih.progress import Progress
from oberih.settings.file import checked
from oberih.work.backup import put_back
from oberih.work.flow.contributing import begin_ingest, pick_up
from oberih.work.flow.drafting import begin_draft, drafted
from oberih.work.flow.modelling import begin
from oberih.work.flow.projecting import month, public_record
from oberih.work.flow.publishing import begin_publish, due, missing_files, old_folders, remove
from oberih.work.flow.states import told
from oberih.work.service import SERVICE, Service, open_service, prepare_service
from oberih.work.sharing import opened

__all__ = ["Begun", "Recovered", "begin_again", "rebuild_service", "show_all"]

log = logging.getLogger("oberih.work")
LOST = say("The machine that it came to was lost before the files were safe.")
AGAIN = say("Please send the files again, if you still have them.")


@dataclass(frozen=True)
class Recovered:
    """What came back. ``accounts``: how many there are now."""

    archive: Rebuilt
    catalogue: Remade
    accounts: int
    public: int
    new_custodian: bool  # the service has a new key: the old one is lost


@dataclass(frozen=True)
class Begun:
    """Work that was begun again, and contributions whose files are lost."""

    jobs: int
    lost: int


def rebuild_service(
    folder: Path, identities: Sequence[str], *, source: str = "", backup: bytes | None = None,
    progress: Progress | None = None,
) -> Recovered:  # fmt: skip
    """Everything that the archive in ``folder`` knows; with ``source``, from a store that survived.

    ``backup``: of `back_up`; without one there are no accounts, and new secrets. Raises `InputError` if there
    is no archive, `KeyNeeded`, `Damaged`, and `Conflict` if other secrets, or accounts, are there.
    """
    progress = progress or Progress()
    place = folder / "archive"
    shared = bool(settings_of(folder, backup, identities).archive_url)
    if not (source or shared or (place / rules.FILE).exists() or (place / MAIN).is_dir()):
        raise InputError(
            say("There is no archive in {path}.", path=place),
            "Put it there, or name a store that survived: --from STORE",
        )
    with nothing_left(folder):
        if backup is not None:
            folder.mkdir(parents=True, exist_ok=True)
            put_back(folder, backup, identities)
        return brought_back(folder, identities, source, backup, progress, shared=shared)


@contextmanager
def nothing_left(folder: Path) -> Iterator[None]:
    """If nothing comes back, the folder is as it was: an archive that began to come back is kept."""
    before = set(folder.iterdir()) if folder.is_dir() else None
    try:
        yield
    except BaseException:
        if folder.is_dir() and not (folder / "archive").exists():
            for path in set(folder.iterdir()) - (before or set()):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            if before is None:
                folder.rmdir()
        raise


def brought_back(
    folder: Path, identities: Sequence[str], source: str, backup: bytes | None, progress: Progress, *,
    shared: bool,
) -> Recovered:  # fmt: skip
    service = open_service(folder)
    place = folder / "archive"
    try:
        if shared:
            opened(service).index.close()
        done = rebuild(place, source=source, identities=identities, progress=progress)
        if not done.archive.settings.custodians:
            recall_settings(done.archive, done.archive.main)
        done.archive.index.close()
        new = make_custodian(service)
        migrate(service.database)
        remade = rebuild_catalogue(service.database, service.archive, identities, progress)
        prepare_service(service)
        if backup is not None:
            restore_accounts(service.database, backup, identities)
        return Recovered(done, remade, accounts_of(service), show_all(service), new)
    finally:
        service.close()


def settings_of(folder: Path, backup: bytes | None, identities: Sequence[str]) -> rules.ServiceSettings:
    """The settings that the service will have. Raises what `files_of` raises, and `InputError`."""
    path = folder / rules.FILE
    kept = None if backup is None else files_of(backup, identities).get(rules.FILE)
    table = rules.read(path) if kept is None else tomllib.loads(kept.decode())
    return checked(path, table, rules.ServiceSettings)


def accounts_of(service: Service) -> int:
    with service.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Account)) or 0


def make_custodian(service: Service) -> bool:
    """Let the service's key be a custodian's, in the place of the one that is lost. False if it is one."""
    archive, recipient = service.archive, service.secrets.recipient
    if archive.settings.custodians.get(SERVICE) == recipient:
        return False
    archive.change_settings(lambda table: table.setdefault("custodians", {}).update({SERVICE: recipient}))
    keep_settings(archive)
    return True


def show_all(service: Service) -> int:
    """The public records again, as the catalogue has them. Returns how many there are."""
    create(service.projection)
    shown: set[str] = set()
    count = load(service.projection, records(service, shown), graves(service, shown))
    with service.database.reading() as session:
        every = session.scalars(select(Publication.id)).all()
    for one in every:
        with service.database.reading() as session:
            old = old_folders(session, session.get_one(Publication, one))
        remove(service, old)  # what is withdrawn may have been there still
    return count


def records(service: Service, shown: set[str]) -> Iterator[PublicRecord]:
    """What is visible, each as it is at that moment. ``shown`` learns which these are."""
    with service.database.reading() as session:
        subjects = session.scalars(select(Publication.id).where(Publication.visible)).all()
    for identifier in subjects:
        with service.database.reading() as session:
            public = session.get_one(Publication, identifier)
            if not public.visible:
                continue  # it was withdrawn meanwhile
            passed = session.get_one(Review, public.review)
            try:
                record = public_record(session, public)
            except Exception:  # one that cannot be shown is no reason to show none
                log.exception("What is public of %s cannot be made.", identifier)
                continue
        shown.add(identifier)
        yield record.model_copy(update={"files": ()}) if missing_files(service, passed) else record


def graves(service: Service, shown: set[str]) -> Iterator[Withdrawn]:
    """What was withdrawn, but for what was withdrawn since it was ``shown``: whoever did that hides it."""
    asked = select(Publication.id, Publication.withdrawn, Review.number).join(
        Review, Review.id == Publication.review
    )
    with service.database.reading() as session:
        gone = session.execute(asked.where(Publication.withdrawn.is_not(None))).all()
    for one in gone:
        if one.id not in shown:
            yield Withdrawn(id=one.id, version=one.number, month=month(one.withdrawn))


def begin_again(service: Service) -> Begun:
    """Put the work into the queues that was not done, as far as what it needs has survived.

    Jobs that survived, in a database of their own, go on by themselves.
    """
    with service.database.writing("service", "rebuild") as session:
        happened(session, "service", service.node)
    jobs = pick_up(service)
    jobs += ingest_again(service) + model_again(service) + draft_again(service) + publish_again(service)
    return Begun(jobs + due(service), say_lost(service))


def captures(service: Service, *states: str) -> Sequence[Capture]:
    with service.database.reading() as session:
        return session.scalars(select(Capture).where(Capture.state.in_(states)).order_by(Capture.id)).all()


def ingest_again(service: Service) -> int:
    """What is in the archive, and nobody has looked at."""
    found = [
        one for one in captures(service, "received", "preserved")
        if one.contribution and deposited(service.archive, one.id) is not None
    ]  # fmt: skip
    return sum(begin_ingest(service, one.account, one.contribution or "", one.id) for one in found)


def model_again(service: Service) -> int:
    """Captures of which a model was to be made."""
    waiting = captures(service, "waiting", "reconstructing")
    return len({begin(service, one.id) for one in waiting if one.subject})


def draft_again(service: Service) -> int:
    """What waits for a custodian's look, and lay on a machine that is lost: made again before they look."""
    with service.database.reading() as session:
        every = session.scalars(select(Review).where(Review.state == "open")).all()
    lost = [one.id for one in every if not (one.draft and drafted(service, one))]
    return sum(draft_is_lost(service, review) for review in lost)


def draft_is_lost(service: Service, review: str) -> bool:
    with service.database.writing("service", "draft is lost") as session:
        row = session.get_one(Review, review)
        row.draft = ""
        session.flush()
    return begin_draft(service, row)


def publish_again(service: Service) -> int:
    """Public versions whose files are lost."""
    with service.database.reading() as session:
        asked = select(Review).join(Publication, Publication.review == Review.id).where(Publication.visible)
        shown = session.scalars(asked).all()
    lost = [one.id for one in shown if missing_files(service, one)]
    return sum(begin_publish(service, review, anew=secrets.token_hex(4)) for review in lost)


def say_lost(service: Service) -> int:
    """Tell contributors whose files did not come as far as the archive. Should they lie on another machine
    that works, it brings them.
    """
    lost = [
        one for one in captures(service, "received")
        if deposited(service.archive, one.id) is None
        and (not one.contribution or service.engine.state(f"ingest:{one.contribution}") is None)
    ]  # fmt: skip
    for one in lost:
        with service.database.writing("service", "say what is lost") as session:
            row = session.get_one(Capture, one.id)
            row.reason, row.advice = told(LOST), told(AGAIN)
    return len(lost)
