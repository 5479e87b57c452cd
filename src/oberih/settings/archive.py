"""What rules an archive: stores, custodians, policy."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

__all__ = ["Settings", "StoreSettings"]

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


class StoreSettings(BaseModel):
    """A place that keeps copies."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="a folder, or s3://bucket/prefix?endpoint=https://host")
    id: str = Field("", description="what the store's marker says: that it is this store (written by Oberih)")
    untrusted: bool = Field(False, description="its keepers must not read it: copies are encrypted")
    append_only: bool = Field(False, description="nothing can be changed there once written (object lock)")
    threat: str = Field("", description="what it would die of: stores with the same word count as one copy")
    access_key: SecretStr | None = Field(None, description="S3 access key (better: in the environment)")
    secret_key: SecretStr | None = Field(None, description="S3 secret key (better: in the environment)")

    @property
    def packages(self) -> bool:
        """Whether it holds sealed packages rather than open OCFL objects."""
        return self.untrusted or self.append_only


class Environment(EnvSettingsSource):
    """The environment, but for the keys of stores that are not, or no more, in the file."""

    def __init__(self, settings_cls: type[BaseSettings], file: Mapping[str, object]) -> None:
        super().__init__(settings_cls)
        self.file = file

    def __call__(self) -> dict[str, Any]:
        found = super().__call__()
        stores = found.get("stores")
        if isinstance(stores, dict):
            found["stores"] = {
                name: given
                for name, given in stores.items()
                if name in self.file or (isinstance(given, dict) and "url" in given)
            }
        return found


class FileFirst(BaseSettings):
    """Settings whose values come from a file, and which the environment overrules."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - given by the library
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = init_settings().get("stores")
        return Environment(settings_cls, file if isinstance(file, dict) else {}), init_settings


class Settings(FileFirst):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix="OBERIH_", env_nested_delimiter="__", extra="ignore", frozen=True
    )

    naming_authority: Annotated[str, StringConstraints(pattern=r"^[0-9bcdfghjkmnpqrstvwxz]{5,9}$")] = Field(
        "99999", description="your ARK name assigning authority number; 99999 is for trials"
    )
    publisher: Annotated[str, StringConstraints(pattern=r"\S")] = Field(
        "unknown", description="the institution that is responsible for the records"
    )
    resolver: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#]\S*$")] = Field(
        "https://n2t.net/", description="what makes an identifier a web address"
    )
    copies: int = Field(3, ge=1, le=20, description="how many stores of different threats keep each object")
    verify_every_days: int = Field(90, ge=1, description="every byte is read again at least so often")
    verify_rate: float | None = Field(None, gt=0, description="most MB/s that verifying may read")
    stores: dict[Name, StoreSettings] = Field(default_factory=dict, description="places that keep copies")
    custodians: dict[Name, str] = Field(
        default_factory=dict, description="age recipients, each of which opens what is encrypted"
    )
