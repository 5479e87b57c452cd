"""Changing the words of a subject. What is public, or is about to be, is published by being saved: so all
that software notices in it is judged before, by the custodian who saves it.
"""

from collections.abc import Collection, Mapping

from sqlalchemy.orm.attributes import flag_modified

from oberih.archive.metadata import Description
from oberih.catalogue.outdated import outdate
from oberih.catalogue.tables import Review, Subject
from oberih.errors import Conflict
from oberih.work.flow.locking import lock, open_reviews
from oberih.work.flow.noticing import Unjudged, mark_of, noticed
from oberih.work.flow.publishing import project
from oberih.work.flow.reviewing import MEANWHILE
from oberih.work.service import Service

__all__ = ["change_words"]

NOTHING: Mapping[str, int] = {}


def change_words(
    service: Service, subject: str, actor: str, described: Description, *, seen_version: int,
    seen_reviews: Mapping[str, int] = NOTHING, harmless: Collection[str] = (),
) -> dict[str, int]:  # fmt: skip
    """Write down titles, summaries and the kind. ``harmless``: `mark_of` what was judged. ``seen_reviews``:
    versions of open reviews of it that the custodian looked at.

    Returns the versions that the subject and its open reviews have now, by identifier. Raises `Conflict` if
    somebody changed one of them meanwhile, `Unjudged`.
    """
    with service.database.writing(actor, "edit description") as session:
        public = lock(session, subject)
        row = session.get_one(Subject, subject)
        if row.version != seen_version:
            raise Conflict(*MEANWHILE)
        row.description = described.model_dump(mode="json", exclude_defaults=True)
        row.title = described.title()
        session.flush()
        if public is not None and public.passed:
            found = noticed(session, session.get_one(Review, public.passed))  # what it passed with is judged
            left = [one for one in found if not one["settled"] and mark_of(one) not in harmless]
            if left:
                raise Unjudged(left)
        rows: list[Subject | Review] = [row]
        for review in open_reviews(session, subject):
            if review.version != seen_reviews.get(review.id, review.version):
                raise Conflict(*MEANWHILE)
            review.warnings = noticed(session, review)
            flag_modified(review, "warnings")  # who looks at it elsewhere has not seen these words
            rows.append(review)
        if public is not None and public.visible:
            outdate(session, subject)
        session.flush()
        versions = {one.id: one.version for one in rows}
    if public is not None and public.visible:
        project(service, subject)
    return versions
