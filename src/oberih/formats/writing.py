"""Files that appear whole or not at all."""

import errno
import filecmp
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oberih.errors import OutputError
from oberih.i18n import say

__all__ = ["FULL", "whole_file", "whole_files", "whole_folder"]

HIDDEN = ".oberih-"  # how folders begin whose content is moved to its place when it is whole
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Write to the path that this gives; it becomes ``path`` at the end. Raises `OutputError`."""
    with whole_files(path) as folder:
        yield folder / path.name


@contextmanager
def whole_files(path: Path) -> Iterator[Path]:
    """Write files into the folder that this gives; they appear beside each other where ``path`` lies, the one
    named like ``path`` last. What lies there already is replaced only if it is ``path`` itself.

    Raises `OutputError`.
    """
    with told(path):
        scratch = Path(tempfile.mkdtemp(prefix=HIDDEN, dir=path.parent))
        try:
            yield scratch
            mask = os.umask(0)
            os.umask(mask)
            for made in lacking(scratch, path):
                made.chmod(0o666 & ~mask)
                made.replace(path.parent / made.name)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def lacking(scratch: Path, path: Path) -> list[Path]:
    """What is to be put beside ``path``, and it itself at the end, without what is there with the same bytes.

    Raises `OutputError` if anything but ``path`` would be replaced.
    """
    found = []
    for made in sorted(scratch.iterdir(), key=lambda made: (made.name == path.name, made.name)):
        there = path.parent / made.name
        if made.name == path.name or not os.path.lexists(there):
            found.append(made)
        elif not there.is_file() or not filecmp.cmp(made, there, shallow=False):
            raise OutputError(
                say("{name} is there already and would be replaced.", name=there),
                "Give another name with -o, or move it away.",
            )
    return found


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Fill the folder that this gives; it becomes ``path``, which must not be there, or be empty."""
    with told(path):
        if path.exists() and not path.is_dir():
            raise OutputError(say("{path} is a file.", path=path), "Give an empty or a new folder.")
        if path.exists() and any(path.iterdir()):
            raise OutputError(say("{path} is not empty.", path=path), "Give an empty or a new folder.")
        scratch = Path(tempfile.mkdtemp(prefix=HIDDEN, dir=path.parent))
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
    """Errors of writing are told of ``path``, also those of files that are made for it in a hidden folder."""
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error
    except OutputError as error:
        if isinstance(error.__cause__, OSError):  # told of a hidden file
            raise unwritable(path, error.__cause__) from error.__cause__
        raise


def unwritable(path: Path, error: OSError) -> OutputError:
    problem = re.sub(rf"[^\s'\"]*{re.escape(HIDDEN)}[^\s'\"]*", path.name, error.strerror or str(error))
    advice = "Choose a folder that is there and can be written to."
    if error.errno in FULL:
        advice = "Make room, or choose another disk, then run the same command again."
    return OutputError(say("{path} cannot be written: {problem}.", path=path, problem=problem), advice)
