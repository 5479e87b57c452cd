"""From a photo's file to pixels: always ``(H, W, 3) uint8``, sRGB, in stored order.

Stored order means as the file lists them: the EXIF orientation is not applied, so that image coordinates
in ``sparse/`` are those of the file. (HEIF has its own way to turn a picture, which its decoder applies.)
Whatever the file holds - 16 bits, grey, palette, CMYK, transparency, another colour space - becomes 8-bit
sRGB: transparent parts lie over white, colour profiles are applied.
"""

import io
import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageCms

from oberih.capture._sniff import (
    AVIF,
    HEAD,
    HEIF,
    JPEG,
    PNG,
    RAW,
    TIFF,
    WEBP,
    media_type,
    other_kind,
    what_to_do,
)
from oberih.errors import UnreadablePhoto
from oberih.i18n import say

__all__ = ["MAX_PIXELS", "BadPhoto", "read_photo"]

MAX_PIXELS = 250_000_000  # a 200-megapixel phone's photos are read, in 1.5 GiB; scans beyond that are not
MAX_RAW_PIXELS = 100_000_000  # developing a raw file takes 16 bytes per pixel
LARGE = 60_000_000  # of pictures with more pixels one is open at a time, lest a few take all memory

FORMATS = {JPEG: ("JPEG", "MPO"), PNG: ("PNG",), TIFF: ("TIFF",), WEBP: ("WEBP",), AVIF: ("AVIF",)}
COPY_AGAIN = "Copy it from the camera again, or leave it out."
PUT_BACK = "Put it back and run the same command again, or run without it."
DAMAGED = "damaged: parts of the picture are lost or in the wrong place"
JPEG_PADDING = 16  # bytes that some cameras leave between the picture and its end mark
BASELINE_EXPOSURE = 50730  # DNG tag: stops to brighten by

ONE_LARGE = threading.RLock()

# Pillow asks for this limit in this place only. It warns above it, and we refuse (see `refuse_large`).
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


class BadPhoto(UnreadablePhoto):
    """A photo's file that cannot be used: ``reason`` says why without naming the file again."""

    def __init__(self, path: Path, *, reason: str, advice: str) -> None:
        super().__init__(say("{name}: {reason}.", name=path.name, reason=reason), advice)
        self.reason = reason


def read_photo(path: Path, max_pixels: int | None = None) -> NDArray[np.uint8]:
    """``(H, W, 3) uint8`` sRGB pixels in stored order.

    With ``max_pixels``, an image that has more is read smaller, in the same shape up to rounding.
    Raises `UnreadablePhoto`.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise unreadable(path, error) from error
    kind = media_type(head)
    if not kind:
        what = other_kind(head)
        advice = what_to_do(what) or COPY_AGAIN
        raise UnreadablePhoto(say("{name} is not a photo, but {kind}.", name=path.name, kind=what), advice)
    if kind == RAW:
        return develop(path, max_pixels)
    with opened(path, kind) as image, decoding(path):
        size = image.size
        if max_pixels is not None:
            size = smaller(size, max_pixels)
        return np.asarray(srgb(resized(image, size)))


def unreadable(path: Path, error: OSError) -> UnreadablePhoto:
    """The error for a photo that the system does not let us read."""
    gone = isinstance(error, FileNotFoundError)
    return UnreadablePhoto(
        say("{name} cannot be read: {why}", name=path.name, why=error.strerror or type(error).__name__),
        PUT_BACK if gone else "Make sure that you may read the file.",
    )


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Whatever a decoder says of a file that is broken, say that the file is damaged."""
    import rawpy

    try:
        yield
    except UnreadablePhoto:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_large(path, MAX_PIXELS) from error
    except (
        OSError, SyntaxError, ValueError, RuntimeError, EOFError, IndexError, KeyError, TypeError,
        ArithmeticError, rawpy.LibRawError,
    ) as error:  # fmt: skip
        reason = "damaged or incomplete, it cannot be decoded"
        raise BadPhoto(path, reason=reason, advice=COPY_AGAIN) from error


@contextmanager
def opened(path: Path, kind: str) -> Iterator[Image.Image]:
    """The image in a file, not yet decoded: size and metadata are known. Not for raw files."""
    with decoding(path):
        if kind == HEIF:
            image = open_heif(path)
        else:
            image = Image.open(path, formats=FORMATS[kind])
    with image:
        refuse_large(path, *image.size)
        with in_turn(*image.size):
            yield image


def whole_jpeg(path: Path) -> bool:
    """Whether a JPEG is decoded to its end (at an eighth of its size) without a complaint.

    Raises `BadPhoto` where the compressed data is corrupt: Pillow shows such a picture without a word, with
    parts shifted or in false colours, and shifted parts would bend every camera that is measured with them.
    False: this decoder does not know such files, so nothing was found out.
    """
    try:
        simplejpeg.decode_jpeg(path.read_bytes(), "GRAY", min_height=1, min_width=1, min_factor=8)
    except ValueError as error:
        said = str(error)
        padding = re.match(r"Corrupt JPEG data: (\d+) extraneous bytes before marker", said)
        if padding and int(padding[1]) <= JPEG_PADDING:
            return True
        if said.startswith(("Corrupt JPEG data", "Premature end of JPEG")):
            raise BadPhoto(path, reason=DAMAGED, advice=COPY_AGAIN) from error
        return False
    return True


