"""What one page of review is about, and what can be done with it there."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from oberih.catalogue.access import Action
from oberih.catalogue.tables import Capture, Model, Publication, Review, Subject
from oberih.web.inside.desk import Asks
from oberih.web.inside.office.common import ark_of, own, unseen
from oberih.web.inside.office.pictures import Where, where
from oberih.work.flow.projecting import captures_of

__all__ = [
    "Case", "case_of", "decided", "due_or_visible", "has_words", "is_open", "mode_of", "visible",
    "words_public",
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """What one page of review is about: a review, a capture that is set aside, or a public subject of which
    the precision is to be looked at again.
    """

    id: str  # in the address
    subject: Subject | None
    collection: str
    captures: tuple[Capture, ...]
    review: Review | None = None
    capture: Capture | None = None  # set aside
    model: Model | None = None
    public: Publication | None = None
    passed: Review | None = None  # what everybody sees of a subject passed it
    lies: Where = ""  # where its files are

    @property
    def shown(self) -> Review | None:
        """The review of which there are files to be looked at."""
        return (self.review or self.passed) if self.lies else None

    @property
    def version(self) -> int:
        row = self.review or self.capture or self.subject
        return row.version if row is not None else 0


def case_of(who: Asks, identifier: str, action: Action = Action.REVIEW) -> Case:
    """Raises `NotInArchive` if it is not there, or not theirs."""
    with who.desk.service.database.reading() as session:
        found = find(session, identifier)
    if found is None:
        raise unseen()
    own(who, action, found.collection)
    return found


def find(session: Session, identifier: str) -> Case | None:
    if "-" not in identifier:
        review = session.get(Review, identifier)
        if review is None:
            return None
        about = session.get_one(Subject, review.subject)
        model = session.get_one(Model, review.model)
        captures = tuple(captures_of(session, review))
        public = session.get(Publication, review.subject)
        lies = where(session, review, public)
        return Case(identifier, about, review.collection, captures, review, None, model, public, None, lies)
    ark = ark_of(identifier)
    capture = session.get(Capture, ark)
    if capture is not None and capture.state == "quarantined":
        subject = session.get(Subject, capture.subject) if capture.subject else None
        return Case(identifier, subject, capture.collection, (capture,), capture=capture)
    known, public = session.get(Subject, ark), session.get(Publication, ark)
    if known is None or public is None or not public.visible:
        return None
    passed = session.get_one(Review, public.review)
    model, captures = session.get_one(Model, passed.model), tuple(captures_of(session, passed))
    return Case(
        identifier, known, known.collection, captures, model=model, public=public, passed=passed,
        lies=where(session, passed, public),
    )  # fmt: skip


def is_open(review: Review | None) -> bool:
    return review is not None and review.state == "open"


def decided(review: Review) -> str:
    return "passed" if review.state == "passed" else "refused"


def visible(case: Case) -> bool:
    """Whether the public sees it, or will, by the decision that the page is about."""
    public = case.public
    if public is None or case.capture is not None:
        return False
    if case.review is None:
        return public.visible
    return public.waiting == case.review.id or (public.visible and public.review == case.review.id)


def due_or_visible(case: Case) -> bool:
    """Whether its words are public, or will be without anybody looking at them again."""
    return case.public is not None and (case.public.visible or case.public.waiting is not None)


def words_public(case: Case) -> Literal["", "now", "later"]:
    if not due_or_visible(case) or case.public is None:
        return ""
    return "now" if case.public.visible else "later"


def has_words(case: Case) -> bool:
    """Whether they can be changed on this page."""
    return is_open(case.review) or visible(case)


def mode_of(case: Case) -> Literal["review", "quarantine", "again"]:
    return "quarantine" if case.capture else "review" if case.review else "again"
