"""What a person should know first about a result: what is missing from it, and why."""

from collections.abc import Iterator, Sequence

from oberih.capture import Found, Skipped
from oberih.capture.listing import printable
from oberih.i18n import say
from oberih.reconstruct.figures import PhotoReport, SkippedFile
from oberih.reconstruct.measure import Measured

__all__ = ["damaged_photos", "missing", "remarks", "skipped_file"]

MOST_NAMES = 5
LITTLE = 0.5  # share of the photos' pixels; less deserves a word


def damaged_photos(found: Found) -> Iterator[PhotoReport]:
    """Files that are photos, but damaged or unfit: they were given, so they count."""
    for other in found.others:
        if other.photo:
            yield PhotoReport(
                name=printable(other.path.name), sha256=other.sha256, width=None, height=None, used=False,
                reason=other.reason, advice=other.advice,
            )  # fmt: skip


def skipped_file(other: Skipped) -> SkippedFile:
    return SkippedFile(name=printable(other.path.name), reason=other.reason, photo=other.photo)


def missing(photos: Sequence[PhotoReport]) -> list[PhotoReport]:
    """The photos without which the model is not complete. Copies are not missed."""
    return [photo for photo in photos if not photo.used and not photo.copy_of]


def remarks(photos: Sequence[PhotoReport], measured: Measured) -> Iterator[str]:
    """The remarks at the head of the report."""
    left = [photo.name for photo in missing(photos)]
    if left:
        names = ", ".join(left[:MOST_NAMES]) + (", ..." if len(left) > MOST_NAMES else "")
        yield say(
            "{count} photo could not be used: {names}.",
            "{count} photos could not be used: {names}.",
            count=len(left), names=names,
        )  # fmt: skip
    copies = sum(bool(photo.copy_of) for photo in photos)
    if copies:
        yield say(
            "{count} photo is a copy of another one; nothing is lost without it.",
            "{count} photos are copies of other ones; nothing is lost without them.",
            count=copies,
        )
    if measured.poses.other_parts:
        yield say(
            "{count} other group of photos belongs together, but does not join this model: "
            "photos in between are missing.",
            "{count} other groups of photos belong together, but do not join this model: "
            "photos in between are missing.",
            count=len(measured.poses.other_parts),
        )
    filled = measured.surface.coverage.photos_filled.value
    if filled is not None and filled < LITTLE:
        yield say(
            "Less than half of what the photos show became surface: plain walls, glass, sky and water "
            "cannot be measured; more photos with more overlap help."
        )
