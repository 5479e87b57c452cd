"""One example, or more, of everything that a page can show."""

from oberih.web.views import DataPage
from web.page_parts import Sample
from web.page_people import PEOPLE
from web.page_public import PUBLIC
from web.page_register import REGISTER
from web.page_viewer import VIEWERS
from web.page_work import WORK

__all__ = ["PAGES"]

DATA: dict[str, Sample] = {"api": (DataPage(), None, "/api")}
PAGES: dict[str, Sample] = DATA | PUBLIC | PEOPLE | WORK | REGISTER | VIEWERS
