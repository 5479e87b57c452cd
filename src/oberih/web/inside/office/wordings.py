"""The words of a subject as the page of a review shows them: to be changed, and to be judged before."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from oberih.archive.metadata import Description
from oberih.catalogue.tables import Subject
from oberih.web.inside.office.filled import SUMMARY, TITLE, Filled, written
from oberih.web.inside.office.warned import warned
from oberih.web.views import Warned, Wording
from oberih.work.flow.noticing import mark_of

__all__ = ["one_of", "reworded", "wordings"]


def wordings(subject: Subject | None, languages: Sequence[str], filled: Filled | None) -> tuple[Wording, ...]:
    """Titles and summaries, to be changed, in all languages of the service.

    What somebody typed stands in the fields; if others changed the words meanwhile, beside them.
    """
    if subject is None:
        return ()
    named = Description.model_validate(subject.description, strict=False)
    titles, summaries = dict(named.titles), dict(named.summary)
    names, words = (written(filled.sent, one) if filled else {} for one in (TITLE, SUMMARY))
    if filled is not None and filled.knows(subject):
        titles, summaries = titles | names, summaries | words

    def one(code: str) -> Wording:
        title, summary = titles.get(code, ""), summaries.get(code, "")
        beside = ((names.get(code), title), (words.get(code), summary))
        return Wording(code, title, summary, tuple(told for told, now in beside if told and told != now))

    return tuple(one(code) for code in dict.fromkeys([*named.languages, *languages]))


def reworded(filled: Filled | None) -> tuple[Warned, ...]:
    """Warnings in words that were typed, which the form asks about."""
    if filled is None:
        return ()
    judged = filled.sent.all("harmless")
    return tuple(one_of(one, judged) for one in filled.warnings)


def one_of(warning: Mapping[str, Any], judged: Sequence[str]) -> Warned:
    """A warning as a form asks about it."""
    mark = mark_of(warning)
    return replace(warned(warning), id=mark, settled=mark in judged)
