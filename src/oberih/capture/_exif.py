"""What a camera wrote about a photo: who made it, how it was held, how long its lens was, when and where.

Numbers are checked before they are believed; what is missing or absurd becomes None.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image

FULL_FRAME_MM = math.hypot(36, 24)  # the diagonal that "35 mm equivalent" refers to
UNITS_MM = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}  # FocalPlaneResolutionUnit
CUSTOM_RENDERED_PANORAMA = 6
PHONE_MM = 10.0  # no camera with a large sensor has so short a lens (but for fish-eyes)
BROKEN = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, ZeroDivisionError)

Base, Tag, Gps = ExifTags.Base, ExifTags.IFD, ExifTags.GPS


@dataclass(frozen=True, repr=False)
class Position:
    """Where a photo was taken. Sealed: it helps to pair photos and must not be shown, so it never prints."""

    latitude_deg: float
    longitude_deg: float
    altitude_m: float | None = None

    def __repr__(self) -> str:
        return "Position(sealed)"


@dataclass(frozen=True)
class Exif:
    """The part of EXIF that Oberih uses. Focal length in pixels of the image as it is now."""

    orientation: int = 1  # 1..8
    make: str = ""
    model: str = ""
    focal_mm: float | None = None
    focal_px: float | None = None
    focal_source: str = ""  # "", "35 mm equivalent" or "focal plane resolution"
    taken_at: datetime | None = None  # the camera's own clock, without time zone
    position: Position | None = field(default=None, repr=False)
    panorama: bool = False


def read_exif(exif: Image.Exif, width: int, height: int) -> Exif:
    """Metadata of an image of ``width`` x ``height`` pixels; never raises."""
    main = dict(exif)
    detail, gps = _directory(exif, Tag.Exif), _directory(exif, Tag.GPSInfo)
    focal_mm = _number(detail.get(Base.FocalLength))
    focal_px, source = _focal(detail, focal_mm, width, height)
    orientation = main.get(Base.Orientation)
    return Exif(
        orientation=orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1,
        make=_text(main.get(Base.Make)),
        model=_text(main.get(Base.Model)),
        focal_mm=focal_mm,
        focal_px=focal_px,
        focal_source=source,
        taken_at=_time(detail, main),
        position=_position(gps),
        panorama=detail.get(Base.CustomRendered) == CUSTOM_RENDERED_PANORAMA,
    )


def _directory(exif: Image.Exif, tag: int) -> dict[int, Any]:
    try:
        return dict(exif.get_ifd(tag))
    except BROKEN:
        return {}


def _number(value: Any) -> float | None:
    """A positive finite number, or None."""
    try:
        number = float(value[0] if isinstance(value, tuple) else value)
    except BROKEN:
        return None
    return number if math.isfinite(number) and number > 0 else None


def _text(value: Any) -> str:
    return "".join(c for c in value if c.isprintable()).strip() if isinstance(value, str) else ""


def _focal(
    detail: Mapping[int, Any], focal_mm: float | None, width: int, height: int
) -> tuple[float | None, str]:
    """Focal length in pixels and where it is from.

    EXIF speaks of the picture as the camera made it, PixelXDimension x PixelYDimension. If that has the
    same shape as the image has now, the image was at most resized; otherwise it was cropped, and the side
    that lost least tells the scale.
    """
    made_width = _number(detail.get(Base.ExifImageWidth))
    made_height = _number(detail.get(Base.ExifImageHeight))
    if made_width is None or made_height is None:
        made_width, made_height = width, height
    if (made_width > made_height) != (width > height):
        made_width, made_height = made_height, made_width  # turned since
    scale = max(width / made_width, height / made_height)

    candidates: list[tuple[float, str]] = []
    equivalent = _number(detail.get(Base.FocalLengthIn35mmFilm))
    if equivalent is not None:
        long, short = max(made_width, made_height), min(made_width, made_height)
        if focal_mm is not None and focal_mm < PHONE_MM and long > 1.4 * short:
            short = long * 0.75  # a phone's sensor is 4:3; wider pictures are cut out of it
        diagonal = math.hypot(long, short) * scale
        candidates.append((equivalent / FULL_FRAME_MM * diagonal, "35 mm equivalent"))
    per_unit = _number(detail.get(Base.FocalPlaneXResolution))
    unit = UNITS_MM.get(detail.get(Base.FocalPlaneResolutionUnit, 2))
    if focal_mm is not None and per_unit is not None and unit is not None:
        candidates.append((focal_mm * per_unit / unit * scale, "focal plane resolution"))
    for focal_px, source in candidates:
        if 0.3 < focal_px / max(width, height) < 15:
            return focal_px, source
    return None, ""


def _time(detail: Mapping[int, Any], main: Mapping[int, Any]) -> datetime | None:
    for value, fraction in (
        (detail.get(Base.DateTimeOriginal), detail.get(Base.SubsecTimeOriginal)),
        (main.get(Base.DateTime), None),
    ):
        try:
            time = datetime.strptime(str(value).strip("\0 "), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007
        except ValueError:
            continue
        digits = str(fraction).strip("\0 ") if fraction is not None else ""
        micro = int(digits.ljust(6, "0")[:6]) if digits.isascii() and digits.isdigit() else 0
        return time.replace(microsecond=micro)
    return None


def _position(gps: Mapping[int, Any]) -> Position | None:
    try:
        latitude, longitude = (
            (-1 if str(gps[ref]).strip("\0 ").upper() in ("S", "W") else 1)
            * sum(float(part) / 60**power for power, part in enumerate(gps[value]))
            for ref, value in (
                (Gps.GPSLatitudeRef, Gps.GPSLatitude),
                (Gps.GPSLongitudeRef, Gps.GPSLongitude),
            )
        )
    except BROKEN:
        return None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180) or latitude == longitude == 0:
        return None  # nonsense, or a phone that did not know (also not-a-number)
    try:
        altitude = float(gps[Gps.GPSAltitude])
        altitude = -altitude if gps.get(Gps.GPSAltitudeRef) in (1, b"\x01") else altitude
    except BROKEN:
        return Position(latitude, longitude)
    return Position(latitude, longitude, altitude if math.isfinite(altitude) else None)
