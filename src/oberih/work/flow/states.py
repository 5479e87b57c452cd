"""How a capture comes from one state to the next: once, and not back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.orm import Session

from oberih.catalogue.tables import Capture
from oberih.i18n import to_json
from oberih.work.service import Service

__all__ = ["ENDED", "WORKING", "come_to", "moved", "told"]

ENDED = ("cancelled", "refused", "withdrawn")
AFTER: Final[Mapping[str, tuple[str, ...]]] = {  # where somebody can bring it from there
    "cancelled": ("waiting", "refused", "withdrawn"),
    "refused": ("withdrawn",),
    "withdrawn": (),
}
WORKING = ("received", "preserved", "waiting", "reconstructing")  # something is being done, or to be done
RANK = {
    "received": 0, "preserved": 1, "quarantined": 2, "preserved only": 2, "waiting": 3, "reconstructing": 4,
    "not reconstructable": 4, "failed": 4, "in review": 5, "published": 6,
}  # fmt: skip


def come_to(row: Capture, state: str, *, back: bool = False) -> bool:
    """Bring a capture to ``state``, and say whether it is there.

    Steps are run again, also long after: a capture that is further, or ended, stays where it is.
    ``back``: somebody wants it to go back, from "failed" to "waiting" say.
    """
    if row.state in ENDED:
        free = back and state in AFTER[row.state]
    else:
        free = back or RANK[row.state] <= RANK.get(state, len(RANK))
    if free:
        row.state = state
    return row.state == state


@contextmanager
def moved(
    service: Service, capture: str, action: str, state: str, actor: str = "service", *, back: bool = False
) -> Iterator[tuple[Session, Capture]]:
    """One transaction in which a capture comes to ``state`` (see `come_to`), with what else belongs to it."""
    with service.database.writing(actor, action) as session:
        row = session.get_one(Capture, capture, with_for_update=True)
        come_to(row, state, back=back)
        yield session, row


def told(text: str) -> Any | None:
    """A text as the tables keep it, to be said in any language."""
    return to_json(text) if text else None
