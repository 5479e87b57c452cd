"""What would be public, made before anybody decides: the custodian looks at exactly these files."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.archive.deposit import ORIGINALS
from oberih.capture import Photo, find_photos
from oberih.catalogue.outdated import outdate
from oberih.catalogue.tables import Model, Review
from oberih.errors import InputError, UnreadablePhoto
from oberih.formats import Model as Shape
from oberih.formats import cameras_in
from oberih.geometry import Scene
from oberih.products import eyes_of, make_public
from oberih.progress import Progress
from oberih.trust.pictures import decoded, encoded
from oberih.trust.redaction import Box, Corrections, Hiding, Region, Sighting, blurred, find
from oberih.work.engine import Job, step, workflow
from oberih.work.flow.fetching import fetched, forget
from oberih.work.flow.here import here
from oberih.work.flow.locking import lock, open_reviews
from oberih.work.flow.modelling import open_review, result_folder
from oberih.work.flow.noticing import noticed
from oberih.work.flow.projecting import micro
from oberih.work.flow.scaling import known_length
from oberih.work.service import Service

__all__ = [
    "begin_draft",
    "clear",
    "clear_others",
    "draft",
    "draft_again",
    "draft_lost",
    "draft_of",
    "drafted",
]

PICTURES = 12  # of the photos, at most
LOOK_PX = 3200  # longer side at which faces are looked for
PICTURE_PX = 1600
PREVIEW_PX = 1200


@workflow("draft")
def draft_again(job: Job, review: str, corrections: str) -> None:
    """After a custodian corrected the blur, or the size. ``corrections`` makes the job one of its own."""
    draft(job, review)


def begin_draft(service: Service, review: Review) -> bool:
    """Let what would be public be made, unless that is on its way for this version of the review.

    What is made for an older one is of no use any more.
    """
    key = f"draft:{review.id}:{review.version}"
    for job in service.engine.jobs(name="draft", about=review.id).jobs:
        if job.going and job.key != key:
            service.engine.cancel(job.key)
    return service.engine.enqueue(
        "draft", key=key, queue="cpu", about=[review.id],
        args={"review": review.id, "corrections": str(review.version)},
    )  # fmt: skip


@step
def draft(job: Job, review: str) -> None:
    """Make the public files of a review's model, and what its custodian is to be warned of."""
    service = here()
    with service.database.reading() as session:
        asked = session.get_one(Review, review)
    if asked.state != "open":
        clear_others(service, asked)  # a run of this before may have been killed
        return
    made = made_for(job, asked)
    with service.database.writing("service", "draft") as session:
        row = session.get_one(Review, review, with_for_update=True)
        if row.state == "open" and asked_for(row) == asked_for(asked):
            old = row.draft
            put(session, row, made)
        else:  # decided meanwhile, or another draft is on its way: this one is of no use
            old = made.place
    clear(service, old)


def asked_for(review: Review) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a custodian says of how it is made."""
    return review.corrections, review.known_length


@dataclass(frozen=True)
class Drafted:
    """Public files of a model, among the drafts."""

    place: str
    manifest: dict[str, Any]
    found: list[dict[str, Any]]
    eyes: list[dict[str, Any]]  # not in the files: a custodian decides whether they are shown
    metres_per_unit: float | None = None  # of a model whose scale only a custodian knows


def made_for(job: Job, asked: Review) -> Drafted:
    """Make the public files of a review's model, as its custodian corrected the blur and measured it."""
    service, known = here(), known_length(asked)
    with service.database.reading() as session:
        model = session.get_one(Model, asked.model)
    work = service.work_folder(model.id)
    out = work / f"draft-{secrets.token_hex(4)}"
    source = result_folder(service, model.id)
    cameras = cameras_in(source, photo_names=True)
    with job.progress.stage("photos for the public", len(model.captures)) as stage:
        photos = photos_of(service, model, work, job.progress)
        stage.tick(len(model.captures))
    looked = looked_at(photos, asked.corrections, work / "pictures", job.progress)

    def redact(shape: Shape) -> Shape:
        return hidden(shape, cameras, looked.sightings)

    made = make_public(
        source, out, redact=redact, pictures=looked.pictures,
        largest_m=known.largest_m if known else None, progress=job.progress,
    )  # fmt: skip
    job.check()
    place = f"{asked.id}/{secrets.token_hex(8)}"
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            service.drafts.write(f"{place}/{path.relative_to(out)}", iter(lambda: file.read(1 << 20), b""))
    for path in looked.previews:  # not of the manifest: they never become public
        service.drafts.write(f"{place}/{path.name}", iter([path.read_bytes()]))
    forget(out)
    eyes = eyes_of(cameras, made.frame, made.manifest.size) if cameras is not None else ()
    told = [{"eye": micro(eye), "target": micro(target)} for eye, target in eyes]
    factor = made.frame.factor if known else None
    return Drafted(place, made.manifest.model_dump(mode="json"), looked.found, told, factor)


