"""How large the thing truly is: one length of it, as the form of a review has it."""

from typing import NamedTuple

from pydantic import ValidationError
from sqlalchemy.orm import Session

from oberih.catalogue.tables import Model, Review
from oberih.i18n import say
from oberih.reconstruct.scale import LONGEST_M, SHORTEST_M
from oberih.web.figures import figure
from oberih.web.inside.forms import Given
from oberih.web.inside.office.case import Case, is_open
from oberih.web.views import LengthFields
from oberih.work.flow.scaling import KnownLength, known_length

__all__ = ["length_changed", "length_fields", "length_in", "no_length", "wrong_length"]

KEPT = "length-kept"
SHARE_DIGITS, OFF_DIGITS = 5, 6
MILLI = 1000
LONGEST_WORDS = 200
NO_NUMBER = say("This is not a number.")
TOO_SHORT = say("This is too small a part of the model to tell its size: choose a longer length.")
TOO_LONG = say("This is longer than the model: measure it on the model again.")
NO_METRES = say("Write how long it truly is, in metres.")


class Texts(NamedTuple):
    """What is in the fields, in the order in which the form keeps what they were made with."""

    share: str = ""
    off: str = ""
    metres: str = ""
    error: str = ""
    what: str = ""

    @classmethod
    def of(cls, known: KnownLength | None) -> "Texts":
        if known is None:
            return cls()
        error = "" if known.error_m is None else f"{known.error_m * MILLI:.10g}"
        share, off = f"{known.share:.{SHARE_DIGITS}f}", f"{known.share_error:.{OFF_DIGITS}f}"
        return cls(share, off, f"{known.metres:.10g}", error, known.what)

    @classmethod
    def sent(cls, sent: Given) -> "Texts":
        return cls(*(sent(name).strip() for name in FIELDS))

    @classmethod
    def kept(cls, sent: Given) -> "Texts":
        """Those that the page came with."""
        return cls(*sent(KEPT).split("|", len(FIELDS) - 1)) if sent(KEPT) else cls()


FIELDS = ("length-share", "length-off", "length-m", "length-error", "length-what")


def length_fields(session: Session, case: Case, sent: Given | None) -> LengthFields | None:
    """The fields: as they are kept, unless somebody filled in others. None: nothing is asked."""
    review = asked_of(case)
    if review is None:
        return None
    now = Texts.of(known_length(review))
    shown, theirs = now, ""
    if sent is not None and edited(sent):
        shown = Texts.sent(sent)
        if now != Texts.kept(sent):
            theirs = in_words(known_length(review))
    return LengthFields(
        *shown, kept="|".join(now) if any(now) else "", theirs=theirs, before=before(session, case, review)
    )


def asked_of(case: Case) -> Review | None:
    """The review that can be given a length: it is open, and its model does not know its scale by itself."""
    return case.review if is_open(case.review) and case.model and not case.model.scale_known else None


def before(session: Session, case: Case, review: Review) -> str:
    """How everybody sees the model before this one in metres, while this one is not; or else empty."""
    if case.public is None or not case.public.visible or case.public.review is None or review.known_length:
        return ""
    shown = session.get_one(Review, case.public.review)
    if known := known_length(shown):
        return in_words(known)
    return say("by marks in its photos") if session.get_one(Model, shown.model).scale_known else ""


def in_words(known: KnownLength | None) -> str:
    if known is None:
        return say("no length")
    metres = figure(known.metres, "m", 3)
    return say("{length} for “{what}”", length=metres, what=known.what) if known.what else metres


def edited(sent: Given) -> bool:
    """Whether somebody wrote another length than the one that the page came with."""
    if not any(name in sent.fields for name in FIELDS):
        return False
    errors: dict[str, str] = {}
    now = length_of(Texts.sent(sent), errors)
    return bool(errors) or now != length_of(Texts.kept(sent), {})


def length_changed(case: Case, sent: Given) -> bool:
    """Whether a form asks for another length. Of a wrong one, `wrong_length` says why."""
    return asked_of(case) is not None and edited(sent)


def no_length(sent: Given) -> bool:
    """Whether a form gives none."""
    return not any(Texts.sent(sent))


def wrong_length(case: Case, sent: Given) -> dict[str, str]:
    """What is wrong with another length that a form asks for: field -> why."""
    errors: dict[str, str] = {}
    if length_changed(case, sent):
        length_of(Texts.sent(sent), errors)
    return errors


def length_in(sent: Given) -> KnownLength | None:
    """The length that a form gives, in which nothing is wrong."""
    return length_of(Texts.sent(sent), {})


def length_of(texts: Texts, errors: dict[str, str]) -> KnownLength | None:
    """The length that fields give, None if they give none; unless ``errors`` says what is wrong with it."""
    told = [number(text, name, errors) for name, text in zip(FIELDS[:4], texts[:4], strict=True)]
    share, off, metres, error = told
    if errors or (share is None and metres is None and error is None):
        return None
    if share is None:
        errors["length-share"] = say("Measure it on the model, too.")
    if metres is None:
        errors["length-m"] = NO_METRES
    elif not SHORTEST_M <= metres <= LONGEST_M:
        errors["length-m"] = say("Write it in metres, like 2.4.")
    elif error is not None and not 0 <= error < metres * MILLI:
        errors["length-error"] = say("Write it in millimetres: less than the length itself.")
    if errors or share is None or metres is None:
        return None
    given = {"share": round(share, SHARE_DIGITS), "metres": metres, "what": texts.what[:LONGEST_WORDS]}
    given |= {} if off is None else {"share_error": round(off, OFF_DIGITS)}
    given |= {} if error is None else {"error_m": error / MILLI}
    try:
        return KnownLength.model_validate(given)
    except ValidationError as wrong:
        if wrong.errors()[0]["loc"]:
            errors["length-share"] = TOO_SHORT if share < 1 else TOO_LONG
        else:
            errors["length-m"] = say("Nothing of this size was recorded: look at both numbers.")
        return None


def number(text: str, name: str, errors: dict[str, str]) -> float | None:
    try:
        return float(text.replace(",", ".")) if text else None
    except ValueError:
        errors[name] = NO_NUMBER
        return None
