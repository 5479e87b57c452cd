"""How much one person may have in the queues: the rest waits outside, and comes in as theirs finish.

DBOS runs what is in a queue; what is outside is delayed without end (`TURN`, `BEHIND`). A person has at most
``running`` jobs inside, so one who brings a thousand captures does not stand before everybody else. Up to
``waiting`` more stand at the door, the most urgent first; whatever is beyond stands behind those.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from oberih.work.engine._tables import STATUS, has_status, now_ms

__all__ = ["BEHIND", "TURN", "Quota"]

TURN = 9_000_000_000_000_000  # milliseconds: never
BEHIND = TURN + 1

ORDER = (STATUS.c.priority, STATUS.c.created_at, STATUS.c.workflow_uuid)


@dataclass(frozen=True)
class Quota:
    """Of every person, in jobs. Its functions are called in a transaction that is the person's only one."""

    running: int
    waiting: int

    def place(self, connection: sa.Connection, person: str) -> int | None:
        """Where a new job of the person goes: None is the queue itself."""
        if self.inside(connection, person) < self.running:
            return None
        return TURN if self.at(connection, person, TURN) < self.waiting else BEHIND

    def admit(self, connection: sa.Connection, person: str, leaving: str = "") -> None:
        """Let the person's next jobs in; the job ``leaving`` is about to end."""
        free = self.running - self.inside(connection, person, leaving)
        if free > 0:
            self.move(connection, person, TURN, free, status="ENQUEUED", delay_until_epoch_ms=None)
            free = self.waiting - self.at(connection, person, TURN)
            self.move(connection, person, BEHIND, free, delay_until_epoch_ms=TURN)

    def inside(self, connection: sa.Connection, person: str, leaving: str = "") -> int:
        """Jobs of the person in the queues, running, or to be tried again."""
        mine = (STATUS.c.authenticated_user == person, STATUS.c.workflow_uuid != leaving)
        until = STATUS.c.delay_until_epoch_ms
        queued = (*mine, has_status("ENQUEUED", "PENDING"))
        again = (*mine, has_status("DELAYED"), until < TURN)
        counts = [sa.select(sa.func.count()).where(*which).scalar_subquery() for which in (queued, again)]
        return connection.execute(sa.select(counts[0] + counts[1])).scalar_one()

    def at(self, connection: sa.Connection, person: str, place: int) -> int:
        """Jobs of the person at that place; not counted further than it matters."""
        there = sa.select(sa.literal(1)).where(*self.there(person, place)).limit(self.waiting).subquery()
        return connection.execute(sa.select(sa.func.count()).select_from(there)).scalar_one()

    def move(self, connection: sa.Connection, person: str, place: int, count: int, **values: object) -> None:
        if count > 0:
            keys = sa.select(STATUS.c.workflow_uuid).where(*self.there(person, place))
            first = connection.execute(keys.order_by(*ORDER).limit(count)).scalars().all()
            there = (STATUS.c.workflow_uuid.in_(first), *self.there(person, place))
            connection.execute(STATUS.update().where(*there).values(updated_at=now_ms(), **values))

    @staticmethod
    def there(person: str, place: int) -> tuple[sa.ColumnElement[bool], ...]:
        return (
            STATUS.c.authenticated_user == person,
            has_status("DELAYED"),
            STATUS.c.delay_until_epoch_ms == place,
        )

    @staticmethod
    def people_waiting(connection: sa.Connection) -> list[str]:
        """Who has a job at the door."""
        person = STATUS.c.authenticated_user
        asked = sa.select(person).where(has_status("DELAYED"), STATUS.c.delay_until_epoch_ms == TURN)
        return list(connection.execute(asked.distinct()).scalars())
