"""The page that explains open data to those who write programs."""

from dataclasses import dataclass
from typing import ClassVar

from oberih.web.views.frame import View

__all__ = ["DataPage"]


@dataclass(frozen=True)
class DataPage(View):
    template: ClassVar[str] = "api.html.j2"
    example: str = ""  # a record, as addresses have it; empty: there is none yet
