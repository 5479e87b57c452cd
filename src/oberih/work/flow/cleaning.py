"""What is of no use any more, and is removed: ended logins, exports that nobody fetched, drafts that nobody
will look at. Any number of workers may do it at any time.
"""

from datetime import timedelta

from sqlalchemy import and_, or_, select

from oberih.catalogue.accounts.events import sweep as sweep_accounts
from oberih.catalogue.tables import Publication, Review
from oberih.work.flow.drafting import draft_of
from oberih.work.flow.exporting import FOLDER
from oberih.work.flow.exporting import sweep as sweep_exports
from oberih.work.service import Service

__all__ = ["clean"]

UNNAMED = timedelta(days=1)  # files that are being made belong to no review yet


def clean(service: Service) -> None:
    """Remove what has ended."""
    sweep_accounts(service.database)
    sweep_exports(service)
    sweep_drafts(service)


def sweep_drafts(service: Service) -> None:
    """Remove files of drafts that gave way to others, that a killed process left, or that became public or
    were taken back.
    """
    until = service.drafts.now() - UNNAMED
    old = [stat.key for stat in service.drafts.list() if stat.modified < until]
    with service.database.reading() as session:
        seen = and_(Publication.visible, Publication.review == Review.id)  # its files may be made again
        needs = or_(Publication.waiting == Review.id, seen)
        looked_at = or_(Review.state.in_(("open", "refused")), Publication.id.is_not(None))
        asked = select(Review.draft).outerjoin(Publication, needs).where(Review.draft != "", looked_at)
        kept = set(session.scalars(asked))
    for key in old:
        if draft_of(key) not in kept and not key.startswith(f"{FOLDER}/"):
            service.drafts.delete(key)
