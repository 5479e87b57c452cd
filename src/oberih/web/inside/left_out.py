"""Which photos of a contribution the model was made without, and why: damaged, blurred, of something else."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.archive.ocfl import object_key, read_object
from oberih.catalogue.tables import Capture, Model
from oberih.errors import Damaged, NotInArchive, StoreError
from oberih.i18n import from_json
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
    may be made of what others recorded as well, and of that nobody learns here.
    """
    names = {one["sha256"]: one["name"] for one in receipt["files"]} if receipt else {}
    if not model or not names:
        return
    try:
        report = json.loads(read_object(service.archive.main, object_key(model)).read(REPORT))
    except (NotInArchive, Damaged, StoreError):  # the page tells what else there is
        return
    for photo in report.get("photos", ()):
        name = names.get(photo.get("sha256"))
        if name and not photo["used"] and photo.get("reason"):
            yield LeftOut(name, from_json(photo["reason"]))
