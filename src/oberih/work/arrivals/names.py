"""Names that phones give to files, made fit to be shown, kept and handed on."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

from oberih.archive.exchange.safe_paths import folded, same_text, trouble_elsewhere

__all__ = ["Names", "safe_name"]

MOST_BYTES = 200  # file systems hold 255; leaves room for " (1234)" and for what others append
UNNAMED = "unnamed"
# They turn the direction of writing, so that "gpj.exe" reads as "exe.jpg"; and the byte order mark.
TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
FORBIDDEN = re.compile(r'[<>:"|?*]')  # Windows cannot hold them; slashes were seen to before


def safe_name(given: str) -> str:
    """``given`` without folders, control characters and what some system could not hold. Never empty."""
    name = re.split(r"[/\\]", given)[-1]
    name = TURNING.sub("", name)
    name = "".join(" " if c.isspace() else c for c in name if unicodedata.category(c) not in ("Cc", "Cs"))
    name = FORBIDDEN.sub("_", same_text(name)).strip(" ").rstrip(". ")
    name = re.sub(r"^[.~]+", "_", name)
    name = shortened(name)
    if trouble_elsewhere(name):  # CON, NUL.txt: devices of Windows
        name = f"_{name}"
    return name or UNNAMED


class Names:
    """The names of one folder. No two differ only in case or in how their letters are encoded."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = {folded(name) for name in taken}
        self.last: dict[str, int] = {}  # highest number behind a name: thousands may be "image.jpg"

    def give(self, given: str) -> str:
        """A safe name as near to ``given`` as can be; from now on it is taken."""
        name = found = safe_name(given)
        path, number = PurePosixPath(name), self.last.get(folded(name), 1)
        while folded(found) in self.taken:
            number += 1
            found = f"{path.stem} ({number}){path.suffix}"
        self.taken.add(folded(found))
        self.last[folded(name)] = number
        return found


def shortened(name: str) -> str:
    """``name`` in at most `MOST_BYTES` of UTF-8, with its extension if that is a short one."""
    if len(name.encode()) <= MOST_BYTES:
        return name
    suffix = PurePosixPath(name).suffix
    suffix = suffix if len(suffix.encode()) <= 16 else ""
    stem = name.encode()[: MOST_BYTES - len(suffix.encode())].decode(errors="ignore")
    return same_text(stem.rstrip(". ") + suffix)
