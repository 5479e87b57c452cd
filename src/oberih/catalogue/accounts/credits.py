"""Public records that name somebody."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.catalogue.accounts.tables import Account
from oberih.catalogue.outdated import outdate
from oberih.catalogue.tables import Capture, Publication, Review

__all__ = ["credited_subjects", "give_up_name"]


def credited_subjects(session: Session, account: str) -> set[str]:
    asked = select(Capture.subject).where(Capture.account == account, Capture.credited.is_(True))
    return {one for one in session.scalars(asked) if one}


def give_up_name(session: Session, account: Account, subjects: Iterable[str]) -> tuple[str, ...]:
    """Nothing names somebody any more by the name that they had. Returns the subjects that are to be shown
    again; of some of them nothing may be public.

    Their mark is taken away too: it may come back with an older backup of accounts, and the name with it.
    """
    asked = select(Publication).where(Publication.id.in_(subjects)).order_by(Publication.id)
    found = session.scalars(asked.with_for_update()).all()
    for public in found:
        waiting = session.get(Review, public.waiting) if public.waiting else None
        for row in (public, waiting):
            if row is not None and account.name_mark in row.named:
                row.named = [one for one in row.named if one != account.name_mark]
        outdate(session, public.id)
    return tuple(one.id for one in found)
