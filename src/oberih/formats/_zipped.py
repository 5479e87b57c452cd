"""What strangers pack: ZIP files whose sizes are looked at first, and pictures that a file names.

A picture is read only if it lies with its file, in its folder or in the same ZIP file, and if its size is
bearable; otherwise the model comes without it, with a note that says why.
"""

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oberih.errors import UnreadableModel
from oberih.formats._beside import beside, picture
from oberih.i18n import say

__all__ = ["Folder", "Packed", "Place", "Within", "plain_path", "taken_picture"]

LARGEST_PACKED = 8 << 30  # bytes of all unpacked
LARGEST_PICTURE_FILE = 1 << 30
LARGEST_RATIO = 200  # of unpacked to packed; a text of numbers packs 10 to 50 times
SMALL = 1 << 22  # below this a ratio means nothing
MOST_ENTRIES = 100_000
UNPACKING = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError)
ADVICE = "Export it again where it was made."


def plain_path(name: str) -> str | None:
    """A reference inside a ZIP file as a plain path; None if it leads elsewhere."""
    name = name.strip().replace("\\", "/")
    if not name or "\0" in name or ":" in name:
        return None
    parts = [part for part in PurePosixPath(name).parts if part not in (".", "/")]
    return None if not parts or ".." in parts else "/".join(parts)


class Packed:
    """A ZIP file; small and capital letters of names are the same. Raises `UnreadableModel` for one that is
    damaged, encrypted or a bomb.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        try:
            self.file = zipfile.ZipFile(path)
        except (*UNPACKING, ValueError) as error:
            raise self.broken(error) from error
        entries = [entry for entry in self.file.infolist() if not entry.is_dir()]
        packed = path.stat().st_size
        bombs = (
            entry.file_size > max(SMALL, LARGEST_RATIO * entry.compress_size) for entry in entries
        )  # or entries that share their bytes:
        together = sum(entry.compress_size for entry in entries) > packed
        unpacked = sum(entry.file_size for entry in entries)
        if len(entries) > MOST_ENTRIES or unpacked > LARGEST_PACKED or together or any(bombs):
            raise UnreadableModel(say("{path} unpacks to far too much.", path=self.name), ADVICE)
        self.entries = {entry.filename.lstrip("/").lower(): entry for entry in entries}

    def broken(self, error: Exception) -> UnreadableModel:
        return UnreadableModel(
            say("{path} is not a whole ZIP file: {problem}.", path=self.name, problem=error), ADVICE
        )

    def __contains__(self, path: str) -> bool:
        return path.lstrip("/").lower() in self.entries

    def names(self) -> list[str]:
        return [entry.filename for entry in self.entries.values()]

    @contextmanager
    def reading(self, path: str) -> Iterator[IO[bytes]]:
        """A file of it. Raises `UnreadableModel` if it is not there or cannot be unpacked, also while it is
        read.
        """
        entry = self.entries.get(path.lstrip("/").lower())
        if entry is None:
            raise UnreadableModel(say("{path} lacks its part {part}.", path=self.name, part=path), ADVICE)
        if entry.flag_bits & 1:
            raise UnreadableModel(
                say("{path} is encrypted.", path=self.name), "Save it without a password, and try again."
            )
        try:
            with self.file.open(entry) as file:
                yield file
        except UNPACKING as error:
            raise self.broken(error) from error

    def read(self, path: str) -> bytes | None:
        """A small thing of it; None if it is not there or large."""
        entry = self.entries.get(path.lstrip("/").lower())
        if entry is None or entry.file_size > LARGEST_PICTURE_FILE:
            return None
        with self.reading(path) as file:
            return file.read()


class Folder:
    """What lies in the folder of a file, and in folders of that."""

    def __init__(self, main: Path) -> None:
        self.main = main

    def read(self, name: str) -> bytes | None:
        try:
            found = beside(self.main, name)
            if found is None or found.stat().st_size > LARGEST_PICTURE_FILE:
                return None
            return found.read_bytes()
        except (OSError, ValueError):  # a name that is no name, or may not be read
            return None


class Within:
    """What lies in a folder of a ZIP file."""

    def __init__(self, packed: Packed, folder: str) -> None:
        self.packed, self.folder = packed, folder

    def read(self, name: str) -> bytes | None:
        path = plain_path(name)
        return self.packed.read(posixpath.join(self.folder, path)) if path else None


Place = Folder | Within


def taken_picture(place: Place, reference: str) -> tuple[NDArray[np.uint8] | None, str]:
    """``(H, W, 3)`` of the picture that a file names by a path or URI, or None and why it was not taken."""
    reference = unquote(reference.strip())
    name = reference.replace("\\", "/").rpartition("/")[2][:100]
    data = place.read(reference)
    if data is None:
        return None, say("The texture {name} was not taken: it does not lie with the file.", name=name)
    try:
        return picture(io.BytesIO(data)), ""
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        return None, say("The texture {name} was not taken: {problem}.", name=name, problem=error)
