"""How good is each photo: sharp, well exposed, and not there twice?

Only photos that are clearly useless are left out; everything else gets a warning at most, since a poor
photo of a lost thing is better than none. All figures are measured on a version of about one megapixel,
so that they compare between cameras.
"""

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from oberih.capture.photos import Photo
from oberih.capture.read import BadPhoto, read_photo
from oberih.errors import NoPhotos, UnreadablePhoto, UnusablePhotos
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["Judgement", "blur_width", "judge"]

LOOK_PIXELS = 1_000_000
BLURRED, SOFT = 5.0, 2.2  # blur widths: left out, warned of
DARK, BRIGHT = 5, 250  # grey levels without detail
FLAT_RANGE = 6.0  # levels between the 1st and the 99th percentile of a photo that shows nothing
LOST, POOR = 0.97, 0.35  # shares of pixels without detail: left out, warned of
NAMED = 5  # photos that an advice names, at most
THUMB = 64  # side of the small version by which duplicates are found
SAME_LEVELS = 1.2  # mean difference of two small versions of the same picture, in grey levels
SAME, ALIKE = 0.998, 0.985  # correlation of two small versions: the same picture; almost the same place


@dataclass(frozen=True)
class Judgement:
    """What was measured of one photo, and what follows."""

    name: str
    used: bool
    reason: str = ""  # why it is not used
    advice: str = ""  # a warning, or what to do better
    blur_px: float = math.nan  # standard deviation of the blur, pixels of a one-megapixel version
    dark: float = math.nan  # share of pixels that are black
    bright: float = math.nan  # share of pixels that are white
    mean: float = math.nan  # mean grey level, 0..255
    same_as: str = ""  # name of the photo of which this is a copy, or nearly


@dataclass(frozen=True)
class Look:
    """What is kept of a photo while the set is judged."""

    judgement: Judgement
    thumb: NDArray[np.float32]  # (THUMB * THUMB,) grey levels


def judge(photos: Sequence[Photo], progress: Progress | None = None) -> tuple[Judgement, ...]:
    """One `Judgement` per photo, in their order.

    Raises `NoPhotos` for fewer than two photos and `UnusablePhotos` if fewer than two are left to use.
    """
    if len(photos) < 2:
        raise NoPhotos(
            "There is only one photo." if photos else "There are no photos.",
            "Take at least 20 photos around the thing, each overlapping the one before by two thirds.",
        )
    progress = progress or Progress()
    with progress.stage("judging", len(photos)) as stage, ThreadPoolExecutor(os.cpu_count()) as pool:
        looks = []
        for look in pool.map(looked_at, photos):
            looks.append(look)
            stage.tick()
    judged = copies_left_out(photos, looks)
    if sum(j.used for j in judged) < 2:
        raise unusable(judged)
    return judged


