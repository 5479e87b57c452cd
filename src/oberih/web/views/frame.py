"""What every page has: who looks at it, in which language, and what it tells besides its own matter."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from oberih.i18n import Language

__all__ = [
    "ONE_PAGE",
    "EmbedErrorPage",
    "ErrorPage",
    "FigureRow",
    "Frame",
    "Notice",
    "Paging",
    "Picture",
    "Role",
    "View",
    "Visitor",
]

Role = Literal["contributor", "coordinator", "custodian", "partner", "admin"]


@dataclass(frozen=True)
class Visitor:
    """Who is logged in."""

    name: str
    roles: frozenset[Role]

    def has(self, *roles: Role) -> bool:
        """Whether this person has one of ``roles``."""
        return not self.roles.isdisjoint(roles)


@dataclass(frozen=True)
class Notice:
    """One sentence on top of a page about what just happened."""

    text: str
    kind: Literal["done", "warning"] = "done"


@dataclass(frozen=True)
class Frame:
    """What surrounds a page."""

    language: Language
    path: str  # of this page, for the language switch
    query: Mapping[str, str] = field(default_factory=dict)
    visitor: Visitor | None = None
    csrf: str = ""  # goes into every form, and with every request of a script
    notice: Notice | None = None
    knows_visitor: bool = True  # the public process does not: it sees no cookies of accounts


@dataclass(frozen=True)
class View:
    """What one page shows. A subclass names its template; texts in it may be `Said`."""

    template: ClassVar[str]


@dataclass(frozen=True)
class Picture:
    """A picture from our own origin. Sizes are in pixels, as it is seen upright."""

    address: str
    width: int
    height: int
    others: tuple[tuple[str, int], ...] = ()  # the same, smaller: address and width, the smallest first


@dataclass(frozen=True)
class FigureRow:
    """A measured figure. ``value`` is empty if it is unknown; then ``method`` says why."""

    name: str
    value: str
    method: str = ""


@dataclass(frozen=True)
class Paging:
    """The way through a long list: addresses of the pages before and after this one."""

    earlier: str = ""
    later: str = ""
    count: int | None = None  # of all pages together; None: not counted


ONE_PAGE = Paging()
"""All of a list is on this page."""


@dataclass(frozen=True)
class ErrorPage(View):
    """What is wrong, and what to do."""

    template: ClassVar[str] = "error.html.j2"
    status: int
    message: str
    advice: str = ""
    to_account: bool = False  # what is to be done is done there
    to_login: bool = False


@dataclass(frozen=True)
class EmbedErrorPage(ErrorPage):
    """The same in a frame of another site: without ways around this one."""

    template: ClassVar[str] = "embed_error.html.j2"
