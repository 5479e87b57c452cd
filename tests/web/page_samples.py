"""One example, or more, of everything that a page can show."""

from web.page_parts import Sample
from web.page_people import PEOPLE
from web.page_public import PUBLIC
from web.page_register import REGISTER
from web.page_work import WORK

__all__ = ["PAGES"]

PAGES: dict[str, Sample] = PUBLIC | PEOPLE | WORK | REGISTER
