"""What would be public, made before anybody decides: the custodian looks at exactly these files."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from oberih.archive.deposit import ORIGINALS
from oberih.archive.metadata import Description
from oberih.capture import Photo, find_photos
from oberih.catalogue.accounts.tables import Account
from oberih.catalogue.tables import Capture, Model, Review, Subject
from oberih.errors import UnreadablePhoto
from oberih.formats import Model as Shape
from oberih.formats import format_named, load_model
from oberih.products import make_public
from oberih.progress import Progress
from oberih.trust.pictures import decoded, encoded
from oberih.trust.redaction import Box, Corrections, Hiding, Region, Sighting, blurred, find
from oberih.trust.warnings import TextWarning, warnings_in
from oberih.work.engine import Job, step, workflow
from oberih.work.flow.fetching import fetched, forget
from oberih.work.flow.here import here
from oberih.work.flow.modelling import result_folder
from oberih.work.service import Service

__all__ = ["draft", "draft_again", "noticed"]

PICTURES = 12  # of the photos, at most
LOOK_PX = 3200  # longer side at which faces are looked for
PICTURE_PX = 1600


@workflow("draft")
def draft_again(job: Job, review: str, corrections: str) -> None:
    """After a custodian corrected what is blurred. ``corrections`` makes the job's key one of its own."""
    draft(job, review)


@step
def draft(job: Job, review: str) -> None:
    """Make the public files of a review's model, and what its custodian is to be warned of."""
    service = here()
    with service.database.reading() as session:
        asked = session.get_one(Review, review)
        model = session.get_one(Model, asked.model or "")
    work = service.work_folder(model.id)
    out = work / f"draft-{secrets.token_hex(4)}"
    source = result_folder(service, model.id)
    with job.progress.stage("photos for the public", len(model.captures)) as stage:
        photos = photos_of(service, model, work, job.progress)
        stage.tick(len(model.captures))
    looked = looked_at(photos, asked.corrections, work / "pictures", job.progress)

    def redact(shape: Shape) -> Shape:
        return hidden(shape, source, looked.sightings)

    made = make_public(source, out, redact=redact, pictures=looked.pictures, progress=job.progress)
    job.check()
    place = f"{review}/{secrets.token_hex(8)}"
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            service.drafts.write(f"{place}/{path.relative_to(out)}", iter(lambda: file.read(1 << 20), b""))
    with service.database.writing("service", "draft") as session:
        row = session.get_one(Review, review)
        before, row.draft = row.draft, place
        row.manifest = made.manifest.model_dump(mode="json")
        row.found = looked.found
        row.warnings = noticed(session, row)
    clear(service, before)
    forget(out)


def photos_of(service: Service, model: Model, work: Path, progress: Progress) -> list[Photo]:
    """The photos that the model was made of, with their names in it."""
    folders = [
        fetched(service, capture, work / "photos" / str(number), ORIGINALS, progress)
        for number, capture in enumerate(model.captures)
    ]
    return list(find_photos(folders, progress=progress).photos)


@dataclass
class Looked:
    """What was found in the photos, and some of them made for the public."""

    found: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)
    sightings: dict[str, tuple[tuple[Region, ...], tuple[int, int]]] = field(
        default_factory=dict
    )  # stored order


