"""In the child: SIFT features of photos, one ``.npz`` file per photo.

Images below ``upsample_below`` pixels are doubled first (SIFT's octave -1), as Lowe advises. On larger ones
that costs four times the time and memory and brings features of less than two pixels, which match badly
and are not more accurate (fountain-P11: the same camera error from a third of the time).
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pycolmap

from oberih.capture import read_photo
from oberih.errors import UnreadablePhoto

Message = dict[str, Any]


def extract(job: Message, tell: Callable[[Message], None]) -> Message:
    """Make the feature file of each photo in ``job["photos"]`` (path, out, width, height).

    Tells ``{"tick": 1}`` per photo. Result: ``{"unreadable": {name: reason}}``.
    """
    settings = job["settings"]
    extractors: dict[bool, Any] = {}
    unreadable: dict[str, str] = {}
    for photo in job["photos"]:
        small = photo["width"] * photo["height"] < settings["upsample_below"]
        if small not in extractors:
            extractors[small] = extractor(settings["max_features"], first_octave=-1 if small else 0)
        try:
            image = read_photo(Path(photo["path"]), settings["max_pixels"])
        except UnreadablePhoto as error:
            unreadable[photo["name"]] = error.message
        else:
            save(Path(photo["out"]), photo, image, extractors[small])
        tell({"tick": 1})
    return {"unreadable": unreadable}


def extractor(max_features: int, first_octave: int) -> Any:
    options = pycolmap.FeatureExtractionOptions()
    options.use_gpu = False
    options.num_threads = 1
    options.sift.max_num_features = max_features
    options.sift.first_octave = first_octave
    return pycolmap.FeatureExtractor.create(options, pycolmap.Device.cpu)


def save(path: Path, photo: Message, image: Any, sift: Any) -> None:
    """Keypoints ``(N, 4) float32`` (x, y, scale, angle in the stored photo), descriptors ``(N, 128) uint8``,
    colours ``(N, 3) uint8`` at the keypoints."""
    height, width = image.shape[:2]
    grey = np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    found, descriptors = sift.extract_from_uint8_array(grey)
    keypoints = np.array(pycolmap.keypoints_to_matrix(found), np.float32).reshape(-1, 4)
    column = np.clip(keypoints[:, 0].astype(int), 0, width - 1)
    row = np.clip(keypoints[:, 1].astype(int), 0, height - 1)
    colours = image[row, column]
    keypoints[:, 0] *= photo["width"] / width
    keypoints[:, 1] *= photo["height"] / height
    keypoints[:, 2] *= photo["width"] / width
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez(file, keypoints=keypoints, descriptors=np.array(descriptors.data), colours=colours)
    part.replace(path)
