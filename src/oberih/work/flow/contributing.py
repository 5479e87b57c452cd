"""The beginning of the walk: what has arrived gets records, and the first job.

Records and job are made from what lies on the disk; who is killed between them finds both missing, and makes
them (`pick_up`). Their keys are the contribution's, so that nothing is made twice.
"""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from oberih.archive.metadata import Description
from oberih.catalogue.access import EVERYWHERE, NOBODY, Action, Who, allowed, demand
from oberih.catalogue.accounts import who_in
from oberih.catalogue.ledger import bring_in
from oberih.catalogue.tables import Capture, Collection, Heritage, Place, Publication, Rights, Subject
from oberih.errors import InputError, OberihError
from oberih.i18n import language, say
from oberih.trust.cells import TruePlace
from oberih.work.arrivals import Received
from oberih.work.offers import LICENCES, Offer
from oberih.work.service import Service

__all__ = ["pick_up", "received", "welcome"]

UNKNOWN = ("The thing that this is said to show is not known here.", "Leave it out, or choose again.")

COLLECTION = select(Collection.metadata_table().c.id).where(
    Collection.metadata_table().c.id == bindparam("id")
)
CYRILLIC = ("be", "bg", "mk", "ru", "sr", "uk")  # languages that are written so


def received(service: Service, arrived: Received) -> str:
    """Records for a finished contribution, and its first job. Returns the capture's identifier.

    Raises `InputError` if what the contributor said is not usable; the files stay where they are.
    """
    contribution = arrived.contribution
    capture = known_capture(service, contribution.id)
    if capture is None:
        try:
            capture = register(service, arrived)
        except IntegrityError:  # somebody else has just done so
            capture = known_capture(service, contribution.id)
            if capture is None:
                raise
    begin_ingest(service, contribution.account, contribution.id, capture)
    return capture


def begin_ingest(service: Service, account: str, contribution: str, capture: str) -> bool:
    """Let what arrived be kept, where its files are. A job of nobody: it waits for none of their models."""
    return service.engine.enqueue(
        "ingest", key=f"ingest:{contribution}", queue="ingest", node=service.node, about=[capture],
        args={"account": account, "contribution": contribution, "capture": capture},
    )  # fmt: skip


def welcome(service: Service, account: str, details: Mapping[str, Any]) -> None:
    """Raises `InputError` or `NotAllowed` if what somebody says of a contribution could not be taken."""
    offer = offer_of(details)
    with service.database.reading() as session:
        wanted(session, offer, who_in(session, account, strong=True) or NOBODY)


def known_capture(service: Service, contribution: str) -> str | None:
    with service.database.reading() as session:
        return session.scalar(select(Capture.id).where(Capture.contribution == contribution))


def register(service: Service, arrived: Received) -> str:
    contribution, receipt = arrived.contribution, arrived.receipt
    offer = offer_of(contribution.details)
    capture, subject = service.archive.mint(), service.archive.mint()
    with service.database.writing(contribution.account, "contribute") as session:
        who = who_in(session, contribution.account, strong=True)  # how they came in was asked
        collection, known = wanted(session, offer, who or NOBODY)
        said = language(offer.language)
        title = offer.title or title_of(session, known, contribution.account)
        spoken = language_of(title, offer.language) if title else said.code
        title = title or said(say("Without a title"))
        new: list[tuple[type[Heritage], dict[str, Any]]] = []
        if known is None:
            described = Description.make({"titles": {spoken: title}, "kind": offer.kind})
            new.append((Subject, {
                "id": subject, "collection": collection, "title": str(title),
                "description": described.model_dump(mode="json", exclude_defaults=True),
            }))  # fmt: skip
        if offer.latitude is not None and offer.longitude is not None:
            TruePlace(offer.latitude, offer.longitude)  # raises if it can be none
            new.append((Place, {
                "id": capture, "latitude_deg": offer.latitude, "longitude_deg": offer.longitude,
                "source": "contributor",
            }))  # fmt: skip
        new.append((Capture, {
            "id": capture, "subject": known.id if known else subject,
            "collection": known.collection if known else collection, "contribution": contribution.id,
            "place_in_words": offer.place, "account": contribution.account, "title": str(title),
            "kind": offer.kind, "note": contribution.note, "files": len(receipt.files),
            "bytes": receipt.bytes, "receipt": receipt.sha256, "credited": "named" in offer.consents,
            "received": datetime.now(UTC),
        }))  # fmt: skip
        given = [("licence", LICENCES[offer.licence])]
        given += [("consent", consent) for consent in sorted(offer.consents)]
        new += [
            (Rights, {"of": capture, "kind": kind, "uri": uri, "terms": offer.terms}) for kind, uri in given
        ]
        bring_in(session, new)
    return capture


