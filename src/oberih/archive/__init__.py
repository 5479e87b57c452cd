"""The archive: objects with all their versions, on several stores, proved whole, healed and rebuilt.

What is recorded is deposited first (`deposit_capture`), copied to stores of different threats (`replicate`),
read again and again (`verify`), healed from good copies, and brought back from any store that survives
(`rebuild`, rehearsed by `drill`). See ``docs/archive.md``.
"""

from oberih.archive.archive import MAIN, Archive, create_archive, open_archive
from oberih.archive.deposit import Deposited, deposit_capture, deposit_model, describe
from oberih.archive.fixity import Damage, Verified, heal, verify
from oberih.archive.journal import events_of
from oberih.archive.rebuild import Drilled, Rebuilt, drill, rebuild
from oberih.archive.replicate import Replicated, Trouble, kept_as_asked, replicate, short_of_policy

__all__ = [
    "MAIN",
    "Archive",
    "Damage",
    "Deposited",
    "Drilled",
    "Rebuilt",
    "Replicated",
    "Trouble",
    "Verified",
    "create_archive",
    "deposit_capture",
    "deposit_model",
    "describe",
    "drill",
    "events_of",
    "heal",
    "kept_as_asked",
    "open_archive",
    "rebuild",
    "replicate",
    "short_of_policy",
    "verify",
]
