"""Whether one store would lie inside of another: what one holds would be the other's damage."""

from pathlib import PurePath
from urllib.parse import urlsplit

from oberih.archive.stores._s3_address import parsed
from oberih.errors import InputError
from oberih.i18n import say

__all__ = ["refuse_nested"]

ADVICE = "Two names for one place would count as two copies. Give another place."


def refuse_nested(place: str, name: str, other: str) -> None:
    """Raise `InputError` if ``place`` is, contains or lies in ``other``, the place of the store ``name``."""
    try:
        (root, parts), (other_root, other_parts) = address(place), address(other)
    except InputError:  # `open_store` says so, of the one that it is about
        return
    if root != other_root:
        return
    if parts == other_parts:
        raise InputError(say("The store {name} is at this place already.", name=name), ADVICE)
    short = min(len(parts), len(other_parts))
    if parts[:short] == other_parts[:short]:
        raise InputError(
            say(
                "{place} and the store {name} lie one in the other.", place=place.partition("?")[0], name=name
            ),
            "Give a place apart from it.",
        )


def address(place: str) -> tuple[str, tuple[str, ...]]:
    """What holds it (a server's bucket, the disks), and the folders that lead there."""
    if "://" not in place:
        return "", PurePath(place).parts
    if urlsplit(place).scheme != "s3":
        return place, ()
    bucket, prefix, options = parsed(place)
    server = urlsplit(options.get("endpoint", ""))
    return f"{server.netloc.lower()} {bucket}", tuple(part for part in prefix.split("/") if part)