def language_of(title: str, pages: str) -> str:
    """The language of a title, as far as its letters tell: that of the pages on which it was written, unless
    they are Latin and the title is Cyrillic, as who reads the pages in English may well write Ukrainian.
    """
    letters = [unicodedata.name(one, "").startswith("CYRILLIC") for one in title if one.isalpha()]
    return "uk" if pages not in CYRILLIC and 2 * sum(letters) > len(letters) else pages


def title_of(session: Session, known: Subject | None, account: str) -> str:
    """What a capture of a known thing is called, if nobody said: as everybody, or who sends it, knows it."""
    if known is None:
        return ""
    return known.title if is_public(session, known) else own_title(session, known, account) or ""


def open_to(session: Session, known: Subject, who: Who) -> bool:
    """Whether somebody may add to a thing: all may to what is public, others only if they know of it."""
    return (
        is_public(session, known)
        or own_title(session, known, who.account) is not None
        or allowed(who, Action.REVIEW, known.collection)
    )


def is_public(session: Session, known: Subject) -> bool:
    found = session.get(Publication, known.id)
    return found is not None and found.visible


def own_title(session: Session, known: Subject, account: str) -> str | None:
    """What its contributor called an earlier capture of it."""
    mine = select(Capture.title).where(Capture.subject == known.id, Capture.account == account)
    return session.scalars(mine.order_by(Capture.created)).first() if account else None


def wanted(session: Session, offer: Offer, who: Who) -> tuple[str, Subject | None]:
    """The collection and, if it is known, the subject that a contribution is meant for. Who may contribute to
    other collections only, and names none, contributes to the first of these. Raises `NotAllowed`.
    """
    known = session.get(Subject, offer.subject) if offer.subject else None
    if offer.subject and (known is None or known.withdrawn):
        raise InputError(*UNKNOWN)
    if known is not None and not open_to(session, known, who):
        raise InputError(*UNKNOWN)
    collection = known.collection if known else offer.collection
    if session.connection().scalar(COLLECTION, {"id": collection}) is None:
        raise InputError("There is no such collection.", "Leave it out, or choose again.")
    if known is None and "collection" not in offer.model_fields_set:
        theirs = sorted({one.collection for one in who.valid()} - {EVERYWHERE})
        open_to_them = [one for one in (collection, *theirs) if allowed(who, Action.CONTRIBUTE, one)]
        collection = next(iter(open_to_them), collection)
    demand(who, Action.CONTRIBUTE, collection)
    return collection, known


def offer_of(details: Any) -> Offer:
    try:
        return Offer.model_validate(dict(details))
    except ValueError as error:
        raise InputError(
            "What was said with the files cannot be used.", "Open the page again, and fill in what is marked."
        ) from error


def pick_up(service: Service) -> int:
    """After a start: begin what arrived, and whose records or job were never made. Returns how many."""
    count = 0
    for arrived in service.arrivals.all_received():
        key = f"ingest:{arrived.contribution.id}"
        if service.engine.state(key) is None:
            try:
                received(service, arrived)
            except OberihError:
                continue  # what its contributor said is not usable: they are told on their page
            count += 1
    return count
