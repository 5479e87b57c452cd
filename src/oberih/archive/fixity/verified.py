"""What a check of copies found, and how it is written down."""

from dataclasses import dataclass, field

from oberih.archive.findings import Finding
from oberih.archive.journal import happened
from oberih.archive.metadata.premis import Event
from oberih.archive.replicate import Trouble

__all__ = ["Damage", "Verified", "events"]


@dataclass(frozen=True)
class Damage:
    """A copy that is not what was deposited."""

    store: str
    id: str
    findings: tuple[Finding, ...]


@dataclass
class Verified:
    """What a run found."""

    checked: int = 0  # copies
    bytes: int = 0  # that were read
    seconds: float = 0.0
    good: dict[str, list[str]] = field(default_factory=dict)  # store -> identifiers
    damages: list[Damage] = field(default_factory=list)
    healed: list[Damage] = field(default_factory=list)  # those of the damages that are good again
    lost: list[Trouble] = field(default_factory=list)  # objects of which no good copy was found
    unhealed: list[Trouble] = field(default_factory=list)  # copies that take no healing: the store's fault
    swept: list[tuple[str, str]] = field(default_factory=list)  # store, key: what interrupted work left
    troubles: list[Trouble] = field(default_factory=list)  # stores that could not be checked
    strangers: list[tuple[str, str]] = field(default_factory=list)  # store, key: not known to the index

    @property
    def whole(self) -> bool:
        """Everything that was to be checked was, and is good now; and there is nothing else."""
        wrong = self.lost or self.unhealed or self.troubles or self.strangers
        return not wrong and len(self.healed) == len(self.damages)


def events(done: Verified, *, full: bool) -> list[Event]:
    """The run as preservation events: what was read and good in few, failures and recoveries one by one."""
    what = "every byte" if full else "inventories and what is there"
    made: list[Event] = []
    for name, identifiers in done.good.items() if full else ():
        made += happened("fixity check", identifiers, detail=f"{what}, on {name}")
    for damage in (one for one in done.damages if one.id):  # the others are of no object
        said = "; ".join(f"{finding.code} {finding.message}" for finding in damage.findings[:5])
        where = f"{what}, on {damage.store}"
        made += happened("fixity check", [damage.id], detail=where, outcome="failure", note=said)
    for damage in (one for one in done.healed if one.id):
        made += happened("recovery", [damage.id], detail=f"on {damage.store}, from a good copy")
    for trouble in (*done.lost, *done.unhealed):
        made += happened(
            "recovery",
            [trouble.id],
            detail=f"on {trouble.store}",
            outcome="failure",
            note=trouble.error.message,
        )
    return made
