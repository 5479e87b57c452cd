"""Who did something, in words. People who record go by their pseudonym; who decides, by their name for those
who may see it, and else by what they are: no page shows an account's identifier.
"""

from collections.abc import Iterable

from fastapi import Request
from sqlalchemy import select

from oberih.catalogue.access import EVERYWHERE, OPERATOR, Action
from oberih.catalogue.accounts.tables import Account, Grant
from oberih.catalogue.database import now
from oberih.i18n import say
from oberih.web.inside.desk import Asks
from oberih.web.inside.door.places import title_of
from oberih.web.views.words import ROLES

__all__ = ["in_words_of"]

STAFF = ("admin", "custodian", "coordinator", "partner")  # who goes by the first of these that they are
NOT_PEOPLE = {"service": say("the service"), OPERATOR.actor: say("who runs the service")}
GONE = say("somebody who is not here any more")


def in_words_of(request: Request, who: Asks, actors: Iterable[str]) -> dict[str, str]:
    """Actor of the ledger -> words for whoever asks."""
    wanted = set(actors)
    with who.desk.service.database.reading() as session:
        accounts = {one.id: one for one in session.scalars(select(Account).where(Account.id.in_(wanted)))}
        grants = session.scalars(select(Grant).where(Grant.account.in_(wanted))).all()
    valid = [one for one in grants if one.until is None or now() < one.until]
    told: dict[str, str] = {one: NOT_PEOPLE.get(one, GONE) for one in wanted}
    for key, account in accounts.items():
        told[key] = of_one(request, who, account, [one for one in valid if one.account == key])
    return told


def of_one(request: Request, who: Asks, account: Account, grants: list[Grant]) -> str:
    role = next((role for role in STAFF if any(one.role == role for one in grants)), "")
    if not role:
        return account.pseudonym or ROLES["contributor"].label
    places = {one.collection for one in grants if one.role == role}
    if account.id == who.who.account or any(who.may(Action.SEE_PEOPLE, one) for one in {None, *places}):
        return account.name
    if EVERYWHERE in places:
        return ROLES[role].label
    titles = ", ".join(sorted(title_of(who.desk, request, one) for one in places))
    return say("{role} · {collections}", role=ROLES[role].label, collections=titles)
