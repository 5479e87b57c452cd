"""A service: its data folder, opened. What web processes and workers have in common.

FOLDER/
  oberih.toml     settings (`oberih.settings.ServiceSettings`)
  archive/        the archive
  private/        secrets, catalogue, work, uploads; nothing of it is for the public process
  public/         the public records and files, and nothing else
  recovery.key    a custodian's key, made at the first start, to be moved away
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from secrets import token_hex

from oberih.archive import Archive, create_archive, open_archive
from oberih.archive.configuration import keep_settings
from oberih.archive.crypt import load_identities, new_identity, recipient_of_identity, save_identity
from oberih.archive.stores import Store, open_store
from oberih.catalogue.database import Database, open_database
from oberih.catalogue.migrations import migrate
from oberih.catalogue.public import Projection, create, open_projection
from oberih.catalogue.rebuild import FIRST, first_collection
from oberih.catalogue.tables import Collection
from oberih.errors import OutputError
from oberih.i18n import say
from oberih.settings import FILE, ServiceSettings, Settings, load, load_service
from oberih.work.arrivals import Arrivals, Limits
from oberih.work.engine import Engine, EngineSettings
from oberih.work.publicity import admit_public
from oberih.work.secrets import Secrets, keep_secrets
from oberih.work.sharing import alone, join

__all__ = ["RECOVERY", "Service", "open_service", "prepare_service"]

RECOVERY = "recovery.key"
SERVICE, KEEPER = "service", "recovery"  # names of the two first custodians


@dataclass(frozen=True)
class Service:
    """An open service."""

    folder: Path
    settings: ServiceSettings
    secrets: Secrets
    node: str

    @property
    def private(self) -> Path:
        return self.folder / "private"

    @property
    def public(self) -> Path:
        return self.folder / "public"

    def work_folder(self, identifier: str) -> Path:
        """Where what is made for an object of the archive lies meanwhile."""
        return self.private / "work" / identifier.rpartition("/")[2]

    @cached_property
    def archive(self) -> Archive:
        return open_archive(self.folder / "archive")

    @cached_property
    def publisher(self) -> str:
        """The institution that is responsible for the records; "" if nobody has set one."""
        told = load(self.folder / "archive" / FILE).publisher
        return "" if told == Settings.model_fields["publisher"].default else told

    @cached_property
    def database(self) -> Database:
        return open_database(self.settings.database_url or f"sqlite:///{self.private}/catalogue.sqlite")

    @cached_property
    def projection(self) -> Projection:
        """The public records, to be written."""
        url = self.settings.database_url or f"sqlite:///{self.public}/public.sqlite"
        return open_projection(url, read_only=False)

    @cached_property
    def engine(self) -> Engine:
        given = self.settings
        url = given.work_database_url or given.database_url or f"sqlite:///{self.private}/work.sqlite"
        return Engine(EngineSettings(
            url=url, node=self.node, at_once={"ingest": 2, "cpu": given.jobs_at_once, "gpu": 1, "light": 4},
            running_per_person=given.running_per_person, waiting_per_person=given.waiting_per_person,
            lease_s=given.lease_s, beat_s=min(3.0, given.lease_s / 5),
        ))  # fmt: skip

    @cached_property
    def arrivals(self) -> Arrivals:
        return Arrivals(
            self.private / "uploads", keep_free=self.settings.keep_free_bytes,
            idle=timedelta(days=self.settings.upload_days),
        )  # fmt: skip

    @cached_property
    def limits(self) -> Limits:
        given = self.settings
        return Limits(given.upload_files, given.upload_file_bytes, given.upload_bytes, given.arriving_bytes)

    @cached_property
    def files(self) -> Store:
        """Of public files."""
        return self.store(self.settings.files_url, self.public / "files")

    @cached_property
    def drafts(self) -> Store:
        """Of what would be public, until somebody has looked."""
        return self.store(self.settings.drafts_url, self.private / "drafts")

    def store(self, url: str, folder: Path) -> Store:
        keys = (self.settings.files_access_key, self.settings.files_secret_key)
        access, secret = (key.get_secret_value() if key else None for key in keys)
        return open_store(url or folder, access_key=access, secret_key=secret, create=True)

    def close(self) -> None:
        for name in ("engine", "database", "projection"):
            if name in self.__dict__:
                getattr(self, name).close()


def open_service(folder: Path) -> Service:
    """The service whose data lie in ``folder``; prepared for use at its first start (`prepare_service`)."""
    settings = load_service(folder / FILE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "private").mkdir(mode=0o700, exist_ok=True)
        (folder / "private").chmod(0o700)
        (folder / "public" / "files").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise OutputError(
            say("{path} cannot be used for the data of a service: {why}", path=folder, why=why),
            "Choose a folder that you may write to.",
        ) from error
    secrets = keep_secrets(folder / "private", settings)
    return Service(folder, settings, secrets, settings.node or node_of(folder / "private"))


def node_of(private: Path) -> str:
    """This machine's name among several, made up once."""
    path = private / "node"
    if not path.exists():
        draft = private / f".node.{os.getpid()}"
        draft.write_text(f"n{token_hex(6)}")
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text().strip()


def prepare_service(service: Service) -> bool:
    """Make what is missing: archive, custodians, tables, the role of the public process. Returns whether the
    archive is new.

    Any number of processes, on any number of machines, may do so at the same time, and at every start.
    """
    with alone(service):
        migrate(service.database)
        service.engine.prepare()
        create(service.projection)
        admit_public(service)
        new = first_archive(service)
        with service.database.reading() as session:
            begun = session.get(Collection, FIRST) is not None
        if not begun:
            with service.database.writing("service", "begin") as session:
                first_collection(session)
    return new


def first_archive(service: Service) -> bool:
    """The archive, with two custodians: the service itself, and a key for the day its machine is lost."""
    place, path = service.folder / "archive", service.folder / RECOVERY
    if (place / FILE).exists() and not service.settings.archive_url:
        return False

    def custodians() -> dict[str, str]:
        if not path.exists():
            save_identity(path, new_identity()[0])
        keeper = recipient_of_identity(load_identities(path)[0])
        return {SERVICE: service.secrets.recipient, KEEPER: keeper}

    if service.settings.archive_url:
        return join(service, custodians)
    archive = create_archive(place, custodians=custodians())
    keep_settings(archive)
    archive.index.close()
    return True
