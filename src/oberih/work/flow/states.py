"""How a capture comes from one state to the next: once, and not back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session

from oberih.catalogue.tables import Capture
from oberih.i18n import to_json
from oberih.work.service import Service

__all__ = ["ENDED", "moved", "told"]

ENDED = ("cancelled", "refused", "withdrawn")  # nothing brings a capture back from these
RANK = {
    "received": 0, "preserved": 1, "quarantined": 2, "preserved only": 2, "waiting": 3, "reconstructing": 4,
    "not reconstructable": 4, "failed": 4, "in review": 5, "published": 6,
}  # fmt: skip


@contextmanager
def moved(
    service: Service, capture: str, action: str, state: str, actor: str = "service", *, back: bool = False
) -> Iterator[tuple[Session, Capture]]:
    """One transaction in which a capture comes to ``state``, and what else belongs to that.

    Steps are run again, also long after: a capture that is further, or ended, stays where it is
    (``Capture.state`` says so). ``back``: somebody wants it to go back, from "failed" to "waiting" say.
    """
    with service.database.writing(actor, action) as session:
        row = session.get_one(Capture, capture, with_for_update=True)
        further = RANK.get(row.state, 0) > RANK.get(state, len(RANK))
        if row.state not in ENDED and (back or not further):
            row.state = state
        yield session, row


def told(text: str) -> Any | None:
    """A text as the tables keep it, to be said in any language."""
    return to_json(text) if text else None
