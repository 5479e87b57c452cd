"""Pages of what is written down besides recordings: collections, organisations, condition reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar, Literal

from oberih.web.views.frame import View
from oberih.web.views.people import Option

__all__ = ["RegisterPage", "RegisterRow", "ReportRow", "ReportsPage"]


@dataclass(frozen=True)
class RegisterRow:
    """A collection, or an organisation."""

    id: str
    names: Mapping[str, str]  # language -> name
    words: str = ""  # what else is to be told of it


@dataclass(frozen=True)
class RegisterPage(View):
    """All collections, or organisations, with a form for a new one; or the form of one of them."""

    template: ClassVar[str] = "register.html.j2"
    kind: Literal["collections", "organisations"]
    rows: tuple[RegisterRow, ...] = ()
    may_make: bool = False
    id: str = ""  # of the one that is changed here; empty: the list
    name: str = ""  # of it
    version: int = 0
    languages: tuple[str, ...] = ()  # in which it has, or may get, a name
    values: Mapping[str, str] = field(default_factory=dict)  # field of the form -> what is in it
    organisations: tuple[Option, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportRow:
    id: str
    assessed: date
    grade: str  # key of `GRADES`
    assessor: str  # pseudonym
    event: str = ""


@dataclass(frozen=True)
class ReportsPage(View):
    """What was said of the condition of a subject, with a form for a new report; or the form of one."""

    template: ClassVar[str] = "reports.html.j2"
    subject: str  # as one part of a path
    title: str
    rows: tuple[ReportRow, ...] = ()
    may_report: bool = False
    id: str = ""  # of the report that is changed here; empty: the list
    version: int = 0
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
