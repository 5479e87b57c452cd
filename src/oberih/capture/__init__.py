"""What phones and cameras make, read: photos, their metadata, and how good they are."""

from oberih.capture.judge import Judgement, judge
from oberih.capture.photos import Found, Photo, Position, Skipped, find_photos
from oberih.capture.read import read_photo

__all__ = ["Found", "Judgement", "Photo", "Position", "Skipped", "find_photos", "judge", "read_photo"]
