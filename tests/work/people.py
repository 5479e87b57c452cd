"""People who use a service over HTTP, as phones and browsers do, and try again when nobody answers.

They send files, decide, take back, stop and begin again. What they were told is written down here, outside of
the service.
"""

import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import httpx
from PIL import Image
from sqlalchemy import select

from oberih.catalogue.access import EVERYWHERE
from oberih.catalogue.accounts import Gate, Key, csrf_of
from oberih.catalogue.accounts.gate import Visit
from oberih.catalogue.accounts.sessions import open_session
from oberih.catalogue.accounts.tables import Account, Grant
from oberih.catalogue.tables import Capture, Review
from oberih.work.service import Service

__all__ = ["PATIENCE_S", "Contribution", "People", "picture"]

PATIENCE_S = 300.0


@dataclass
class Contribution:
    """One thing that somebody brought, and what they know of it."""

    key: str
    account: str
    files: dict[str, bytes]
    phase: str = "begin"
    id: str = ""
    receipt: dict[str, Any] | None = None  # with it, it was acknowledged
    wish: str = "publish"  # what its people do with it in the end
    done: bool = False  # what they did was acknowledged too


@dataclass
class People:
    """Those who use ``service``, reached at ``url``; ``alive`` says whether it is worth waiting."""

    service: Service
    url: str
    alive: Callable[[], bool] = lambda: True
    sessions: dict[str, str] = field(default_factory=dict)  # tokens, by name
    troubles: list[str] = field(default_factory=list)

    def let_in(self, name: str, role: str) -> None:
        """Somebody with a role, who is logged in."""
        gate = Gate(Key(self.service.secrets.derived("accounts")), self.service.settings, self.url)
        with self.service.database.writing("service", "begin") as session:
            account = Account(id=name, name=name.title(), public_name="")
            session.add(account)
            session.flush()
            session.add(Grant(account=name, role=role, collection=EVERYWHERE, by="operator", why=""))
            session.flush()
            visit = Visit(address="127.0.0.1", browser="", device="")
            opened = open_session(session, gate, visit, account, "passkey", strong=True)
        self.sessions[name] = opened.token

    def asked(self, who: str, method: str, path: str, **more: Any) -> httpx.Response | None:
        """One request; None if nobody answered, or the answer was that something is away."""
        token = self.sessions[who]
        headers = {"X-CSRF-Token": csrf_of(token), "Accept": "application/json", **more.pop("headers", {})}
        try:
            answer = httpx.request(
                method, self.url + path, headers=headers, cookies={"session": token}, timeout=60, **more
            )
        except httpx.TransportError:
            return None
        if answer.status_code >= 500 and answer.status_code != 503:
            self.troubles.append(f"{method} {path.split('/')[1:4]}: {answer.status_code} {answer.text[:300]}")
        return None if answer.status_code >= 500 else answer

    def insist(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        """The same again and again until there is an answer."""
        until = time.monotonic() + PATIENCE_S
        while (answer := self.asked(who, method, path, **more)) is None:
            assert self.alive(), "the service has ended"
            assert time.monotonic() < until, f"nobody answers {method} {path}"
            time.sleep(0.3)
        return answer

    def bring(self, one: Contribution) -> None:
        """Send the files in pieces, and ask for the receipt."""
        one.phase = "upload"
        details = {"title": f"Thing {one.key[:4]}", "kind": "object", "licence": "cc-by-4.0",
                   "consents": ["own", "keep"], "language": "en"}  # fmt: skip
        offered = [
            {"name": name, "size": len(data), "type": "image/jpeg", "last_modified": 1}
            for name, data in one.files.items()
        ]
        begun = self.insist(one.account, "POST", "/api/v1/contributions",
                            json={"files": offered, "key": one.key, "details": details})  # fmt: skip
        assert begun.status_code == 201, begun.text
        one.id = begun.json()["id"]
        for told in begun.json()["files"]:
            self.send(one, told["url"], one.files[told["name"]])
        one.phase = "finish"
        done = self.insist(one.account, "POST", f"/api/v1/contributions/{one.id}/complete")
        assert done.status_code == 200, done.text
        one.receipt = done.json()

    def send(self, one: Contribution, url: str, data: bytes) -> None:
        tus = {"Tus-Resumable": "1.0.0"}
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            there = self.insist(one.account, "HEAD", url, headers=tus)
            offset = int(there.headers["Upload-Offset"])
            if offset == len(data):
                return
            piece = data[offset : offset + len(data) // 2 + 1]
            sent = {**tus, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
            self.asked(one.account, "PATCH", url, headers=sent, content=piece)
        raise AssertionError("a file never arrived")

    def capture(self, one: Contribution) -> Capture | None:
        with self.service.database.reading() as session:
            return session.scalars(select(Capture).where(Capture.contribution == one.id)).one_or_none()

    def see_through(self, one: Contribution) -> None:
        """All that people do with one contribution."""
        self.bring(one)
        if one.wish == "cancel":
            one.phase = "cancel"
            answer = self.insist(one.account, "POST", f"/contributions/{one.id}/cancel")
            if answer.status_code < 400 or self.state(one) == "cancelled":  # an answer may have been lost
                one.done = True
                return
            one.wish = "publish"  # it was too late
        if one.wish == "stop":
            self.stop_and_begin_again(one)
        review = self.in_review(one)
        one.phase = "review"
        self.decide(one, review)
        if one.wish in ("publish", "withdraw"):
            self.until(one, lambda: self.state(one) == "published")
        if one.wish == "withdraw":
            one.phase = "withdraw"
            self.insist(one.account, "POST", f"/contributions/{one.id}/withdraw")
        one.done = True

    def stop_and_begin_again(self, one: Contribution) -> None:
        """Somebody who runs the service stops the job, and lets it go on."""
        self.until(one, lambda: self.model_job(one) is not None)
        one.phase = "stop"
        key = self.model_job(one)
        self.insist("custodian", "POST", f"/jobs/{key}/cancel")
        time.sleep(1)
        one.phase = "begin again"
        self.insist("custodian", "POST", f"/jobs/{key}/again")
        one.wish = "publish"

    def model_job(self, one: Contribution) -> str | None:
        row = self.capture(one)
        found = self.service.engine.jobs(about=row.id).jobs if row else ()
        return next((job.key for job in found if job.name == "model"), None)

    def state(self, one: Contribution) -> str:
        row = self.capture(one)
        one.phase = row.state if row else "received"
        return one.phase

    def in_review(self, one: Contribution) -> str:
        """Wait for what would be public. The review's identifier."""
        found: list[str] = []

        def there() -> bool:
            if self.state(one) != "in review":
                return False
            one.phase = "draft"
            with self.service.database.reading() as session:
                row = self.capture(one)
                asked = select(Review.id).where(
                    Review.subject == row.subject, Review.draft != "", Review.state == "open"
                )
                found.extend(session.scalars(asked))
            return bool(found)

        self.until(one, there)
        return found[0]

    def until(self, one: Contribution, true: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < until, f"{one.id} stays {one.phase}"
            time.sleep(0.3)

    def decide(self, one: Contribution, review: str) -> None:
        wanted = "refused" if one.wish == "refuse" else "passed"
        while True:
            with self.service.database.reading() as session:
                row = session.get_one(Review, review)
            if row.state != "open":
                assert row.state == wanted, row.state
                return
            form = {"decision": wanted, "version": str(row.version), "reason": "everybody knows it",
                    "precision": "withheld", "due": "2099-01-01", "check-military": "none",
                    "check-people": "none", "check-plates": "none",
                    "settled": [one["id"] for one in row.warnings]}  # fmt: skip
            answer = self.asked("custodian", "POST", f"/review/{review}", data=form)
            assert answer is None or answer.status_code in (303, 409), answer.text
            time.sleep(0.2)


def picture(dice: random.Random) -> bytes:
    """A small JPEG that nobody else has."""
    made = BytesIO()
    pixels = dice.randbytes(48 * 36 * 3)
    Image.frombytes("RGB", (48, 36), pixels).save(made, "JPEG", quality=90)
    return made.getvalue() + hashlib.sha256(pixels).digest()
