"""Sample pages with the 3D viewer. What it shows itself is looked at in test_viewer.py."""

from dataclasses import replace

from oberih.web.open.answers import WITHDRAWN
from oberih.web.views import EmbedErrorPage, EmbedPage, Viewer
from web.page_parts import Sample, picture
from web.page_public import RECORD

__all__ = ["NO_MODEL", "VIEWERS"]

NO_MODEL = {
    "id": "ark:/99999/fk4xyz12", "version": 1, "titles": RECORD.titles, "scene": None,
    "quality": {"error_um": None}, "files": [], "annotations": [], "tours": [], "relations": [],
}  # fmt: skip
"""As the interface tells of a record without a model: its poster stays."""

VIEWER = Viewer("/api/v1/records/none", RECORD.titles, picture(2))
VIEWERS: dict[str, Sample] = {
    "record-3d": (replace(RECORD, viewer=VIEWER), None, "/records/1"),
    "embed": (EmbedPage(VIEWER, "/records/1", "Мальва", RECORD.rights), None, "/embed/1"),
    "embed-gone": (EmbedErrorPage(410, *WITHDRAWN), None, "/embed/2"),
}
