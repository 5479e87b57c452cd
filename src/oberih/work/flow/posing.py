"""The poster of a public model from where a custodian chose to look."""

import hashlib
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from oberih.archive.stores import AlreadyThere, exists
from oberih.catalogue.outdated import outdate
from oberih.catalogue.public import PublicView
from oberih.catalogue.tables import Presentation, Review
from oberih.products import Manifest, Viewpoint, make_posters
from oberih.work.engine import Job, step
from oberih.work.flow.here import here
from oberih.work.flow.projecting import MICRO, folder_of
from oberih.work.service import Service

__all__ = ["draw"]

VIEWS = "views"  # folder of what was drawn, below that of the version


@step
def draw(job: Job, review: str) -> bool:
    """Draw the poster, unless it is there. Says whether what everybody sees has changed."""
    service = here()
    with service.database.reading() as session:
        asked, decided = session.get(Presentation, review), session.get_one(Review, review)
    if asked is None or asked.opening is None or not decided.manifest or are_there(service, decided, asked):
        return False
    below = folder_of(decided.subject, decided.number)
    manifest = Manifest.model_validate(decided.manifest)
    model = next(iter((*manifest.of("medium"), *manifest.of("full"))), None)
    if model is None or not exists(service.files, f"{below}/{model.path}"):
        return False  # no model of it is public, or not any more
    with TemporaryDirectory(dir=service.work_folder(decided.model).parent) as scratch:
        level, out = Path(scratch) / "model.glb", Path(scratch) / "made"
        with level.open("wb") as file:
            file.writelines(service.files.stream(f"{below}/{model.path}"))
        out.mkdir()
        made = make_posters(level, out, viewpoint(asked.opening, manifest), job.progress)
        digest = hashlib.sha256("".join(one.sha256 for one in made).encode()).hexdigest()[:16]
        job.check()
        posters = []
        for one in made:
            path = f"{VIEWS}/{digest}/{one.path}"
            with suppress(AlreadyThere):
                service.files.create(f"{below}/{path}", (out / one.path).read_bytes())
            posters.append(one.model_copy(update={"path": path}).model_dump(mode="json"))
    with service.database.writing("service", "draw poster") as session:
        row = session.get_one(Presentation, review, with_for_update=True)
        if row.opening != asked.opening:
            return False  # another one is about to be drawn
        row.posters = posters
        outdate(session, row.subject)
    return True


def viewpoint(opening: dict[str, Any], manifest: Manifest) -> Viewpoint:
    view = PublicView.model_validate(opening, strict=False)
    x, y, z = (one / MICRO for one in view.eye)
    u, v, w = (one / MICRO for one in view.target)
    return Viewpoint(eye=(x, y, z), target=(u, v, w), field_deg=manifest.viewpoint.field_deg)


def are_there(service: Service, review: Review, shown: Presentation) -> bool:
    """Whether the posters that were drawn can be fetched; a machine may have been lost."""
    below = folder_of(review.subject, review.number)
    there = {stat.key: stat.size for stat in service.files.list(f"{below}/{VIEWS}")}
    return bool(shown.posters) and all(
        there.get(f"{below}/{one['path']}") == one["bytes"] for one in shown.posters
    )
