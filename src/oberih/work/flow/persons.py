"""Who recorded something, as heritage knows them: a pseudonym, made at the first contribution.

The name lies sealed in the archive, under a key of that person alone: to destroy the key is to forget the
name on every copy. The pseudonym stays, in the captures and in the ledger.
"""

from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.archive.people.records import PERSON, add_person, pseudonym_to_come, withdraw_person
from oberih.archive.people.withdrawals import withdrawal_of
from oberih.catalogue.access import Who
from oberih.catalogue.accounts import before_leaving, leave
from oberih.catalogue.accounts.people import set_pseudonym
from oberih.catalogue.accounts.tables import Account
from oberih.catalogue.tables import Capture, Person, Rights
from oberih.errors import NotInArchive
from oberih.progress import Progress
from oberih.work.service import Service
from oberih.work.sharing import alone, copied_or_later

__all__ = ["credit", "depart", "person_of"]

APART = "people coming and going"


def person_of(service: Service, account: str) -> str:
    """The pseudonym of whoever has this account; "": nobody any more, or somebody who has withdrawn.

    It is written down before anything is sealed under it, so that whoever leaves takes all of it with them.
    """
    with service.database.reading() as session:
        found = session.get(Account, account)
        if found is None:
            return ""
        known = session.get(Person, found.pseudonym) if found.pseudonym else None
    pseudonym = found.pseudonym or set_pseudonym(
        service.database, account, pseudonym_to_come(service.archive)
    )
    if withdrawal_of(service.archive, pseudonym) is not None:
        return ""
    if known is None:
        introduce(service, account, pseudonym)
    return pseudonym


def introduce(service: Service, account: str, pseudonym: str) -> None:
    """Seal who it is, and make their record: once, though two of their contributions arrive together. No
    transaction is open while the archive, which may be far away, is written.
    """
    with alone(service, APART):
        with service.database.reading() as session:
            found = session.get(Account, account)
            if found is None or session.get(Person, pseudonym) is not None:
                return
            told = {"account": account, "name": found.name, "public_name": found.public_name}
        if all(one.title != pseudonym for one in service.archive.index.objects(PERSON)):
            add_person(service.archive, {key: value for key, value in told.items() if value}, pseudonym)
        with service.database.writing("service", "introduce person") as session:
            session.add(Person(id=pseudonym))
    sealed = [one.id for one in service.archive.index.objects(PERSON) if one.title == pseudonym]
    copied_or_later(service, Progress(), sealed)


def depart(service: Service, who: Who, account: str = "") -> tuple[str, ...]:
    """Delete one's account (an admin: somebody's), and make unreadable what is sealed of them, which nobody
    can seal meanwhile. Returns the subjects whose public records have to be made again. Run again to finish.

    Raises `NotAllowed`, and `Conflict` for the last admin.
    """
    with alone(service, APART):
        pseudonym = before_leaving(service.database, who, account)
        if pseudonym:
            with suppress(NotInArchive):  # they left before anything was sealed
                withdraw_person(service.archive, pseudonym, "request")
        return leave(service.database, who, account)


def credit(session: Session, capture: Capture, pseudonym: str) -> None:
    """Say whose a capture is, and who gave what was allowed for it."""
    if not pseudonym or capture.person == pseudonym:
        return
    capture.person = pseudonym
    person = session.get_one(Person, pseudonym, with_for_update=True)
    person.credited = person.credited or capture.credited
    for given in session.scalars(select(Rights).where(Rights.of == capture.id, Rights.person == "")):
        given.person = pseudonym
