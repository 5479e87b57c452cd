"""What rules a service: where it is reached, what it keeps where, what people may do."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints
from pydantic_settings import SettingsConfigDict

from oberih.settings.archive import FileFirst, Name

__all__ = ["ProviderSettings", "ServiceSettings"]

GB = 10**9
WebAddress = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#]+$")]
Database = Annotated[str, StringConstraints(pattern=r"^(|postgresql://\S+)$")]


class ProviderSettings(BaseModel):
    """An institution that says who its people are (OpenID Connect)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+$")] = Field(
        description="its address, below which /.well-known/openid-configuration lies"
    )
    client_id: str = Field(description="what it calls us")
    client_secret: SecretStr | None = Field(None, description="better: in the environment")
    title: str = Field("", description="its name, as people know it")


class ServiceSettings(FileFirst):
    """Everything that can be set for a service."""

    model_config = SettingsConfigDict(
        env_prefix="OBERIH_", env_nested_delimiter="__", extra="ignore", frozen=True
    )

    url: WebAddress | Literal[""] = Field(
        "", description="the address under which people reach it; empty: http://localhost and the port"
    )
    contact: Annotated[str, StringConstraints(pattern=r"^(|[^\s@]+@[^\s@]+\.[^\s@]+)$")] = Field(
        "", description="e-mail address, told on /about and to those who harvest"
    )
    host: str = Field("127.0.0.1", description="the network address it listens on")
    development: bool = Field(False, description="allows plain http beyond this machine; never in public")
    trusted_proxies: tuple[str, ...] = Field(
        (), description="addresses of proxies whose word on a visitor's address is believed"
    )
    languages: tuple[str, ...] = Field(("uk", "en"), description="of the pages, the main one first")

    secret_key: SecretStr | None = Field(
        None, description="random, 32 letters at least; none: made at the first start"
    )
    identity: SecretStr | None = Field(
        None, description="age key that opens what the service sealed; none: made at the first start"
    )

    database_url: Database = Field(
        "", description="postgresql://... of the catalogue; empty: a file in the data folder"
    )
    public_database_url: Database = Field(
        "", description="the same database, as the role that may only read what is public"
    )
    work_database_url: Database = Field("", description="of the work; empty: the catalogue's, or a file")
    archive_url: str = Field(
        "", description="store of the archive that all machines share, s3://...; empty: in the data folder. "
        "Its keys: OBERIH_STORES__MAIN__ACCESS_KEY and ...__SECRET_KEY, in the environment",
    )  # fmt: skip
    files_url: str = Field(
        "", description="store of public files, a folder or s3://...; empty: in the data folder"
    )
    drafts_url: str = Field(
        "", description="store of what is reviewed before it is public; empty: in the data folder"
    )
    files_access_key: SecretStr | None = Field(
        None, description="of both stores (better: in the environment)"
    )
    files_secret_key: SecretStr | None = Field(
        None, description="of both stores (better: in the environment)"
    )
    public_files_access_key: SecretStr | None = Field(
        None, description="of the public process, which may only read public files"
    )
    public_files_secret_key: SecretStr | None = Field(
        None, description="of the public process (better: in the environment)"
    )

    node: Name | Literal[""] = Field("", description="this machine's name among several; empty: made up once")
    workers: int = Field(
        1, ge=0, le=64, description="worker processes that `oberih serve` starts; 0: others do the work"
    )
    jobs_at_once: int = Field(1, ge=1, le=64, description="reconstructions of one worker at the same time")
    gpu: Literal["auto", "no"] = Field("auto", description="whether workers take jobs for graphics cards")
    preset: Literal["draft", "standard", "high"] = Field("standard", description="of reconstructions")
    running_per_person: int = Field(2, ge=1, description="jobs of one person that run at the same time")
    waiting_per_person: int = Field(50, ge=1, description="jobs of one person that may wait")
    lease_s: float = Field(
        20, ge=2, le=600, description="a worker that is silent for so long is taken for dead"
    )
    ledger_every_s: float = Field(30, gt=0, description="how often changes of records go to the archive")

    upload_files: int = Field(3000, ge=1, description="most files of one contribution")
    upload_file_bytes: int = Field(20 * GB, ge=1, description="most bytes of one file")
    upload_bytes: int = Field(50 * GB, ge=1, description="most bytes of one contribution")
    arriving_bytes: int = Field(
        100 * GB, ge=1, description="most bytes of one person on their way to the archive"
    )
    keep_free_bytes: int = Field(5 * GB, ge=0, description="room that uploads leave on the disk")
    upload_days: int = Field(7, ge=1, description="days without a byte after which an upload is given up")

    public_processes: int = Field(
        2, ge=1, le=64, description="processes that make pages for everybody: as many as cores are to do that"
    )
    asked_per_minute: int = Field(
        1200, ge=0, description="public pages and searches of one network in a minute; 0: no limit"
    )
    registration: Literal["open", "invitation"] = Field(
        "open", description="who may become a contributor; all other roles are given"
    )
    providers: dict[Name, ProviderSettings] = Field(
        default_factory=dict, description="institutions whose people may log in"
    )
    session_days: int = Field(30, ge=1, le=365, description="how long a login lasts")
    partner_days: int = Field(
        90, ge=1, le=3650, description="longest access of a partner, unless it is renewed"
    )

    candidate_sites: int = Field(5, ge=1, description="sites that a public cell must hold at least")
    register_of_sites: Path | None = Field(
        None, description="CSV file (lat,lon) of all sites of the kind that is recorded"
    )
    embargo_days: int = Field(0, ge=0, description="a new record stays back at least so long after it passed")
    review_days: int = Field(
        365, ge=1, description="after so many days a sensitivity class is looked at again"
    )

    def address(self, port: int) -> str:
        """The service as people reach it, without a slash at the end; ``port``: that it listens on."""
        return (self.url or f"http://localhost:{port}").rstrip("/")
