"""The words of a subject as the page of a review shows them: to be changed, and to be judged before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from oberih.archive.metadata import Description
from oberih.catalogue.tables import Subject
from oberih.web.inside.office.warned import warned
from oberih.web.views import Warned, Wording
from oberih.work.flow.wording import mark_of

__all__ = ["Rewording", "reworded", "wordings"]


@dataclass(frozen=True)
class Rewording:
    """Words that were sent and not taken: the fields of the form, and what is to be judged in them."""

    fields: Mapping[str, Any]
    warnings: Sequence[Mapping[str, Any]]


def wordings(
    subject: Subject | None, languages: Sequence[str], sent: Rewording | None
) -> tuple[Wording, ...]:
    """Titles and summaries, to be changed, in all languages of the service."""
    if subject is None:
        return ()
    named = Description.model_validate(subject.description, strict=False)
    codes = dict.fromkeys([*named.languages, *languages])
    fields = sent.fields if sent else {}
    return tuple(
        Wording(
            one, str(fields.get(f"title-{one}", named.titles.get(one, ""))),
            str(fields.get(f"summary-{one}", named.summary.get(one, ""))),
        )
        for one in codes
    )  # fmt: skip


def reworded(one: Mapping[str, Any]) -> Warned:
    """A warning that the form of the words asks about."""
    return replace(warned(one), id=mark_of(one))
