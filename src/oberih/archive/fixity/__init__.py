"""Is every byte still what was deposited? Copies are checked (`verify`), healed from good ones (`heal`)."""

from oberih.archive.fixity.check import heal, verify
from oberih.archive.fixity.verified import Damage, Verified

__all__ = ["Damage", "Verified", "heal", "verify"]
