"""Paths that strangers write: in manifests, in zip files, in spreadsheets. Which of them stay inside?"""

import re
import unicodedata

from oberih.i18n import say

__all__ = ["folded", "same_text", "shown", "trouble_elsewhere", "unsafe"]

DRIVE = re.compile(r"[A-Za-z]:")
RESERVED = re.compile(r"(CON|PRN|AUX|NUL|COM[1-9]|LPT[1-9])(\..*)?", re.IGNORECASE)
NOT_IN_WINDOWS = re.compile(r'[<>:"|?*\\\x00-\x1f]')


def unsafe(path: str) -> str:
    """Why ``path`` does not lead to a place inside of a folder on every system; "" if it does."""
    if not path or "\0" in path:
        return say("it is empty or holds a zero byte")
    try:
        path.encode()
    except UnicodeEncodeError:
        return say("it is not Unicode text")
    if path[0] in "/\\" or DRIVE.match(path):
        return say("it is absolute")
    if path[0] == "~":
        return say("it begins with ~, which means somebody's home folder")
    if ".." in re.split(r"[/\\]", path):
        return say("it leads out through ..")
    if any(part in ("", ".") for part in path.split("/")):
        return say("it has an empty part or a part that is a dot")
    return ""


def trouble_elsewhere(path: str) -> bool:
    """Whether Windows cannot hold a file of this name."""
    parts = path.split("/")
    return any(NOT_IN_WINDOWS.search(p) or RESERVED.fullmatch(p) or p[-1:] in (" ", ".") for p in parts)


def same_text(path: str) -> str:
    """The same for names that look the same (Unicode normalization form C)."""
    return unicodedata.normalize("NFC", path)


def folded(path: str) -> str:
    """The same for names that differ at most in case and Unicode normalization."""
    return same_text(same_text(path).casefold())


def shown(path: str) -> str:
    """``path`` for messages: file names that are not Unicode have their odd bytes written out."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
