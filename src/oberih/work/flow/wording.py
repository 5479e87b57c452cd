"""Changing the words of a subject. What is public, or is about to be, is published by being saved: so all
that software notices in it is judged before, by the custodian who saves it.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from oberih.archive.metadata import Description
from oberih.catalogue.tables import Publication, Review, Subject
from oberih.errors import Conflict, InputError
from oberih.work.flow.noticing import noticed
from oberih.work.flow.publishing import project
from oberih.work.flow.reviewing import MEANWHILE
from oberih.work.service import Service

__all__ = ["Unjudged", "change_words", "mark_of"]


class Unjudged(InputError):
    """``warnings`` in words that would be public at once: nobody has judged them."""

    def __init__(self, warnings: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(
            "There are warnings that nobody has judged.", "Change the words, or say that each is harmless."
        )
        self.warnings = warnings


def mark_of(warning: Mapping[str, Any]) -> str:
    """By which somebody says that just this is harmless, wherever in the words it stands."""
    told = "\0".join(str(warning[name]) for name in ("where", "kind", "quote"))
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def change_words(
    service: Service, subject: str, actor: str, described: Description, *, seen_version: int,
    harmless: Collection[str] = (),
) -> None:  # fmt: skip
    """Write down titles, summaries and the kind. ``harmless``: `mark_of` what was judged.

    Raises `Conflict` if somebody changed them meanwhile, `Unjudged`.
    """
    with service.database.writing(actor, "edit description") as session:
        row = session.get_one(Subject, subject, with_for_update=True)
        if row.version != seen_version:
            raise Conflict(*MEANWHILE)
        row.description = described.model_dump(mode="json", exclude_defaults=True)
        row.title = described.title()
        session.flush()
        public = session.get(Publication, subject)
        if public is not None and public.withdrawn is None:
            found = noticed(session, session.get_one(Review, public.review))  # what it passed with is judged
            left = [one for one in found if not one["settled"] and mark_of(one) not in harmless]
            if left:
                raise Unjudged(left)
        for review in session.scalars(
            select(Review).where(Review.subject == subject, Review.state == "open")
        ):
            review.warnings = noticed(session, review)
    if public is not None and public.published is not None and public.withdrawn is None:
        project(service, subject)
