"""The 3D viewer: on the page of a record, and alone on a page that other sites show in a frame."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from oberih.web.views.frame import Picture, View

__all__ = ["EmbedPage", "Viewer"]


@dataclass(frozen=True)
class Viewer:
    """A model that can be looked at from all sides. Everything else the viewer reads from ``record``."""

    record: str  # address of the record as JSON
    titles: Mapping[str, str]
    poster: Picture | None = None
    compare: str = ""  # identifier of a record to show beside it


@dataclass(frozen=True)
class EmbedPage(View):
    """The viewer alone, for a frame of another site. ``page``: address of the record's own page."""

    template: ClassVar[str] = "embed.html.j2"
    viewer: Viewer
    page: str
    credit: str = ""  # who is to be named
    rights: str = ""  # address of a licence or statement
