"""Which photos of a contribution the model was made without, and why: damaged, blurred, of something else."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.archive.ocfl import object_key, read_object
from oberih.catalogue.tables import Capture, Model
from oberih.errors import Damaged, NotInArchive, StoreError
from oberih.i18n import from_json, say
from oberih.web.views import LeftOut
from oberih.work.service import Service

__all__ = ["left_out", "newest_model"]

REPORT = "report.json"  # in the model's object


def newest_model(session: Session, row: Capture) -> str:
    """The newest model that was made of a capture; empty: there is none."""
    asked = select(Model.id, Model.captures).where(Model.subject == row.subject)
    made = session.execute(asked.order_by(Model.created.desc())).all() if row.subject else ()
    return next((one.id for one in made if row.id in one.captures), "")


def left_out(service: Service, model: str, receipt: Mapping[str, Any] | None) -> Iterator[LeftOut]:
    """By what the report of the model says. Photos are known by their hashes, which the receipt has: a model
    may be made of what others recorded as well, and of that nobody learns here: neither what they called
    their photos, nor that they gave the same ones.
    """
    names = defaultdict[str, list[str]](list)
    for one in receipt["files"] if receipt else ():
        names[one["sha256"]].append(one["name"])
    if not model or not names:
        return
    try:
        report = json.loads(read_object(service.archive.main, object_key(model)).read(REPORT))
    except (NotInArchive, Damaged, StoreError):  # the page tells what else there is
        return
    photos = report.get("photos", ())
    used = {photo.get("sha256") for photo in photos if photo["used"]}  # the same may have been given twice
    mine = {photo.get("name"): names.get(photo.get("sha256"), []) for photo in photos}
    told: set[str] = set()
    for photo in sorted(photos, key=lambda one: bool(one.get("copy_of"))):  # copies of one's own come last
        digest, original = photo.get("sha256"), photo.get("copy_of")
        if digest in used | told or not photo.get("reason") or (original and not mine.get(original)):
            continue
        told.add(digest)
        why = say("the same picture as {name}", name=mine[original][0]) if original else photo["reason"]
        yield from (LeftOut(name, from_json(why)) for name in names.get(digest, []))
