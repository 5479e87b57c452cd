"""Everybody who may come to the service, each with a way in of their own, and things that belong to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import update

from oberih.catalogue.access import EVERYWHERE, OPERATOR, ROLES, SCOPES
from oberih.catalogue.accounts import Visit, invite, who_now
from oberih.catalogue.accounts.keys import digest, new_token
from oberih.catalogue.accounts.sessions import csrf_of, open_session
from oberih.catalogue.accounts.tables import Account, Grant, LoginSession, Token
from oberih.catalogue.accounts.tokens import PREFIX
from oberih.catalogue.database import now
from oberih.catalogue.rebuild import FIRST
from oberih.catalogue.tables import ConditionReport, Organisation, Publication, Review, Zone
from oberih.web.serving import socket_of
from oberih.work.arrivals import Offered, Uploader
from oberih.work.flow import received
from oberih.work.flow.exporting import ask_for_export
from security.standin import Public
from web.office import OTHER, captured, in_review, tail
from web.visitors import URL, Client, House
from work.site import brought, photo

__all__ = ["CROWD", "Crowd", "Person"]

LONG_AGO = timedelta(hours=1)


@dataclass(frozen=True)
class Kind:
    """What somebody is. ``roles``: with the collection; ``scope``: they are a program with such a token."""

    roles: tuple[tuple[str, str], ...] = ()
    account: bool = True
    strong: bool = True
    ended: bool = False  # the roles
    recent: bool = True
    disabled: bool = False
    scope: str = ""


ALL_ROLES = tuple((role, EVERYWHERE) for role in ROLES)
CROWD: Mapping[str, Kind] = {
    "nobody": Kind(account=False),
    "plain": Kind(),
    "owner": Kind((("contributor", EVERYWHERE),)),  # of the contribution, which is in the first collection
    "contributor": Kind((("contributor", FIRST),)),
    "coordinator here": Kind((("coordinator", FIRST),)),
    "coordinator there": Kind((("coordinator", OTHER),)),
    "custodian": Kind((("custodian", EVERYWHERE),)),
    "custodian here": Kind((("custodian", FIRST),)),
    "custodian there": Kind((("custodian", OTHER),)),
    "custodian, one factor": Kind((("custodian", FIRST),), strong=False),
    "partner here": Kind((("partner", FIRST),)),
    "partner, ended": Kind((("partner", FIRST), ("custodian", FIRST)), ended=True),
    "admin": Kind((("admin", EVERYWHERE),)),
    "admin, long ago": Kind((("admin", EVERYWHERE),), recent=False),
    "suspended": Kind(ALL_ROLES, disabled=True),
    **{scope: Kind(ALL_ROLES, scope=scope) for scope in SCOPES},
}
"""In the order of the columns of the table."""


@dataclass
class Person:
    """One of them, who asks."""

    name: str
    kind: Kind
    house: House
    client: Client
    account: str = ""
    session: str = ""
    token: str = field(default="", repr=False)

    def come_in(self) -> None:
        """A new login."""
        database, gate = self.house.service.database, self.house.app.state.desk.gate
        self.client.asked.cookies.clear()
        if not self.kind.account:
            return
        with database.writing("service", "test") as session:
            found = session.get_one(Account, self.account)
            opened = open_session(session, gate, Visit(), found, "passkey", strong=self.kind.strong)
            if not self.kind.recent:
                aged = update(LoginSession).where(LoginSession.account == self.account)
                session.execute(aged.values(confirmed=now() - LONG_AGO))
        self.session = opened.token
        self.client.asked.cookies.set("__Host-session", opened.token, domain="heritage.example")

    def ask(self, method: str, path: str, *, form_word: bool = False, **more: Any) -> httpx.Response:
        """With everything that our own pages would send. ``form_word``: the form is one of strangers.
        ``headers`` are set instead; empty: not at all.
        """
        headers = {"Accept": "text/html,*/*", "Accept-Language": "en"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        elif method not in ("GET", "HEAD", "OPTIONS"):
            headers |= {"Origin": URL, "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": csrf_of(self.session)}
        if form_word:
            self.client.asked.cookies.set("__Host-form", "kept", domain="heritage.example")
            headers["X-CSRF-Token"] = self.house.app.state.desk.gate.key.mark("form", "kept")
        headers = {name: one for name, one in (headers | more.pop("headers", {})).items() if one}
        return self.client.request(method, path, headers=headers, **more)


class Crowd:
    """All of them at one house, which has one review in the first collection."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self.service, self.folder = house, house.service, folder
        self.public = Public(socket_of(self.service))
        self.everything = self.account("everything", ALL_ROLES)
        self.people = {name: self.made(name, kind) for name, kind in CROWD.items()}
        self.people["everything"] = self.made("everything", Kind(ALL_ROLES), self.everything)
        self.target = self.account("target", (("contributor", FIRST),))
        capture = captured(house)
        self.capture, self.review = tail(capture), in_review(house, capture)
        self.job = f"draft:{self.review}:1"
        self.service.engine.enqueue(
            "draft", key=self.job, queue="light", person="olha", args={"review": self.review}
        )
        self.furnish()
        self.contributed = {
            account: self.contribution_of(account)
            for account in (self.people["owner"].account, self.everything)
        }
        self.exports = {
            self.people[name].account: self.export_of(name) for name in ("custodian", "everything")
        }

    def furnish(self) -> None:
        """What the review is about is public already, and other people have written of it."""
        with self.service.database.writing("service", "test") as session:
            review = session.get_one(Review, self.review)
            review.found = [{**review.found[0], "preview": "found/0.jpg", "size_px": [64, 48]}]
            museum = Organisation(names={"en": "A museum"})
            report = ConditionReport(subject=review.subject, assessed=now().date())
            zone = Zone(name="z", polygon=SQUARE, reason="mines")
            review.number = 1
            session.add(Publication(id=review.subject, published=now(), review=review.id))
            session.add_all([museum, report, zone])
            session.flush()
            self.zone = zone.id
            _, naan, name = review.subject.split("/")
            self.register = {
                "collection": FIRST, "organisation": museum.id, "report": report.id, "naan": naan,
                "name": name, "subject": f"{naan}-{name}", "capture": self.capture,
            }  # fmt: skip
        self.service.drafts.write(f"{self.review}/1/found/0.jpg", [b"covered"])

    def export_of(self, name: str) -> str:
        """An export of the first collection, already made."""
        who = who_now(self.service.database, self.people[name].account, strong=True)
        assert who is not None
        made = ask_for_export(self.service, who, FIRST)
        self.service.drafts.write(f"exports/{made}/records.zip", [b"records"])
        return made

    def made(self, name: str, kind: Kind, account: str = "") -> Person:
        client = Client(self.house.app, {}, f"10.1.0.{len(self.house.visitors) + 1}")
        self.house.visitors.append(OneOf(client))
        made = Person(name, kind, self.house, client, account)
        if kind.scope:
            made.account = self.everything
            made.token = self.token_of(made.account, kind.scope)
        elif kind.account:
            made.account = account or self.account(name, kind.roles, ended=kind.ended)
            made.come_in()
            if kind.disabled:
                with self.service.database.writing("service", "test") as session:
                    session.get_one(Account, made.account).disabled = now()
        return made

    def close(self) -> None:
        self.house.close()
        self.public.close()

    def come_in(self) -> None:
        """Everybody who was logged out."""
        for one in self.people.values():
            if not one.kind.scope:
                one.come_in()

    def account(self, name: str, roles: tuple[tuple[str, str], ...], *, ended: bool = False) -> str:
        until = now() - LONG_AGO if ended else None
        with self.service.database.writing("service", "test") as session:
            account = Account(name=name)
            session.add(account)
            session.flush()
            for role, collection in roles:
                session.add(Grant(
                    account=account.id, role=role, collection=collection, by="operator", until=until,
                ))  # fmt: skip
            return account.id

    def token_of(self, account: str, scope: str) -> str:
        token = new_token(PREFIX)
        with self.service.database.writing("service", "test") as session:
            session.add(Token(
                hash=digest(token), account=account, name=scope, scopes=[scope], strong=True,
                expires=now() + LONG_AGO,
            ))  # fmt: skip
        return token

    def contribution_of(self, account: str) -> str:
        """One that has arrived, and waits for a worker."""
        path = photo(self.folder / f"{account}.jpg", 1)
        arrived = brought(self.service, [path], account=account)
        received(self.service, arrived)
        return arrived.contribution.id

    def arriving(self, account: str) -> dict[str, str]:
        """One that is not yet here in whole, and its file."""
        who = Uploader(account, self.service.limits)
        made, (file,) = self.service.arrivals.begin(who, [Offered("1.jpg", 9, last_modified=1)], key="one")
        return {"contribution": made.id, "file": file.id}

    def link(self) -> str:
        """An invitation of the operator's to the first collection."""
        gate = self.house.app.state.desk.gate
        return invite(self.service.database, gate, OPERATOR, "contributor", FIRST).id

    def grant(self) -> str:
        """The role of the target, given again if somebody took it."""
        with self.service.database.writing("service", "test") as session:
            for one in session.query(Grant).where(Grant.account == self.target):
                return one.id
            made = Grant(account=self.target, role="contributor", collection=FIRST, by="operator")
            session.add(made)
            session.flush()
            return made.id


@dataclass(frozen=True)
class OneOf:
    """What a house closes at its end."""

    client: Client


SQUARE = {"type": "Polygon", "coordinates": [[[30, 50], [30.1, 50], [30.1, 50.1], [30, 50]]]}
