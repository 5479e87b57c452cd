"""Recordings with the very same photos as one that is in review: somebody gave them twice.

Only custodians are told, and only of what they may see: who records is not to learn what others gave.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.archive.deposit import ORIGINALS
from oberih.archive.ocfl import object_key, read_object
from oberih.catalogue.access import Action
from oberih.catalogue.tables import Capture
from oberih.errors import Damaged, NotInArchive, StoreError
from oberih.web.inside.desk import Asks
from oberih.web.inside.office.common import reach
from oberih.work.service import Service

__all__ = ["same_photos"]

ROOM = 1 << 20  # bytes by which the objects of the same photos differ at most: each has its own receipt
MOST = 5  # of a size that are looked at


def same_photos(who: Asks, captures: tuple[Capture, ...]) -> tuple[Capture, ...]:
    """Captures of other subjects with all the same originals as one of ``captures``."""
    service, mine = who.desk.service, reach(who, Action.REVIEW)
    found: dict[str, Capture] = {}
    for one in captures:
        with service.database.reading() as session:
            others = like_in_size(session, one, mine)
        held = originals(service, one.id) if others else frozenset()
        found |= {other.id: other for other in others if held and originals(service, other.id) == held}
    return tuple(found.values())


def like_in_size(session: Session, one: Capture, mine: set[str] | None) -> list[Capture]:
    asked = select(Capture).where(
        Capture.photos == one.photos, Capture.files == one.files, Capture.photos > 0, Capture.id != one.id,
        Capture.bytes.between(one.bytes - ROOM, one.bytes + ROOM), Capture.subject != one.subject,
        Capture.state != "withdrawn",
    )  # fmt: skip
    asked = asked if mine is None else asked.where(Capture.collection.in_(mine))
    return list(session.scalars(asked.order_by(Capture.created).limit(MOST)))


def originals(service: Service, capture: str) -> frozenset[str]:
    """Digests of the files that were recorded."""
    try:
        held = read_object(service.archive.main, object_key(capture))
    except (NotInArchive, Damaged, StoreError):  # a hint: nothing waits for it
        return frozenset()
    return frozenset(
        one.digest for path, one in held.inventory.files().items() if path.startswith(f"{ORIGINALS}/")
    )
