"""A house with people of all roles, and something that waits for a decision."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import delete, select

from oberih.catalogue.access import EVERYWHERE
from oberih.catalogue.accounts.tables import Account, Grant
from oberih.catalogue.rebuild import FIRST
from oberih.catalogue.tables import Capture, Collection, Heritage, Model, Place, Review, Subject
from oberih.products.manifest import Manifest, PublicFile, Viewpoint
from oberih.work.engine import Job
from oberih.work.flow.here import work_for
from oberih.work.flow.modelling import open_review
from oberih.work.flow.publishing import expose, reveal
from web.visitors import House, Visitor
from work.site import site

__all__ = [
    "LATER",
    "OTHER",
    "PLACE",
    "POSTER",
    "WHOLE",
    "captured",
    "house_at",
    "in_review",
    "made",
    "person",
    "published",
    "row",
    "tail",
    "unmade",
]

H = TypeVar("H", bound=Heritage)

OTHER = "other"
PLACE = (49.84, 24.03)
POSTER = b"a poster"
LATER = (datetime.now(UTC).date() + timedelta(days=300)).isoformat()
WHOLE = {  # what a custodian fills in who lets a review pass
    "decision": "passed", "precision": "region", "reason": "everybody knows it", "due": LATER, "blur": "0/0",
    "check_military": "none", "check_people": "hidden", "check_plates": "none",
}  # fmt: skip


def house_at(folder: Path, **settings: object) -> House:
    """A prepared service with its inner application, and a second collection."""
    site(folder).close()
    made = House(folder, **settings)
    work_for(made.service)
    with made.service.database.writing("service", "begin") as session:
        session.add(Collection(id=OTHER, titles={"en": "Another"}))
    return made


def person(house: House, role: str = "", collection: str = EVERYWHERE) -> Visitor:
    """Somebody who came in with a passkey, and has a role."""
    visitor = house.visitor()
    visitor.go("/join")
    name = f"Person {len(house.visitors)}"
    assert visitor.with_passkey("/join/passkey", "create", name=name).status_code == 200
    with house.service.database.writing("service", "test") as session:
        account = session.scalars(select(Account).where(Account.name == name)).one()
        visitor.name = account.id
        session.execute(delete(Grant).where(Grant.account == account.id))
        if role:
            session.add(Grant(account=account.id, role=role, collection=collection, by="operator", why=""))
    return visitor


def captured(
    house: House,
    collection: str = FIRST,
    state: str = "in review",
    title: str = "Church",
    photos: int = 3,
    **more: object,
) -> str:
    """A capture with its subject and true place. The capture's identifier."""
    capture, subject = house.service.archive.mint(), house.service.archive.mint()
    told = {"titles": {"en": title}, "kind": "building"}
    with house.service.database.writing("service", "test") as session:
        session.add(Subject(id=subject, collection=collection, title=title, description=told))
        session.flush()
        session.add(Capture(
            id=capture, subject=subject, collection=collection, title=title, state=state, photos=photos,
            account="olha", contribution=capture[-12:], **more,
        ))  # fmt: skip
        session.add(Place(id=capture, latitude_deg=PLACE[0], longitude_deg=PLACE[1], source="contributor"))
    return capture


def in_review(house: House, capture: str) -> str:
    """A review of a model of ``capture``, whose public files are a poster and a picture."""
    service, model = house.service, house.service.archive.mint()
    with service.database.writing("service", "record model") as session:
        subject = session.get_one(Capture, capture).subject
        session.add(Model(id=model, subject=subject, captures=[capture], figures={"photos_used": 3}))
        session.flush()
        review = open_review(session, subject, model)
        found = session.get_one(Review, review)
        found.draft, found.manifest = f"{review}/1", manifest().model_dump(mode="json")
        box = {"kind": "face", "left": 0.1, "top": 0.1, "width": 0.2, "height": 0.2}
        found.found = [{"photo": "1.jpg", "picture": "00.jpg", "regions": [box]}]
    for path in ("poster.webp", "pictures/001.jpg"):
        service.drafts.write(f"{review}/1/{path}", iter([POSTER]))
    return review


def unmade(house: House, review: str) -> str:
    """The review, while what would be public is being made."""
    with house.service.database.writing("service", "test") as session:
        session.get_one(Review, review).draft = ""
    return review


def made(house: House, review: str) -> None:
    """Now it is made, as a job does it."""
    with house.service.database.writing("service", "draft") as session:
        session.get_one(Review, review).draft = f"{review}/1"


def row(house: House, kind: type[H], identifier: str) -> H:
    """A row as it is now."""
    with house.service.database.reading() as session:
        return session.get_one(kind, identifier)


def published(house: House, custodian: Visitor, review: str) -> str:
    """Let a review pass, and do its job. The subject."""
    custodian.go(f"/review/{review}")
    assert custodian.send(f"/review/{review}", **WHOLE).status_code == 303, custodian.text
    expose(Job("a test"), review)
    reveal(Job("a test"), review)
    return row(house, Review, review).subject


def manifest() -> Manifest:
    def file(path: str, role: str, kind: str) -> PublicFile:
        return PublicFile(path=path, role=role, media_type=kind, bytes=len(POSTER), sha256="0" * 64)  # type: ignore[arg-type]

    view = Viewpoint(eye=(0, 0, 1), target=(0, 0, 0), field_deg=40)
    files = (file("poster.webp", "poster", "image/webp"), file("pictures/001.jpg", "picture", "image/jpeg"))
    return Manifest(
        scale_known=False, unit="unit", size=(1, 1, 1), step=1e-4, triangles=10, points=0, viewpoint=view,
        turntable_deg=(), files=files,
    )  # fmt: skip


def tail(identifier: str) -> str:
    """An ARK as one part of a path."""
    return identifier.removeprefix("ark:/").replace("/", "-")