def looked_at(photo: Photo) -> Look:
    try:
        pixels = read_photo(photo.path, LOOK_PIXELS)
    except UnreadablePhoto as error:
        reason = error.reason if isinstance(error, BadPhoto) else error.message
        judgement = Judgement(photo.name, used=False, reason=reason, advice=error.advice)
        return Look(judgement, np.zeros(THUMB * THUMB, np.float32))
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    thumb = cv2.resize(grey, (THUMB, THUMB), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    return Look(verdict(photo.name, grey), thumb)


def verdict(name: str, grey: NDArray[np.uint8]) -> Judgement:
    """Judge one photo by its ``(H, W)`` grey levels at about a megapixel."""
    dark, bright = float((grey <= DARK).mean()), float((grey >= BRIGHT).mean())
    blur = blur_width(grey)
    found = Judgement(name, True, blur_px=blur, dark=dark, bright=bright, mean=float(grey.mean()))
    low, high = np.percentile(grey, (1, 99))
    if high - low < FLAT_RANGE or dark + bright > LOST:
        kinds = ("almost black", "almost white", "without any detail")
        kind = 0 if found.mean < 60 else 1 if found.mean > 195 else 2
        return replace(found, used=False, reason=kinds[kind], advice="Take it again in better light.")
    if blur > BLURRED:
        return replace(
            found, used=False, reason="too blurred", advice="Hold still, tap to focus, and take it again."
        )
    if blur > SOFT:
        return replace(found, advice="Blurred: hold still and tap to focus; more light helps.")
    if dark > POOR:
        return replace(found, advice="Large parts are black: take it in more even light.")
    if bright > POOR:
        return replace(found, advice="Large parts are blown out: expose for the thing, not for the shade.")
    return found


def blur_width(grey: NDArray[np.uint8]) -> float:
    """Standard deviation of the blur in pixels, from how much the steepest edges lose when blurred again.

    An ideal edge blurred by sigma has a gradient in proportion to 1 / sqrt(sigma^2 + s^2) after a Gaussian of
    width s, so the ratio of the gradients at s and 2s tells sigma, whatever the contrast (re-blurring as in
    Zhuo & Sim, Defocus map estimation from a single image, 2011). The worse of the two directions counts,
    so that motion blur is seen. Flat images have no edges: infinity.
    """
    image = grey.astype(np.float32)
    worst = 0.0
    for axis in (0, 1):
        s, width = 0.7, math.inf
        near = steepest(image, s, axis)
        while s < 12:
            far = steepest(image, 2 * s, axis)
            ratio = (near / far) ** 2 if far > 0.05 else 0.0
            if ratio > 1.0001:
                width = math.sqrt(max(0.0, (4 * s * s - ratio * s * s) / (ratio - 1)))
                if width <= 2 * s:
                    break
            s, near = 2 * s, far
        worst = max(worst, width)
    return worst


def steepest(image: NDArray[np.float32], sigma: float, axis: int) -> float:
    """99th percentile of the derivative along ``axis`` at scale ``sigma``, grey levels per pixel."""
    smooth = cv2.GaussianBlur(image, (0, 0), sigma)
    return float(np.percentile(np.abs(np.diff(smooth, axis=axis)), 99))


def copies_left_out(photos: Sequence[Photo], looks: Sequence[Look]) -> tuple[Judgement, ...]:
    """The judgements, with all but the largest of identical pictures left out and near ones noted."""
    judged = [look.judgement for look in looks]
    thumbs = np.stack([look.thumb for look in looks])
    centred = thumbs - thumbs.mean(axis=1, keepdims=True)
    spread = np.linalg.norm(centred, axis=1, keepdims=True)
    alike = (centred / np.maximum(spread, 1e-6)) @ (centred / np.maximum(spread, 1e-6)).T
    order = sorted(range(len(photos)), key=lambda i: (-photos[i].width * photos[i].height, i))
    kept: list[int] = []
    for i in order:
        if not judged[i].used:
            continue
        for k in kept:
            same = photos[i].sha256 == photos[k].sha256
            if not same and alike[i, k] > SAME:
                same = float(np.abs(thumbs[i] - thumbs[k]).mean()) < SAME_LEVELS
            if same:
                reason = say("the same picture as {name}", name=photos[k].name)
                judged[i] = replace(judged[i], used=False, reason=reason, same_as=photos[k].name)
                break
            if alike[i, k] > ALIKE and not judged[i].same_as:
                advice = say("Almost the same place as {name}: move between photos.", name=photos[k].name)
                judged[i] = replace(judged[i], advice=judged[i].advice or advice, same_as=photos[k].name)
        if judged[i].used:
            kept.append(i)
    return tuple(judged)


def unusable(judged: Sequence[Judgement]) -> UnusablePhotos:
    """Why fewer than two photos are left."""
    reasons = [j.reason for j in judged if not j.used]
    copies = sum(bool(j.same_as) for j in judged if not j.used)
    if copies == len(reasons):
        return UnusablePhotos(
            "All photos are copies of the same picture.",
            "Take photos from different places: a step to the side between one and the next.",
        )
    if all(j.reason == "too blurred" or j.same_as for j in judged if not j.used):
        return UnusablePhotos(
            "The photos are too blurred to be measured.",
            "Clean the lens, lean on something, tap to focus on the thing, and take them again.",
        )
    common = max(set(reasons), key=reasons.count)
    names = [j.name for j in judged if not j.used]
    told = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    return UnusablePhotos(
        say("Fewer than two photos can be used; most are not because: {reason}.", reason=common),
        say("Take these again, in daylight, held still, from many sides: {names}.", names=told),
    )
