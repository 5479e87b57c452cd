"""What phones and cameras make, read: photos, their metadata, and how good they are."""

from oberih.capture._sniff import media_type
from oberih.capture.judge import Judgement, judge
from oberih.capture.photos import Found, Photo, Position, Skipped, check_unchanged, find_photos
from oberih.capture.read import read_photo
from oberih.capture.recordings import Recording, recordings

__all__ = [
    "Found",
    "Judgement",
    "Photo",
    "Position",
    "Recording",
    "Skipped",
    "check_unchanged",
    "find_photos",
    "judge",
    "media_type",
    "read_photo",
    "recordings",
]