def open_heif(path: Path) -> Image.Image:
    import pi_heif

    heif: Any = pi_heif.open_heif(path, convert_hdr_to_8bit=True)
    refuse_large(path, *heif.size)
    with in_turn(*heif.size):
        image: Image.Image = heif.to_pillow()
    return image


@contextmanager
def in_turn(width: int, height: int) -> Iterator[None]:
    """Wait until no other thread has a large picture open, if this is one."""
    with ONE_LARGE if width * height > LARGE else nullcontext():
        yield


def refuse_large(path: Path, width: int, height: int, limit: int = MAX_PIXELS) -> None:
    if width * height > limit:
        raise too_large(path, limit)


def too_large(path: Path, limit: int) -> BadPhoto:
    return BadPhoto(
        path,
        reason=say("more than {limit:.0f} megapixels", limit=limit / 1e6),
        advice="Export it smaller: 12 to 50 megapixels are plenty.",
    )


def smaller(size: tuple[int, int], max_pixels: int) -> tuple[int, int]:
    """``size`` scaled down, if needed, to about ``max_pixels``."""
    width, height = size
    scale = min(1.0, math.sqrt(max_pixels / (width * height)))
    return max(1, round(width * scale)), max(1, round(height * scale))


def resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """``image`` at ``size``. A JPEG that is to be much smaller is decoded smaller in the first place."""
    if size == image.size:
        return image
    box: tuple[float, float, float, float] | None = None
    drafted = image.draft("RGB", (size[0] * 2, size[1] * 2)) if image.format in ("JPEG", "MPO") else None
    if drafted is not None:
        box = drafted[1]  # where the picture ends: an odd size leaves a fraction of a pixel
    if image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = plain(image)
    return image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=2.0)


def plain(image: Image.Image) -> Image.Image:
    """8 bits per channel, opaque: mode L, RGB, CMYK or LAB. The colour profile goes along."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray(eight_bits(np.asarray(image)))
    elif image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.new("RGB", rgba.size, "white")
        image.paste(rgba, mask=rgba.getchannel("A"))
    elif image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if profile:
        image.info["icc_profile"] = profile
    return image


def eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Grey values of 16 or 32 bits, or floating point ones with white at 1 (or 255), to 8 bits."""
    if values.dtype.kind == "f":
        values = np.nan_to_num(values)
        white = 1.0 if values.max(initial=0) <= 1.0 else 255.0
        return (np.clip(values / white, 0, 1) * 255 + 0.5).astype(np.uint8)
    return np.clip(values >> 8, 0, 255).astype(np.uint8)


def srgb(image: Image.Image) -> Image.Image:
    """Mode RGB in the sRGB colour space."""
    icc = image.info.get("icc_profile")
    image = plain(image)
    if icc:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            name = (profile.profile.profile_description or "").lower()
            spaces = {"L": "GRAY", "RGB": "RGB ", "CMYK": "CMYK", "LAB": "Lab "}
            if "srgb" not in name and profile.profile.xcolor_space.ljust(4) == spaces[image.mode]:
                target = ImageCms.createProfile("sRGB")
                converted = ImageCms.profileToProfile(image, profile, target, outputMode="RGB")
                assert converted is not None
                return converted
        except (ImageCms.PyCMSError, OSError):
            pass  # a broken profile: the values as they are come nearest to what was meant
    return image if image.mode == "RGB" else image.convert("RGB")


def develop(path: Path, max_pixels: int | None) -> NDArray[np.uint8]:
    """A raw file as sRGB: the camera's white balance, a brightness that does not depend on the content."""
    import rawpy

    with decoding(path), rawpy.imread(str(path)) as raw:
        width, height = raw.sizes.width, raw.sizes.height
        refuse_large(path, width, height, MAX_RAW_PIXELS)
        exif = raw_exif(path)
        stops = exif.get(BASELINE_EXPOSURE, 0.0)
        brighter = 2.0 ** min(max(float(stops), -3.0), 3.0)
        with in_turn(width, height):
            pixels = raw.postprocess(
                use_camera_wb=True, no_auto_bright=True, bright=brighter, output_bps=8,
                output_color=rawpy.ColorSpace.sRGB, user_flip=0,
            )  # fmt: skip
    size = smaller((width, height), max_pixels) if max_pixels is not None else (width, height)
    if size != (pixels.shape[1], pixels.shape[0]):
        image = Image.fromarray(pixels)
        pixels = np.asarray(image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0))
    return np.ascontiguousarray(pixels)


def raw_exif(path: Path) -> Image.Exif:
    exif = Image.Exif()
    with path.open("rb") as file:
        exif.load_from_fp(file)
    return exif


def heif_exif(path: Path) -> Image.Exif:
    """Without a look at the picture. Raises `UnreadablePhoto`."""
    import pi_heif

    exif = Image.Exif()
    with decoding(path):
        exif.load(pi_heif.open_heif(path).info.get("exif") or b"")
    return exif
