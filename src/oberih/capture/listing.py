"""Which files lie among the paths that were given, and what each of them is called.

A name says no more of its folders than it must: folders above those that were given belong to a person's
disk ("home/jane"), not to the photos. A link has its own name, not that of the file it leads to.
"""

import errno
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from oberih.errors import InputError
from oberih.i18n import say

__all__ = ["Listed", "check_given", "listed", "printable", "unique_names"]


@dataclass(frozen=True)
class Listed:
    """A file, or a link that leads nowhere, and the path that was given by which it was found."""

    path: Path
    given: Path  # the file itself, or a folder above it

    @property
    def inside(self) -> tuple[str, ...]:
        """Folders below the one that was given, and the file's name."""
        return (self.path.name,) if self.path == self.given else self.path.relative_to(self.given).parts

    @property
    def outside(self) -> tuple[str, ...]:
        """The folders before `inside`, as they were given."""
        folder = self.given.parent if self.path == self.given else self.given
        parts = folder.parts[len(folder.anchor) > 0 :]
        above = [number for number, part in enumerate(parts) if part == ".."]
        return parts[above[-1] + 1 :] if above else parts


def check_given(path: Path | str) -> None:
    """Raise `InputError` unless ``path`` is that of a file or folder that can be looked at."""
    if str(path) == "":
        raise InputError(
            "The path of a photo is empty.", "Give files or folders; the folder you are in is called '.'."
        )
    try:
        Path(path).stat()
    except FileNotFoundError as error:
        raise InputError(
            say("There is no file or folder {path}.", path=path), "Check the spelling of the path."
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in it
        why = getattr(error, "strerror", None) or "?"
        raise InputError(
            say("{path} cannot be looked at: {why}.", path=path, why=why),
            "Check the spelling of the path, and that you may read what is there.",
        ) from error


def listed(
    paths: Iterable[Path],
    ignore: Sequence[Path],
    unreadable: Callable[[OSError], None],
    *,
    everything: bool = False,
) -> Iterator[Listed]:
    """Files in natural order, each once.

    Hidden ones, and what lies in the folders ``ignore``, are passed over. Links are followed, each folder is
    searched once. ``unreadable`` is told of folders that cannot be searched. With ``everything``, hidden
    files are listed too, a file under each of its names, and ``unreadable`` is told of pipes and the like.
    """
    left_out = {os.path.realpath(path) for path in ignore}
    seen: set[str] = set()

    def to_search(folder: Path) -> bool:
        real = os.path.realpath(folder)
        new = real not in left_out and real not in seen
        seen.add(real)
        return new

    for path in paths:
        check_given(path)
        inside = [path]
        if path.is_dir():
            inside = []
            seen.add(os.path.realpath(path))
            for folder, folders, files in os.walk(path, onerror=unreadable, followlinks=True):
                folders[:] = [
                    f for f in sorted(folders)
                    if (everything or not f.startswith(".")) and to_search(Path(folder, f))
                ]  # fmt: skip
                inside += [Path(folder, f) for f in files if everything or not f.startswith(".")]
            inside.sort(key=lambda p: natural(p.relative_to(path).as_posix()))
        for file in inside:
            real = str(file.absolute()) if everything else os.path.realpath(file)
            if real in seen:
                continue
            if worth_telling(file):
                seen.add(real)
                yield Listed(file, path)
            elif everything:
                unreadable(OSError(errno.EINVAL, say("neither a file nor a folder"), str(file)))


def worth_telling(path: Path) -> bool:
    """Whether ``path`` is a file, or was meant to lead to one; not a socket or the like."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True  # whoever opens it learns why not


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key in which numbers count: IMG_2 before IMG_10."""
    parts = re.split(r"([0-9]+)", name.lower())
    return [(0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts] + [
        (2, 0, name)
    ]


def unique_names(files: Sequence[Listed], *, whole: bool = False) -> dict[Path, str]:
    """The file's name, with as many of its folders as it takes to tell it from the others.

    Folders above those that were given come in only where nothing else helps. With ``whole`` a name always
    has all folders below the one that was given.
    """
    parts = {file.path: (*file.outside, *file.inside) for file in files}
    full = {path: printable("/".join(every)) for path, every in parts.items()}
    inside = {file.path: len(file.inside) for file in files}
    depth = {path: most if whole else 1 for path, most in inside.items()}
    for most in (inside, {path: len(every) for path, every in parts.items()}):
        while True:
            groups: dict[str, list[Path]] = {}
            for path in depth:
                groups.setdefault(printable("/".join(parts[path][-depth[path] :])), []).append(path)
            apart = (group for group in groups.values() if len({full[path] for path in group}) > 1)
            longer = [path for group in apart for path in group if depth[path] < most[path]]
            if not longer:
                break
            for path in longer:
                depth[path] += 1
    names = numbered(groups)
    return {path: names[path] for path in depth}


def numbered(groups: dict[str, list[Path]]) -> dict[Path, str]:
    """Names from ``groups`` of files by their name: the second of a group becomes "name (2).jpg"."""
    names = {group[0]: name for name, group in groups.items()}
    taken = set(groups)
    for name, (_, *others) in groups.items():
        pure = PurePath(name)
        number = 2
        for path in others:
            while (other := pure.with_name(f"{pure.stem} ({number}){pure.suffix}").as_posix()) in taken:
                number += 1
            taken.add(other)
            names[path] = other
    return names


def printable(name: str) -> str:
    """``name`` with %FF for bytes that are not UTF-8, so that it can be written anywhere."""
    return "/".join(
        re.sub("[\udc80-\udcff]", lambda found: f"%{ord(found[0]) - 0xDC00:02X}", part.replace("%", "%25"))
        if re.search("[\udc80-\udcff]", part)
        else part
        for part in name.split("/")
    )
