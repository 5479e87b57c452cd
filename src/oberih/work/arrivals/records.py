"""What is said about arriving files: who sends, what was offered, what is there, what is refused and why."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from oberih.errors import OberihError

__all__ = [
    "ArrivingFile",
    "Contribution",
    "Limits",
    "Offered",
    "Receipt",
    "Received",
    "ReceivedFile",
    "Refused",
    "Uploader",
    "Why",
]

GB = 10**9


class Why(Enum):
    """Why something was refused; a face says it in its own way (HTTP: a status)."""

    WRONG = "what was asked makes no sense"
    UNKNOWN = "there is no such contribution (of this account)"
    GONE = "it was there once"
    CONFLICT = "more, or less, has arrived than the sender thinks; or it is finished"
    INCOMPLETE = "not all files are there"
    TOO_LARGE = "more than the limits, or than was offered"
    NO_ROOM = "no room on the disk"
    BUSY = "somebody else is at it right now"
    STALLED = "nothing comes any more"
    DAMAGED = "the bytes are not those of the checksum"


class Refused(OberihError):
    """What was asked of the arrivals is refused, for the reason ``why``."""

    def __init__(self, why: Why, message: str, advice: str) -> None:
        super().__init__(message, advice)
        self.why = why


@dataclass(frozen=True)
class Limits:
    """What one account may send."""

    files: int = 3000  # of one contribution
    file_bytes: int = 20 * GB
    contribution_bytes: int = 50 * GB
    account_bytes: int = 100 * GB  # offered or arrived, and not deposited yet
    contributions: int = 100  # not deposited yet
    at_once: int = 24  # files that arrive at the same moment, per web process


@dataclass(frozen=True)
class Uploader:
    """Who sends: an account and what it may."""

    account: str  # letters, digits, - and _: it names a folder
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Offered:
    """A file that somebody wants to send."""

    name: str
    size: int  # bytes
    type: str = ""  # media type, as the sender believes
    last_modified: int | None = None  # milliseconds since 1970, as browsers say it
    # Without a time nothing is ever "the same file": two raw photos of one name have one size as well.


@dataclass(frozen=True)
class ArrivingFile:
    """An offered file with the random ``id`` that its data file is named by."""

    id: str
    name: str  # safe to show, and distinct within the contribution
    size: int
    type: str = ""
    last_modified: int | None = None
    given: str = ""  # the name as it was offered: the same file offered again is known by it

    @property
    def same(self) -> Offered:
        """As what it was offered: who offers the same again (type aside) means this one."""
        return Offered(self.given, self.size, last_modified=self.last_modified)


@dataclass(frozen=True)
class Contribution:
    """Many files that belong together."""

    id: str
    account: str
    folder: Path
    created: str  # ISO 8601, UTC
    files: tuple[ArrivingFile, ...] = ()
    note: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)  # whatever the face asked for: licence, consents
    key: str = ""  # by which the sender asks for it again if the first answer got lost

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)

    def path(self, file: ArrivingFile) -> Path:
        return self.folder / file.id

    def arrived(self, file: ArrivingFile) -> int:
        """Bytes of ``file`` that are there."""
        try:
            return self.path(file).stat().st_size
        except FileNotFoundError:
            return 0

    def whole(self, file: ArrivingFile) -> bool:
        try:
            return self.path(file).stat().st_size == file.size
        except FileNotFoundError:
            return False

    def manifest(self) -> dict[str, Any]:
        return {
            "schema": 1, "id": self.id, "created": self.created, "key": self.key, "note": self.note,
            "details": dict(self.details), "files": [asdict(file) for file in self.files],
        }  # fmt: skip


@dataclass(frozen=True)
class Receipt:
    """What has been received, byte for byte.

    ``sha256`` is of the list that ``LC_ALL=C sha256sum -- *`` prints in a folder with these files, so that
    anybody can check it: one line per file, ``digest  name``, sorted by name.
    """

    contribution: str
    received: str  # when the last byte came: ISO 8601, UTC
    files: tuple[Mapping[str, Any], ...]  # name, size, sha256; sorted by name
    missing: tuple[str, ...]  # offered, but never here in whole
    bytes: int
    sha256: str

    def json(self) -> dict[str, Any]:
        return {"schema": 1, **asdict(self)}


@dataclass(frozen=True)
class ReceivedFile:
    name: str
    size: int
    type: str
    last_modified: int | None
    sha256: str
    path: Path  # of the data file, whose own name is random


@dataclass(frozen=True)
class Received:
    """A finished contribution, ready to be deposited."""

    contribution: Contribution
    receipt: Receipt
    files: tuple[ReceivedFile, ...]
