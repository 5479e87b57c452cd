"""Reading and changing a file of settings."""

import os
import re
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

from oberih.errors import InputError, OutputError
from oberih.i18n import say
from oberih.settings.archive import Settings
from oberih.settings.faults import all_of, faults, unread
from oberih.settings.service import ServiceSettings

__all__ = ["DRAFT", "FILE", "change", "check", "load", "read"]

FILE = "oberih.toml"
ENVIRONMENT = re.compile(r'field "([a-z_]+)"')  # in what pydantic says
DRAFT = f".{FILE}."  # how the name of a new file begins until it is whole; one left behind may be deleted


Kind = TypeVar("Kind", bound=BaseSettings)


def load(path: Path) -> Settings:
    """The settings of an archive in the file ``path`` (none: the defaults), overruled by the environment.

    Raises `InputError` that names every wrong setting.
    """
    return checked(path, read(path), Settings)


def load_service(path: Path) -> ServiceSettings:
    """The settings of a service, in the same way."""
    return checked(path, read(path), ServiceSettings)


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
    try:
        return table, checked(path, table, Settings)
    except InputError:
        checked(path, read(path), Settings)  # raises if the file was wrong before
        return table, checked(path, table, Settings, edited=True)


def read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            say("{path} cannot be read: {why}", path=path, why=unread(path, error)),
            "Mend the file, or restore it.",
        ) from error


def checked(path: Path, table: dict[str, Any], kind: type[Kind], *, edited: bool = False) -> Kind:
    """``edited``: if something is wrong, it is what was to be changed, not the file."""
    unknown = sorted(set(table) - set(kind.model_fields))
    wrong: list[str] = [say("{name}: {why}", name=name, why=say("not a setting")) for name in unknown]
    try:
        settings = kind(**table)
    except ValidationError as error:
        wrong, settings = [*wrong, *faults(error)], None
    except SettingsError as error:  # of the environment: what should be JSON is none
        name = ENVIRONMENT.search(str(error))
        why = say("what the environment says cannot be read")
        wrong, settings = [*wrong, say("{name}: {why}", name=name[1] if name else "?", why=why)], None
    if edited and wrong:
        raise InputError(
            say("This cannot be: {wrong}", wrong=all_of(wrong)), "Nothing was changed. Give something else."
        )
    if wrong or settings is None:
        raise InputError(
            say("Wrong settings in {path} or the environment: {wrong}", path=path, wrong=all_of(wrong)),
            "Mend them; `oberih settings` lists every setting.",
        )
    return settings
