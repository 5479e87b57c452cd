"""What the form of a review says, and the form once more as somebody filled it in: nothing typed is lost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oberih.archive.metadata import Description
from oberih.catalogue.tables import Subject
from oberih.errors import InputError
from oberih.i18n import say
from oberih.web.inside.forms import Given
from oberih.web.inside.office.common import number_of
from oberih.web.inside.office.queue import kind_of
from oberih.web.views.words import CHECKS, KINDS

__all__ = ["ANSWERS", "SUMMARY", "TITLE", "Filled", "described_by", "unsent", "written"]

ANSWERS = (
    "precision", "reason", "due", "embargo", "names", "where", "area", "comment",
    *(f"check-{key}" for key in CHECKS),
)  # fmt: skip
TITLE, SUMMARY = "title-", "summary-"


@dataclass(frozen=True)
class Filled:
    """A form that was sent, and not taken. ``warnings``: in its words, nobody has judged them."""

    sent: Given
    warnings: Sequence[Mapping[str, Any]] = ()

    @property
    def answers(self) -> dict[str, str]:
        return {name: self.sent(name) for name in ANSWERS}

    def knows(self, subject: Subject) -> bool:
        """Whether its words are those of the subject as it is now, and not of one that others changed."""
        return number_of(self.sent("words-version")) == subject.version


def written(sent: Given, prefix: str) -> dict[str, str]:
    """Language -> what the fields of a form hold, as people mean it."""
    return {
        name.removeprefix(prefix): sent(name).replace("\r\n", "\n").strip()
        for name in sent.fields if name.startswith(prefix)
    }  # fmt: skip


def described_by(subject: Subject, sent: Given) -> Description | None:
    """The description with the words of a form; None if it has them already. Raises `InputError`."""
    before = Description.model_validate(subject.description, strict=False)
    told, changed = dict(subject.description), False
    for part, prefix in (("titles", TITLE), ("summary", SUMMARY)):
        known = {code: one.strip() for code, one in getattr(before, part).items()}
        now = {code: one for code, one in (known | written(sent, prefix)).items() if one}
        if now != known:
            told[part], changed = now, True
    if sent("kind") and sent("kind") != kind_of(subject):
        if sent("kind") not in KINDS:
            raise InputError("There is no such kind.", "Choose one of the list.")
        told["kind"], changed = sent("kind"), True
    if changed and not told.get("titles"):
        raise InputError("It needs a title.", "Write one in at least one language.")
    return Description.make(told) if changed else None


def unsent(filled: Filled, *, words: bool) -> Iterator[tuple[str, str]]:
    """What somebody wrote of something that others decided meanwhile: a name, and the text. ``words``: titles
    and summaries, too.
    """
    for name, label in (("reason", say("Why?")), ("comment", say("A word to the contributor"))):
        if filled.sent(name).strip():
            yield label, filled.sent(name).strip()
    for prefix, label in ((TITLE, say("Title")), (SUMMARY, say("Summary"))) if words else ():
        for code, text in written(filled.sent, prefix).items():
            if text:
                yield say("{name} ({language})", name=label, language=code), text
