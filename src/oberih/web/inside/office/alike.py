"""Things of one collection with the very same photos: somebody gave them more than once.

Only custodians are told: who records is not to learn what others gave.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from oberih.archive.deposit import ORIGINALS
from oberih.archive.ocfl import object_key, read_object
from oberih.catalogue.tables import Capture, Subject
from oberih.errors import Damaged, NotInArchive, StoreError
from oberih.work.service import Service

__all__ = ["same_photos"]

ROOM, PER_FILE = 16 << 10, 64  # bytes: objects of the same photos differ by what was said of them, and names
MOST = 5  # of about a size that are looked at


def same_photos(service: Service, subject: Subject, captures: Iterable[Capture]) -> tuple[Subject, ...]:
    """Other subjects of the same collection, of which a capture has all the same originals as one of
    ``captures``: it can be put together with them.
    """
    found: dict[str, Subject] = {}
    for one in captures:
        with service.database.reading() as session:
            others = like_in_size(session, one, subject)
        held = originals(service, one.id) if others else frozenset()
        same = (other for key, other in others if held and originals(service, key) == held)
        found |= {other.id: other for other in same}
    return tuple(found.values())


def like_in_size(session: Session, one: Capture, subject: Subject) -> Sequence[tuple[str, Subject]]:
    """Captures with as many photos, those first that are nearest in size, with their subjects."""
    room = ROOM + PER_FILE * one.files
    asked = select(Capture.id, Subject).join(Subject, Subject.id == Capture.subject).where(
        Capture.photos == one.photos, Capture.files == one.files, Capture.photos > 0, Capture.id != one.id,
        Capture.bytes.between(one.bytes - room, one.bytes + room), Capture.state != "withdrawn",
        Subject.collection == subject.collection, Subject.id != subject.id, Subject.withdrawn.is_(None),
    )  # fmt: skip
    nearest = func.abs(Capture.bytes - one.bytes)
    return [(key, other) for key, other in session.execute(asked.order_by(nearest, Capture.id).limit(MOST))]


def originals(service: Service, capture: str) -> frozenset[str]:
    """Digests of the files that were recorded."""
    try:
        held = read_object(service.archive.main, object_key(capture))
    except (NotInArchive, Damaged, StoreError):  # a hint: nothing waits for it
        return frozenset()
    return frozenset(
        one.digest for path, one in held.inventory.files().items() if path.startswith(f"{ORIGINALS}/")
    )
