"""Files that appear whole or not at all."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oberih.errors import OutputError
from oberih.i18n import say

__all__ = ["whole_file", "whole_files", "whole_folder"]


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Write to the path that this gives; it becomes ``path`` at the end. Raises `OutputError`."""
    with whole_files(path) as folder:
        yield folder / path.name


@contextmanager
def whole_files(path: Path) -> Iterator[Path]:
    """Write files into the folder that this gives; they appear beside each other where ``path`` lies, the one
    named like ``path`` last. Raises `OutputError`.
    """
    with told(path):
        scratch = Path(tempfile.mkdtemp(prefix=".oberih-", dir=path.parent))
        try:
            yield scratch
            mask = os.umask(0)
            os.umask(mask)
            for made in sorted(scratch.iterdir(), key=lambda made: (made.name == path.name, made.name)):
                made.chmod(0o666 & ~mask)
                made.replace(path.parent / made.name)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Fill the folder that this gives; it becomes ``path``, which must not be there, or be empty."""
    with told(path):
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise OutputError(say("{path} is not empty.", path=path), "Give an empty or a new folder.")
        scratch = Path(tempfile.mkdtemp(prefix=".oberih-", dir=path.parent))
        try:
            yield scratch
            mask = os.umask(0)
            os.umask(mask)
            scratch.chmod(0o777 & ~mask)
            if path.exists():
                path.rmdir()
            scratch.replace(path)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            advice = "Make room, or choose another disk, then run the same command again."
        else:
            advice = "Choose a folder that is there and can be written to."
        raise OutputError(
            say("{path} cannot be written: {problem}.", path=path, problem=error.strerror or error), advice
        ) from error
