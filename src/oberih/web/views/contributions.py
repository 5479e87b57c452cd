"""Pages for those who record: contributing, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar, Literal

from oberih.web.views.frame import ONE_PAGE, Paging, Picture, View

__all__ = [
    "ContributePage",
    "Contribution",
    "ContributionPage",
    "ContributionsPage",
    "LeftOut",
    "Progress",
    "Receipt",
    "ReceivedFile",
    "Step",
]

State = Literal[
    "arriving", "received", "preserved", "quarantined", "waiting", "reconstructing", "in review", "passed",
    "published", "preserved only", "not reconstructable", "failed", "cancelled", "refused", "withdrawn",
]  # fmt: skip
"""Of a contribution: "arriving", then those of a capture, and "passed" while it is about to be public."""


@dataclass(frozen=True)
class ContributePage(View):
    template: ClassVar[str] = "contribute.html.j2"
    files: int  # most of one contribution
    file_bytes: int  # most of one file
    bytes: int  # most of one contribution
    days: int  # so long an upload that was broken off is kept
    terms: str  # version of the texts that are agreed to
    room: Literal["", "little", "none"] = ""  # whether there is less of it now than one may have
    api: str = "/contributions"  # where scripts send to: the address of the uploads' router
    values: Mapping[str, str] = field(default_factory=dict)  # what was filled in before an error
    consents: frozenset[str] = frozenset()  # that were ticked before it
    errors: Mapping[str, str] = field(default_factory=dict)
    subject: str = ""  # a thing that is known already, to which the files are added
    of: Mapping[str, str] = field(default_factory=dict)  # what it is called, by language
    nameless: bool = False  # whoever contributes has no public name yet


@dataclass(frozen=True)
class Step:
    """One step of what happens to a contribution."""

    key: Literal[
        "arrived", "preserved", "reconstructed", "described", "reviewed", "published",
        "cancelled", "refused", "withdrawn",
    ]  # fmt: skip
    state: Literal["done", "now", "later", "stopped", "skipped", "ended"]
    at: datetime | None = None  # when it was done, or began


@dataclass(frozen=True)
class Progress:
    """How far it is with the present part of a step. More parts may follow."""

    share: float | None  # of 1; None: unknown
    left_s: float | None = None  # of this part; None: unknown
    words: str = ""  # what is being done
    since: datetime | None = None  # when a machine began with it


@dataclass(frozen=True)
class ReceivedFile:
    name: str
    size: int  # bytes
    sha256: str


@dataclass(frozen=True)
class Receipt:
    """What was received, with hashes that anybody can compare."""

    sha256: str  # of the receipt
    at: datetime
    files: tuple[ReceivedFile, ...]
    missing: tuple[str, ...] = ()  # names of files that were announced, and did not come in whole


@dataclass(frozen=True)
class LeftOut:
    """A photo without which the model was made."""

    name: str
    reason: str


@dataclass(frozen=True)
class ContributionPage(View):
    """What happens to a contribution."""

    template: ClassVar[str] = "contribution.html.j2"
    id: str
    title: str
    state: State
    created: datetime
    licence: str  # key of `LICENCES`
    steps: tuple[Step, ...]
    progress: Progress | None = None
    receipt: Receipt | None = None
    files: int = 0
    bytes: int = 0
    picture: Picture | None = None  # of the model that everybody sees
    reason: str = ""  # why it is in this state
    advice: str = ""
    opens: date | None = None  # it passed, and nothing of it is public before that day
    unused: tuple[str, ...] = ()  # names of files that are neither photos nor videos
    left_out: tuple[LeftOut, ...] = ()
    record: str = ""  # address of the public page
    can_cancel: bool = False
    can_withdraw: bool = False
    credited: bool = False  # may be named with it, as they wanted
    nameless: bool = False  # they wanted to be named, and have no public name
    subject: str = ""  # what it shows: more photos of it can be added


@dataclass(frozen=True)
class Contribution:
    """One line of a list of contributions."""

    id: str
    title: str
    state: State
    created: datetime
    files: int
    bytes: int
    picture: Picture | None = None  # of the model that everybody sees


@dataclass(frozen=True)
class ContributionsPage(View):
    template: ClassVar[str] = "contributions.html.j2"
    contributions: tuple[Contribution, ...]
    paging: Paging = ONE_PAGE
