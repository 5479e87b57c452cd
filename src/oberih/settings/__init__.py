"""The one place for everything that can be set: typed, with what it is for, checked when it is read.

The values lie in a file, ``oberih.toml``, beside what they rule: an archive (`Settings`), or the data folder
of a service (`ServiceSettings`). The environment overrules the file: ``OBERIH_COPIES=3``, or
``OBERIH_STORES__LVIV__SECRET_KEY=...`` for what should not lie in a file. Nothing of the environment is ever
written back.
"""

from oberih.settings.archive import Settings, StoreSettings
from oberih.settings.file import DRAFT, FILE, change, check, load, load_service, read
from oberih.settings.origins import Setting, service_settings
from oberih.settings.service import ProviderSettings, ServiceSettings

__all__ = [
    "DRAFT",
    "FILE",
    "ProviderSettings",
    "ServiceSettings",
    "Setting",
    "Settings",
    "StoreSettings",
    "change",
    "check",
    "load",
    "load_service",
    "read",
    "service_settings",
]
