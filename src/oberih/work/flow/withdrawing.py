"""What a contributor takes back, and what nobody can take back.

The archive keeps what was recorded: that was agreed to. What ends is the work on it and what is public of it.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.catalogue.database import now
from oberih.catalogue.outdated import outdate
from oberih.catalogue.tables import Capture, Publication, Review, Rights
from oberih.errors import Conflict
from oberih.work.flow.locking import lock, open_reviews
from oberih.work.flow.modelling import begin, cancel_models, usable
from oberih.work.flow.projecting import captures_of
from oberih.work.flow.publishing import project
from oberih.work.flow.states import WORKING, come_to, told
from oberih.work.service import Service

__all__ = ["DELETION", "answer_wish", "cancel", "stay_unnamed", "withdraw"]

DELETION = "deletion"  # a kind of rights: somebody claims it, until it is answered


def cancel(service: Service, capture: str, actor: str) -> None:
    """Stop the work on a capture. What has arrived is kept. Raises `Conflict` if nothing is being done."""
    with service.database.writing(actor, "cancel") as session:
        row = session.get_one(Capture, capture, with_for_update=True)
        if row.state not in WORKING:
            raise Conflict("Nothing is being done with it just now.", "Look at the page again.")
        come_to(row, "cancelled", back=True)
    work_on_without(service, capture)


def withdraw(service: Service, capture: str, actor: str, reason: str = "", *, deletion: bool = False) -> None:
    """Take a contribution back: what is public of it disappears, and nothing new is made of it.

    ``deletion``: whoever gave it asks for its files to be deleted, too. A custodian decides whether the law
    gives them that right (see `answer_wish`).

    All of it is decided in one transaction. What follows from it the service does now, or, should it be
    stopped here, as soon as it runs again (`mending`).
    """
    with service.database.writing(actor, "withdraw", reason) as session:
        row = session.get_one(Capture, capture)
        public = lock(session, row.subject) if row.subject else None
        session.refresh(row, with_for_update=True)
        come_to(row, "withdrawn", back=True)
        row.reason = row.advice = None  # of what was to become of it
        end_consents(session, capture)
        if deletion and wish(session, capture) is None:
            session.add(Rights(of=capture, kind=DELETION, person=actor))
        if public is not None:
            take_back(session, public, capture)
        for review in open_reviews(session, row.subject) if row.subject else ():
            if in_it(session, review.id, capture):
                review.state = "overtaken"
    if public is not None:
        project(service, public.id)
    work_on_without(service, capture)


def take_back(session: Session, public: Publication, capture: str) -> None:
    """Nobody is to see what was made of a capture, neither now nor later."""
    if public.visible and in_it(session, public.review, capture):
        public.withdrawn = now()
    if in_it(session, public.waiting, capture):
        public.waiting = None
    outdate(session, public.id)


def in_it(session: Session, review: str | None, capture: str) -> bool:
    """Whether a review is about a model of a capture. If it is, the others of it wait for another model."""
    captures = captures_of(session, session.get_one(Review, review)) if review else []
    found = any(one.id == capture for one in captures)
    for one in captures if found else ():
        if one.state in ("in review", "published"):
            come_to(one, "waiting", back=True)
    return found


def work_on_without(service: Service, capture: str) -> None:
    """Stop making models of a capture; of what else was recorded of its subject, one is made."""
    cancel_models(service, capture)
    with service.database.reading() as session:
        rest = usable(session, session.get_one(Capture, capture).subject or "")
        waiting = [one for one in rest if session.get_one(Capture, one).state in WORKING]
    if waiting:
        begin(service, waiting[0], anew=f"without-{capture.rpartition('/')[2]}")


def stay_unnamed(service: Service, capture: str, actor: str) -> None:
    """Whoever gave a capture is not named with it any more, though they may be with others."""
    with service.database.writing(actor, "withdraw consent") as session:
        row = session.get_one(Capture, capture)
        public = lock(session, row.subject) if row.subject else None
        row.credited = False
        end_consents(session, capture, "named")
        if public is not None:
            outdate(session, public.id)
    if public is not None:
        project(service, public.id)


def end_consents(session: Session, capture: str, which: str = "") -> None:
    """What somebody agreed to with a capture, they agree to no more; ``which``: to just this."""
    given = select(Rights).where(Rights.of == capture, Rights.kind == "consent", Rights.withdrawn.is_(None))
    for one in session.scalars(given.where(Rights.uri == which) if which else given):
        one.withdrawn = now()


def wish(session: Session, capture: str) -> Rights | None:
    """That a capture's files be deleted, if nobody has answered it yet."""
    asked = select(Rights).where(Rights.of == capture, Rights.kind == DELETION, Rights.withdrawn.is_(None))
    return session.scalars(asked.with_for_update()).first()


def answer_wish(service: Service, capture: str, actor: str, answer: str) -> None:
    """Tell a contributor what became of their wish for deletion. Raises `Conflict` if there is none."""
    with service.database.writing(actor, "answer about deletion", answer) as session:
        row = session.get_one(Capture, capture, with_for_update=True)
        found = wish(session, capture)
        if found is None:
            raise Conflict("Nobody waits for this answer.", "Look at the page again.")
        found.withdrawn = now()
        row.reason, row.advice = told(answer), None