def looked_at(
    photos: Sequence[Photo], corrections: Mapping[str, Any], folder: Path, progress: Progress
) -> Looked:
    """Look for faces and plates in every photo; some photos, covered, become public pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = {photo.name for photo in photos[:: max(1, len(photos) // PICTURES)][:PICTURES]}
    looked = Looked()
    with progress.stage("faces and plates", len(photos)) as stage:
        for photo in photos:
            stage.tick()
            try:
                pixels = decoded(photo.path, longest_px=LOOK_PX)
            except UnreadablePhoto:
                continue  # it was left out of the model too
            told = Corrections.model_validate(corrections.get(photo.name, {}))
            found = find(pixels)
            hide = told.applied(found, pixels.shape)
            if hide:
                looked.sightings[photo.name] = stored(hide, pixels.shape, photo.orientation)
            if photo.name in shown:
                path = folder / f"{len(looked.pictures):02}.jpg"
                path.write_bytes(encoded(smaller(blurred(pixels, hide)), "jpeg"))
                looked.pictures.append(path)
            if found or photo.name in shown:
                looked.found.append({
                    "photo": photo.name, "picture": path.name if photo.name in shown else "",
                    "regions": [
                        {"kind": one.kind, **Box.of(one, pixels.shape).model_dump()} for one in found
                    ],
                })  # fmt: skip
    return looked


def smaller(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    longest = max(picture.shape[:2])
    if longest <= PICTURE_PX:
        return picture
    size = tuple(max(1, round(side * PICTURE_PX / longest)) for side in reversed(picture.shape[:2]))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def stored(
    regions: Sequence[Region], shape: Sequence[int], orientation: int
) -> tuple[tuple[Region, ...], tuple[int, int]]:
    """Regions of an upright picture in the order in which the file stores its pixels (EXIF orientation)."""
    rows, columns = shape[:2]
    turned = orientation in (5, 6, 7, 8)
    made = []
    for one in regions:
        left, top, width, height, across, down = one.left, one.top, one.width, one.height, columns, rows
        if turned:  # transpose
            left, top, width, height, across, down = top, left, height, width, rows, columns
        flip_across = orientation in (2, 3, 7, 8)
        flip_down = orientation in (3, 4, 6, 7)
        left = across - left - width if flip_across else left
        top = down - top - height if flip_down else top
        made.append(Region(one.kind, left, top, width, height, one.score))
    return tuple(made), (columns, rows) if turned else (rows, columns)


def hidden(
    shape: Shape, folder: Path, looked: Mapping[str, tuple[tuple[Region, ...], tuple[int, int]]]
) -> Shape:
    """The model with what was found in its photos covered on its textures, colours and points."""
    if not looked:
        return shape
    cameras = load_model(folder, format_named("colmap"), photo_names=True).cameras
    views = {view.name: view for view in cameras.views} if cameras is not None else {}
    sightings = [
        Sighting.of(views[name], region, size)
        for name, (regions, size) in looked.items() if name in views
        for region in regions
    ]  # fmt: skip
    hiding = Hiding(shape.parts, sightings)
    points = hiding.cloud(shape.points) if shape.points is not None else None
    return replace(shape, parts=tuple(hiding.mesh(part) for part in shape.parts), points=points)


def noticed(session: Session, review: Review) -> list[dict[str, Any]]:
    """What in the words that would be public may tell too much. What was judged harmless stays so."""
    subject = session.get_one(Subject, review.subject)
    described = Description.model_validate(subject.description, strict=False)
    texts = {"title": [*described.titles.values()], "summary": [*described.summary.values()],
             "notes": [*described.notes.values()]}  # fmt: skip
    people = []
    if review.model:
        captures = [session.get_one(Capture, one) for one in session.get_one(Model, review.model).captures]
        accounts = [session.get(Account, one.account) for one in captures if one.account]
        people = [one.name for one in accounts if one is not None]
    found: list[tuple[str, TextWarning]] = [
        (field, one) for field, values in texts.items() for text in values
        for one in warnings_in(text, people=people)
    ]  # fmt: skip
    judged = {(one["where"], one["kind"], one["quote"]) for one in review.warnings if one.get("settled")}
    return [
        {"id": f"{field}-{one.kind}-{number}".replace(" ", "-"), "kind": one.kind, "quote": one.text,
         "where": field, "settled": (field, one.kind, one.text) in judged}
        for number, (field, one) in enumerate(found)
    ]  # fmt: skip


def clear(service: Service, place: str) -> None:
    for stat in list(service.drafts.list(place)) if place else ():
        service.drafts.delete(stat.key)
