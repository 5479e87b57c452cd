"""The 3D viewer: on the page of a record, and alone on a page that other sites show in a frame."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import ClassVar

from oberih.web.views.frame import Picture, View

__all__ = ["FRAME_PX", "EmbedPage", "Viewer", "frame_line"]

FRAME_PX = (640, 480)
"""Width and height of the viewer on other sites, where there is so much room: 4 to 3, as posters are."""


def frame_line(address: str, title: str, size: tuple[int, int] = FRAME_PX) -> str:
    """The line of HTML that shows the viewer on any page; it shrinks with what it stands in."""
    width, height = size
    return (
        f'<iframe src="{escape(address)}" width="{width}" height="{height}" title="{escape(title)}"'
        f' style="border:0;max-width:100%;height:auto;aspect-ratio:{width}/{height}"'
        ' allow="fullscreen; xr-spatial-tracking" loading="lazy"></iframe>'
    )


@dataclass(frozen=True)
class Viewer:
    """A model that can be looked at from all sides. Everything else the viewer reads from ``record``."""

    record: str  # address of the record as JSON
    titles: Mapping[str, str]
    poster: Picture | None = None
    compare: str = ""  # identifier of a record to show beside it
    files: str = "/files/"  # address of the folder of its files


@dataclass(frozen=True)
class EmbedPage(View):
    """The viewer alone, for a frame of another site. ``page``: address of the record's own page."""

    template: ClassVar[str] = "embed.html.j2"
    viewer: Viewer
    page: str
    credit: str = ""  # who is to be named
    rights: str = ""  # address of a licence or statement