def put(session: Session, review: Review, made: Drafted) -> None:
    review.draft, review.manifest, review.found = made.place, made.manifest, made.found
    review.eyes, review.metres_per_unit = made.eyes, made.metres_per_unit
    review.warnings = noticed(session, review)


@step
def draft_lost(job: Job, review: str) -> bool:
    """Make what passed a review again, since its files are lost. False if they did not become the same.

    Then nobody has looked at these: they wait for another review, with the same corrections, and what is
    public keeps its words only.
    """
    service = here()
    with service.database.reading() as session:
        decided = session.get_one(Review, review)
    if not decided.manifest:
        return False  # it was found out before
    made = made_for(job, decided)
    with service.database.writing("service", "draft again") as session:
        row = session.get_one(Review, review)
        public = lock(session, row.subject)
        same = digests(made.manifest) == digests(row.manifest)
        if same:
            row.draft = made.place
        else:
            waiting = {one.model for one in open_reviews(session, row.subject)}
            if waiting <= {row.model}:  # else a newer model is about to come
                again = session.get_one(Review, open_review(session, row.subject, row.model))
                again.corrections, again.known_length = row.corrections, row.known_length
                put(session, again, made)
            row.manifest = {}
            if public is not None and public.waiting == review:
                public.waiting = None
            outdate(session, row.subject)
    return same


def digests(manifest: Mapping[str, Any]) -> dict[str, str]:
    return {one["path"]: one["sha256"] for one in manifest.get("files", ())}


def drafted(service: Service, review: Review) -> bool:
    """Whether all files that passed a review, or wait for it, are among the drafts."""
    there = {stat.key for stat in service.drafts.list(review.draft)} if review.draft else set()
    return {f"{review.draft}/{path}" for path in digests(review.manifest)} <= there


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
    previews: list[Path] = field(default_factory=list)  # covered, too; for custodians only
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
            elif found:
                path = folder / f"found-{len(looked.previews):04}.jpg"
                path.write_bytes(encoded(smaller(blurred(pixels, hide), PREVIEW_PX), "jpeg"))
                looked.previews.append(path)
            if found or photo.name in shown:
                looked.found.append({
                    "photo": photo.name, "picture": path.name if photo.name in shown else "",
                    "preview": "" if photo.name in shown else path.name,
                    "size_px": [pixels.shape[1], pixels.shape[0]],
                    "regions": [
                        {"kind": one.kind, **Box.of(one, pixels.shape).model_dump()} for one in found
                    ],
                    "made_with": corrections.get(photo.name, {}),
                })  # fmt: skip
    return shuffled(looked)


def shuffled(looked: Looked) -> Looked:
    """Public pictures in the order of their hashes, and `found` with their names after that.

    Photos are looked at by their names, as they were taken, and everybody sees the numbers of the pictures.
    """
    order = sorted(looked.pictures, key=lambda path: hashlib.sha256(path.read_bytes()).digest())
    names = {path.name: f"{number:02}{path.suffix}" for number, path in enumerate(order)}
    found = [{**one, "picture": names.get(one["picture"], "")} for one in looked.found]
    return replace(looked, pictures=order, found=found)


def smaller(picture: NDArray[np.uint8], most_px: int = PICTURE_PX) -> NDArray[np.uint8]:
    longest = max(picture.shape[:2])
    if longest <= most_px:
        return picture
    size = tuple(max(1, round(side * most_px / longest)) for side in reversed(picture.shape[:2]))
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
    shape: Shape, cameras: Scene | None, looked: Mapping[str, tuple[tuple[Region, ...], tuple[int, int]]]
) -> Shape:
    """The model with what was found in its photos covered on its textures, colours and points."""
    if not looked:
        return shape
    if cameras is None:
        raise InputError(
            "The model does not say where its photos were taken.", "Make it of its photos again."
        )
    views = {view.name: view for view in cameras.views}
    sightings = [
        Sighting.of(views[name], region, size)
        for name, (regions, size) in looked.items() if name in views
        for region in regions
    ]  # fmt: skip
    hiding = Hiding(shape.parts, sightings)
    points = hiding.cloud(shape.points) if shape.points is not None else None
    return replace(shape, parts=tuple(hiding.mesh(part) for part in shape.parts), points=points)


def clear_others(service: Service, review: Review) -> None:
    """Remove files that were made for a review, and that no review names: `draft_lost` may have given some to
    another one.
    """
    with service.database.reading() as session:
        named = set(session.scalars(select(Review.draft).where(Review.subject == review.subject)))
    for stat in list(service.drafts.list(review.id)):
        if draft_of(stat.key) not in named:
            service.drafts.delete(stat.key)


def draft_of(key: str) -> str:
    """The draft (`Review.draft`) that a file is of."""
    return "/".join(key.split("/")[:2])


def clear(service: Service, place: str) -> None:
    for stat in list(service.drafts.list(place)) if place else ():
        service.drafts.delete(stat.key)
