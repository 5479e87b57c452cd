"""Pictures and models of reviews: as they would be public, or, once everybody sees them, as they are."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from sqlalchemy.orm import Session

from oberih.archive.stores import Store
from oberih.catalogue.tables import Publication, Review
from oberih.web.views import Picture
from oberih.work.flow.projecting import captures_of, folder_of, licence_of
from oberih.work.service import Service

__all__ = ["Where", "folder", "model_of", "pictures_of", "poster_of", "where"]

Where = Literal["drafts", "public", ""]


def where(session: Session, review: Review, public: Publication | None) -> Where:
    """Where the files of a review lie: among the drafts, until they become public files. Nowhere: they are
    made just now, gave way to others, or were taken out of view.
    """
    if not review.draft:
        return ""
    if review.state != "passed" or (public is not None and public.waiting == review.id):
        return "drafts"
    if public is None or not public.visible or public.review != review.id:
        return ""
    return "" if licence_of(session, captures_of(session, review)) == "archive-only" else "public"


def folder(service: Service, review: Review, place: Where) -> tuple[Store, str]:
    if place == "public":
        return service.files, folder_of(review.subject, review.number)
    return service.drafts, review.draft


def poster_of(review: Review) -> Picture | None:
    """The picture of the model, in all its sizes."""
    made = sorted(pictures_of(review, "poster"), key=lambda one: one.width)
    if not made:
        return None
    *smaller, largest = made
    return replace(largest, others=tuple((one.address, one.width) for one in smaller))


def pictures_of(review: Review, *roles: str) -> Sequence[Picture]:
    if not review.draft:
        return []
    return [
        Picture(f"/review/{review.id}/files/{one['path']}", *(one.get("size_px") or (640, 480)))
        for one in review.manifest.get("files", ()) if one["role"] in roles
    ]  # fmt: skip


def model_of(review: Review) -> str:
    """Where to fetch the model; empty: there is none."""
    paths = [one["path"] for one in review.manifest.get("files", ()) if one["role"] == "full"]
    return f"/review/{review.id}/files/{paths[0]}" if paths else ""
