"""Every setting with its value and where that came from. What is secret is shown as stars."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from oberih.settings.archive import Environment
from oberih.settings.file import load_service, read
from oberih.settings.service import ServiceSettings

__all__ = ["Setting", "service_settings"]

PASSWORD = re.compile(r"(?<=://)([^/@:]*):[^/@]*@")


@dataclass(frozen=True)
class Setting:
    """One setting. ``origin``: what gave it its value; the environment may give only a part of it."""

    name: str
    value: Any  # as JSON
    origin: Literal["default", "file", "environment"]
    description: str


def service_settings(path: Path) -> list[Setting]:
    """The settings of a service with the file ``path``. Raises `InputError` if one is wrong."""
    values = load_service(path).model_dump(mode="json")
    table, environment = read(path), Environment(ServiceSettings, {})()
    return [
        Setting(
            name, without_password(values[name]),
            "environment" if name in environment else "file" if name in table else "default",
            field.description or "",
        )
        for name, field in ServiceSettings.model_fields.items()
    ]  # fmt: skip


def without_password(value: Any) -> Any:
    """``postgresql://somebody:***@host/database``."""
    return PASSWORD.sub(r"\1:***@", value) if isinstance(value, str) else value
