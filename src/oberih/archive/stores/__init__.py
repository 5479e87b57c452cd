"""A store keeps bytes under keys. This is all that the archive asks of a folder, a bucket or anything else.

Keys are relative paths with "/" between their parts, never with an empty part, "." or "..". Two operations
are atomic on every kind of store: `Store.create` (only if the key is not there) and `Store.replace` (only if
the key still holds what was read). All else, crash safety included, is built on these two.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from oberih.errors import InputError, StoreError
from oberih.i18n import say

__all__ = [
    "CHUNK",
    "NOT_A_FILE",
    "TEMPORARY",
    "AlreadyThere",
    "Changed",
    "Stat",
    "Store",
    "Unreadable",
    "checked_key",
    "exists",
    "open_store",
    "well_formed",
]

CHUNK = 1 << 20  # bytes that are read at once
NOT_A_FILE = "not a file"  # the tag of what `Store.list` shows though it is none: links, devices, pipes
TEMPORARY = ".oberih-"  # how the names of temporary files begin; one left behind may be deleted
WORST_KEY = 1024  # bytes: what S3 allows


class AlreadyThere(Exception):
    """`Store.create`: the key holds something already."""


class Changed(Exception):
    """`Store.replace`: somebody else replaced it first."""


class Unreadable(StoreError):
    """One file cannot be read though its store can: a bad sector, no permission, a link in the file's place.

    To whoever checks or repairs, this is a damaged file, not a store out of reach.
    """


@dataclass(frozen=True)
class Stat:
    """What a store says of one key."""

    key: str
    size: int  # bytes
    modified: datetime  # by the store's own clock, UTC
    tag: str  # changes whenever the content is replaced


class Store(Protocol):
    """Every method raises `StoreError` when the store cannot be reached, is full, or does not let us.

    A key that is not there raises `KeyError`.
    """

    url: str  # without credentials

    def read(self, key: str) -> tuple[bytes, str]:
        """All bytes of a small file, and its tag (see `Stat`)."""

    def stream(self, key: str, start: int = 0) -> Iterator[bytes]:
        """The bytes from ``start`` on, in pieces of at most `CHUNK`."""

    def stat(self, key: str) -> Stat:
        """Size, time and tag."""

    def create(self, key: str, data: bytes) -> str:
        """Put a small file where none is, whole or not at all, durable on return. Returns the tag.

        Raises `AlreadyThere`.
        """

    def replace(self, key: str, data: bytes, tag: str) -> str:
        """Put a small file in the place of the one that had ``tag``, as one step, durable on return.

        Raises `Changed`, also if there is none any more.
        """

    def write(self, key: str, chunks: Iterable[bytes]) -> int:
        """Put a large file under a key that nobody else uses. Returns its size. Durable after `settle`.

        Raises `AlreadyThere`. What iterating over ``chunks`` raises goes through, and no file is left.
        May be called from several threads. What an interrupted call leaves behind is found by `list`.
        """

    def settle(self, prefix: str) -> None:
        """Return when everything written under ``prefix`` survives a power cut."""

    def list(self, prefix: str = "") -> Iterator[Stat]:
        """All files under the folder ``prefix`` ("" for all), however many, in the order of their keys."""

    def folders(self, prefix: str = "") -> Iterator[str]:
        """Keys of the folders directly in the folder ``prefix``, in order."""

    def delete(self, key: str) -> None:
        """Remove a file; nothing happens if there is none. Folders that become empty go too."""

    def now(self) -> datetime:
        """The store's own clock, UTC: for the age of what it holds."""


def exists(store: Store, key: str) -> bool:
    """Whether there is a file under ``key``."""
    try:
        store.stat(key)
    except KeyError:
        return False
    return True


def checked_key(key: str) -> str:
    """``key`` if it is well formed. Raises `ValueError`: a caller's mistake, or a hostile inventory."""
    parts = key.split("/")
    if (
        not key
        or "\0" in key
        or any(part in ("", ".", "..") for part in parts)
        or len(key.encode()) > WORST_KEY
    ):
        raise ValueError(f"not a key: {key!r}")
    return key


def well_formed(key: str) -> bool:
    """Whether ``key`` is one."""
    try:
        return bool(checked_key(key))
    except ValueError:
        return False


def open_store(
    url: str | Path,
    *,
    access_key: str | None = None,
    secret_key: str | None = None,
    session_token: str | None = None,
    create: bool = False,
) -> Store:
    """The store at a path, ``file:///path`` or ``s3://bucket/prefix?endpoint=...`` (see `S3Store`).

    ``create`` makes the folder or bucket if it is not there. Keys default to the environment's (AWS_...).
    """
    from oberih.archive.stores.folder import FolderStore  # it imports this module

    text = str(url)
    parts = urlsplit(text)
    if isinstance(url, Path) or "://" not in text:
        return FolderStore(text, create=create)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return FolderStore(unquote(parts.path), create=create)
    if parts.scheme == "s3":
        from oberih.archive.stores.s3 import S3Store  # folders are opened without loading obstore

        return S3Store(
            text, access_key=access_key, secret_key=secret_key, session_token=session_token, create=create
        )
    raise InputError(
        say("Stores of this kind are not known: {kind}", kind=f"{parts.scheme}://"),
        "Give a folder (/archive, file:///archive) or a bucket (s3://bucket/prefix?endpoint=https://host:port).",
    )
