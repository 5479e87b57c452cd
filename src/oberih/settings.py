"""The one place for everything that can be set: typed, with what it is for, checked when it is read.

The values lie in a file, ``oberih.toml``, beside what they rule (an archive, a server's data). The
environment overrules the file: ``OBERIH_COPIES=3``, or ``OBERIH_STORES__LVIV__SECRET_KEY=...`` for what
should not lie in a file. Nothing of the environment is ever written back.
"""

import os
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from oberih.errors import InputError, OutputError
from oberih.i18n import say

__all__ = ["FILE", "Settings", "StoreSettings", "change", "check", "load"]

FILE = "oberih.toml"
DRAFT = f".{FILE}."  # how the name of a new file begins until it is whole; one left behind may be deleted

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


class Settings(BaseSettings):
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


def load(path: Path) -> Settings:
    """The settings in the file ``path`` (none: the defaults), overruled by the environment.

    Raises `InputError` that names every wrong setting.
    """
    return checked(path, read(path))


def change(path: Path, edit: Callable[[dict[str, Any]], None]) -> Settings:
    """Let ``edit`` change the table in the file, check it, write it as one step. Returns all settings."""
    table, settings = edited(path, edit)
    draft = None
    try:
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=DRAFT)
        with os.fdopen(handle, "wb") as file:
            tomli_w.dump(table, file)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)  # mkstemp made it readable by its owner only
    except OSError as error:
        if draft is not None:
            Path(draft).unlink(missing_ok=True)
        why = error.strerror or type(error).__name__
        raise OutputError(
            say("{path} cannot be written: {why}", path=path, why=why),
            "Make room on the disk, or ask for the right to write there. The file is as it was.",
        ) from error
    return settings


def check(path: Path, edit: Callable[[dict[str, Any]], None]) -> Settings:
    """What `change` would return, or raise. Nothing is written."""
    return edited(path, edit)[1]


def edited(path: Path, edit: Callable[[dict[str, Any]], None]) -> tuple[dict[str, Any], Settings]:
    table = read(path)
    edit(table)
    return table, checked(path, table)


def read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            say("{path} cannot be read: {why}", path=path, why=error), "Mend the file, or restore it."
        ) from error


def checked(path: Path, table: dict[str, Any]) -> Settings:
    unknown = sorted(set(table) - set(Settings.model_fields))
    wrong = [f"{name}: not a setting" for name in unknown]
    try:
        settings = Settings(**table)
    except ValidationError as error:
        # Never the value itself: it may be a secret.
        wrong += [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
        settings = None
    except SettingsError as error:  # its message has a name, not a value
        wrong, settings = [*wrong, str(error)], None
    if wrong or settings is None:
        raise InputError(
            say("Wrong settings in {path} or the environment: {wrong}", path=path, wrong="; ".join(wrong)),
            "Mend them; docs/archive.md lists every setting.",
        )
    return settings
